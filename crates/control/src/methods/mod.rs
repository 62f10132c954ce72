//! What the methods of the interface do.

mod devices;
mod files;
mod image;
mod jobs;
mod machine;
mod migrate;
mod monitor;
mod network;
mod screen;
mod session;
mod test;

pub(crate) use session::Sessions;
