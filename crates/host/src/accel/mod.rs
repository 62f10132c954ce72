//! Which accelerator runs guests here: KVM or TCG? Decided by running code.
//!
//! That `/dev/kvm` opens says little: inside a container or another VM it may refuse to run, hang, or interpret the guest's kernel one
//! instruction at a time. So a tiny VM runs a loop for at most 250 ms, and its speed decides.

mod decision;
mod kvm;
mod probe;

pub use decision::{Accel, Decision};
pub use kvm::kvm_probe_child;
pub use probe::probe;
