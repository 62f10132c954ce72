//! The sizes beyond which a configuration is refused instead of exhausting the machine.

/// Limits that no honest configuration meets. See [`Limits::default`] for the values in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many blocks (variants, conditions) may stand inside each other.
    pub nesting: usize,
    /// How many files may include each other in a chain.
    pub include_depth: usize,
    /// How many files may be included in all, each inclusion counted.
    pub includes: usize,
    /// Bytes of configuration text in all files together.
    pub text_bytes: usize,
    /// Bytes that one value may grow to by substitution and appending.
    pub value_bytes: usize,
    /// Bytes that all computed values of one variant may have together.
    pub variant_bytes: usize,
    /// Errors reported before parsing gives up.
    pub errors: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            nesting: 100,
            include_depth: 50,
            includes: 10_000,
            text_bytes: 512 << 20,
            value_bytes: 1 << 20,
            variant_bytes: 16 << 20,
            errors: 100,
        }
    }
}
