//! Which host packages are missing, and the exact command that installs them.

mod apt;
mod install;
mod plan;
mod tools;

pub use apt::{Apt, Simulation};
pub use install::{Install, Outcome, ensure};
pub use plan::{PackageQuery, PackagesError, Plan, Privilege, plan};
pub use tools::{OPTIONAL, REQUIRED, Tool, missing};
