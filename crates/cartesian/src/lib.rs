//! Which variants does this text describe, and why is that one missing?
//!
//! The Cartesian configuration language describes many dictionaries ("variants") in one text: `variants` blocks
//! multiply, filters (`only`, `no`) take away, assignments fill in. [`Parser`] reads text, [`Config`] answers.
//!
//! ```
//! use cartesian::{MemoryLoader, Options, Parser};
//!
//! let mut parser = Parser::new(MemoryLoader::new());
//! parser.text("example", "
//! mem = 512
//! variants:
//!     - boot:
//!     - migrate:
//!         mem += 0
//! variants:
//!     - fedora:
//!     - windows:
//!         no migrate
//! ");
//! let config = parser.finish()?;
//! let variants = config.variants(&Options::default()).collect::<Result<Vec<_>, _>>()?;
//! let names: Vec<_> = variants.iter().map(|v| v.name()).collect();
//! assert_eq!(names, ["fedora.boot", "fedora.migrate", "windows.boot"]);
//! assert_eq!(variants[1].get("mem"), Some("5120"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Variants are made one by one as they are asked for; [`Config::names`] and [`Config::count`] make no dictionaries.
//! [`Config::explain`] tells where a value came from, [`Config::why`] and [`Config::why_empty`] which filter removed
//! something, and [`syntax`] takes single lines apart for editors.
//!
//! ```
//! # use cartesian::{MemoryLoader, Options, Parser, Why};
//! let mut parser = Parser::new(MemoryLoader::new());
//! parser.text("tests.cfg", "variants:\n  - boot:\n  - migrate:\n    no boot\n");
//! parser.line("--tests", "only boot");
//! parser.line("--no", "no boot");
//! let config = parser.finish()?;
//! let Some(Why::Removed(removal)) = config.why_empty(&Options::default()) else { panic!() };
//! assert_eq!(removal.by.to_string(), "--no:1: no boot");
//! # Ok::<(), cartesian::ConfigErrors>(())
//! ```
//!
//! The language is described in `docs/cartesian/grammar.md`, where it differs from avocado-vt's parser in
//! `docs/cartesian/differences.md`.
//!
//! The crate knows nothing about what keys mean and does no input or output but through [`Loader`].

mod bounds;
mod config;
mod error;
mod eval;
mod explain;
mod filter;
mod graph;
mod inspect;
mod join;
mod json;
mod lexer;
mod limits;
mod loader;
mod names;
mod parser;
mod patterns;
mod pool;
mod program;
mod strings;
mod suffix;
mod suggest;
pub mod syntax;
mod variant;
mod walk;
mod why;

pub use config::{Config, Options};
pub use error::{BoundError, ConfigError, ConfigErrors, ErrorKind, EvalError};
pub use explain::{Change, Place};
pub use inspect::{Assignment, FilterInfo, FilterUse, VariantInfo};
pub use lexer::Operator;
pub use limits::Limits;
pub use loader::{FsLoader, Loader, MemoryLoader};
pub use parser::Parser;
pub use variant::{Current, Names, Variant, VariantName, Variants};
pub use why::{FilterLine, Nearest, Removal, Why};
