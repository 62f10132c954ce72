//! What does this key mean? One table declares every key once.
