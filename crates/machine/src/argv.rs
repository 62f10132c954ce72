//! A QEMU command line's arguments.

use std::fmt;

/// Arguments for a QEMU binary, its own name not included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Argv(Vec<String>);

impl Argv {
    pub(crate) fn push(&mut self, option: &str, value: impl Into<String>) {
        self.0.push(option.to_owned());
        self.0.push(value.into());
    }

    pub(crate) fn flag(&mut self, option: &str) {
        self.0.push(option.to_owned());
    }

    pub(crate) fn extend(&mut self, args: &[String]) {
        self.0.extend_from_slice(args);
    }

    /// The same arguments without a certain option that takes no value.
    pub(crate) fn without(mut self, option: &str) -> Self {
        self.0.retain(|arg| arg != option);
        self
    }

    /// The same machine, but waiting for its state to come from elsewhere (`-incoming defer`), and going on as that state says.
    #[must_use]
    pub fn incoming(self) -> Self {
        let mut argv = self.without("-S");
        argv.push("-incoming", "defer");
        argv
    }

    /// The arguments, one an item.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.0
    }

    /// The arguments as a POSIX shell reads them, an option and its value on one line, `\` at the ends of lines.
    #[must_use]
    pub fn to_shell(&self) -> String {
        let mut text = String::new();
        for arg in &self.0 {
            let separator = match (text.is_empty(), arg.starts_with('-')) {
                (true, _) => "    ",
                (false, true) => " \\\n    ",
                (false, false) => " ",
            };
            text.push_str(separator);
            text.push_str(&shell_quote(arg));
        }
        text
    }
}

/// One argument a line's worth, as [`Argv::to_shell`].
impl fmt::Display for Argv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_shell())
    }
}

/// Quotes a word for a POSIX shell; a word that needs no quotes is left as it is.
#[must_use]
pub fn shell_quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_a_shell_would_take_apart_are_quoted() {
        assert_eq!(shell_quote("-device"), "-device");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("a b"), "'a b'");
        assert_eq!(shell_quote("it's $x"), r"'it'\''s $x'");
    }

    #[test]
    fn every_option_stands_on_a_line_with_its_value() {
        let mut argv = Argv::default();
        argv.flag("-S");
        argv.push("-append", "a b");
        assert_eq!(argv.to_shell(), "    -S \\\n    -append 'a b'");
    }
}
