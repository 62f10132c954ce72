//! The tiny guest's init: mounts, modules, a shell on the console, and the QEMU guest agent protocol.
//!
//! A library with a thin program around it, so that the protocol can be tested on the host: [`agent`] is the protocol,
//! [`serve`] puts it on any stream, [`init`] is the event loop of process 1, and [`load`] is work for the guest to do.

pub mod agent;
pub mod cmdline;
pub mod init;
pub mod load;
pub mod modules;
pub mod serve;
pub mod uevent;

mod console;
mod mounts;
mod network;
mod port;
mod power;
mod process;
mod ssh;
