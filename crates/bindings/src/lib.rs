//! What does the control interface look like in another language?
//!
//! `crates/control/idl` defines what a test in any language can ask for. This generator turns the definition into
//! `bindings/interface.json`, the same as data, and into the regular part of each binding: its types, errors, and a method for every
//! method. What is better written by hand ([`BY_HAND`]) each binding has in a file of its own. A test compares what is checked in.

mod c;
mod compatible;
mod flat;
mod go;
pub mod model;
mod node;
mod perl;
mod python;
mod rust;
mod server;
mod text;

pub use compatible::broken;
pub use flat::{BY_HAND, Flat};
pub use model::{Error, Model};
pub use server::server;

/// A file made by the generator: its path in `bindings`, and its text.
pub type File = (&'static str, String);

/// All files that are generated.
///
/// # Errors
/// The definition is no varlink, or uses what no binding can express.
pub fn generate(definitions: &[String]) -> Result<Vec<File>, Error> {
    let model = Model::parse(definitions)?;
    let flat = Flat::new(&model)?;
    Ok(vec![
        ("interface.json", model.to_json()?),
        ("go/generated.go", go::generate(&flat)),
        ("node/generated.js", node::module(&flat)),
        ("node/generated.d.ts", node::types(&flat)),
        ("python/virt_test/generated.py", python::generate(&flat)),
        ("rust/src/generated.rs", rust::generate(&flat)),
        ("perl/lib/VirtTest/Generated.pm", perl::generate(&flat)),
        ("c/include/virt-test-generated.h", c::header(&flat)?),
        ("c/src/generated.h", c::internal(&flat)),
        ("c/src/generated.c", c::source(&flat)),
    ])
}
