//! What is a running machine? The Vm handle and every verb on it.

pub mod qmp;
mod traffic;
