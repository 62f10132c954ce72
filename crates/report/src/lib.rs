//! What happened, for people and for machines? Pure functions of the event stream.
