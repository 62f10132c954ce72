//! The program as its users meet it. What needs a real machine is in `machines.rs`.

#![expect(clippy::unwrap_used, reason = "what does not work out fails the test")]

mod cli;
mod executables;
mod fuzz;
mod lab;
mod machines;
mod matrix;
mod moves;
mod parallel;
mod runner;
mod serve;
mod templates;
mod vms;
