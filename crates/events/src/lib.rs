//! What happened? The typed, versioned event stream every report is made from.
