//! What can be wrong with a machine before it exists.

use crate::capabilities::Missing;

/// Why a machine cannot be rendered to a QEMU command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// The specification contradicts itself, or asks for what no such machine has.
    #[error("{what} {why} (hint: {hint})")]
    Invalid {
        /// The part that is wrong, such as `disk "d0"`.
        what: String,
        /// What is wrong with it; reads on after `what`.
        why: String,
        /// What to do instead.
        hint: String,
    },
    /// This QEMU does not have what the machine needs: a reason to skip, not to fail.
    #[error(transparent)]
    Unsupported(#[from] Missing),
    /// A chardev or network card of the machine was given nothing to be connected to.
    #[error("channel \"{0}\" has no endpoint")]
    NoEndpoint(String),
}

impl MachineError {
    pub(crate) fn invalid(
        what: impl Into<String>,
        why: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            what: what.into(),
            why: why.into(),
            hint: hint.into(),
        }
    }
}
