//! The tests we ship, one file each, each short enough to copy.
