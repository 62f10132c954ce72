//! Numbers nobody else has.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A number that is another every time, so that marks and names of ours are met nowhere else.
pub(crate) fn secret() -> u64 {
    RandomState::new().build_hasher().finish()
}
