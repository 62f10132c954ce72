//! The `value,key=value,…` form of QEMU's options.

use std::fmt::{Display, Write as _};

/// One option's value under construction. Commas inside values are doubled, as QEMU wants.
pub(crate) struct Opts(String);

impl Opts {
    /// Starts with the value that has no key: a driver's or a type's name.
    pub(crate) fn new(first: impl Display) -> Self {
        Self(escaped(first))
    }

    /// Appends `key=value`.
    pub(crate) fn set(mut self, key: &str, value: impl Display) -> Self {
        let separator = if self.0.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{separator}{key}={}", escaped(value));
        self
    }

    /// Appends `key=value` if there is a value.
    pub(crate) fn maybe(self, key: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// Appends every pair.
    pub(crate) fn all(self, pairs: &[(String, String)]) -> Self {
        let set = |opts: Self, (key, value): &(String, String)| opts.set(key, value);
        pairs.iter().fold(self, set)
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }
}

fn escaped(value: impl Display) -> String {
    value.to_string().replace(',', ",,")
}

/// `on` or `off`.
pub(crate) fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_values_are_doubled() {
        let opts = Opts::new("file").set("filename", "/a,b=c");
        assert_eq!(
            opts.maybe("x", None::<u8>).finish(),
            "file,filename=/a,,b=c"
        );
        assert_eq!(Opts::new("").set("driver", "raw").finish(), "driver=raw");
    }
}
