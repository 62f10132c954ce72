//! What this host can do, in one look, and what mends what it cannot.

mod collect;
mod report;

pub use collect::collect;
pub use report::{Disk, Part, Privileges, QemuReport, Report};
