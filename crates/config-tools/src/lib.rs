//! How do people understand a configuration?

mod fmt;
mod index;
mod line;
mod pyrepr;

pub use fmt::format;
