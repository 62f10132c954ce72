//! What machine is that? A machine specification and its rendering to a QEMU command line.

pub mod capabilities;
