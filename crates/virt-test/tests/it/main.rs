//! The program as its users meet it. What needs a real machine is in `machines.rs`.

mod cli;
mod lab;
mod machines;
