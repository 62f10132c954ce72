//! What does this key mean? One table declares every key once.
//!
//! A Cartesian configuration yields dictionaries of strings. This crate gives them meaning:
//!
//! - [`Params`] is one such dictionary, with lists of objects (`vms`, `nics`, `images`) and the
//!   per-object view in which `mem_vm1` overrides `mem` ([`Params::object_params`]).
//! - [`Key`] declares what a key is: its [`Kind`], unit, default, where it applies and what it is
//!   for. [`table`] holds all keys the framework reads; a test may declare more of its own.
//! - [`validate`] compares a dictionary with the declarations before anything runs.
//! - [`markdown`] writes the reference page `docs/params.md` from the same declarations.
//!
//! Nothing here does I/O.
//!
//! ```
//! use params::{ByteSize, Params};
//!
//! let params: Params = [("vms", "vm1 vm2"), ("mem", "512"), ("mem_vm2", "1G")].into();
//! let vm2 = params.object_params("vm2");
//! assert_eq!(vm2.need::<ByteSize>("mem")?, ByteSize::mib(1024));
//! assert_eq!(params.need::<ByteSize>("mem")?, ByteSize::mib(512));
//! # Ok::<(), params::ParamError>(())
//! ```

mod dict;
mod interval;
mod key;
mod markdown;
pub mod table;
mod validate;
mod value;

pub use dict::{Params, objects_in};
pub use interval::{Interval, Version};
pub use key::{Key, Kind, TimeUnit, Where};
pub use markdown::markdown;
pub use units::{ByteSize, SizeUnit};
pub use validate::{Problem, Reason, Validator, closest, suggest, validate};
pub use value::{FromParam, ParamError, check, parse_bool, parse_duration};
