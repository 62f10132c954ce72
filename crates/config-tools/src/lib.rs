//! How do people understand a configuration?
//!
//! The logic behind `virt-test config …`: [`cli::run`] carries out a [`cli::ConfigCommand`]. What
//! the language means is `cartesian`'s business and what a key means is `params`'; here is what
//! people ask about both.

pub mod cli;
mod commands;
mod fmt;
mod index;
mod line;
mod lint;
pub mod lsp;
mod project;
mod pyrepr;
mod reach;
mod render;
mod source;

pub use fmt::format;
pub use lint::{Finding, Rule};
