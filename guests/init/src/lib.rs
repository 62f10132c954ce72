//! The tiny guest's init: mounts, modules, a shell on the console, and the QEMU guest agent protocol.
