//! Which variants does this text describe, and why is that one missing?
