//! What a session is asked to run.

use std::fmt;

/// A line of shell, and what it is given. `"ls /"` and the like become one by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub(crate) line: String,
    pub(crate) input: Option<Vec<u8>>,
    pub(crate) exact: bool,
}

impl Command {
    /// A line of shell, or several.
    pub fn new(line: impl Into<String>) -> Self {
        Command {
            line: line.into(),
            input: None,
            exact: false,
        }
    }

    /// Gives it standard input, any bytes; without, its input is empty. On a console, it is run by a shell of its own then.
    #[must_use]
    pub fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// Wants exactly the bytes it writes, and both streams apart, on every channel. It makes a difference on a console only:
    /// there a shell of its own runs it, and its output goes through files of the guest, where neither the terminal nor
    /// kernel messages touch it.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.exact = true;
        self
    }
}

/// Its beginning, in quotes.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shortened(&self.line))
    }
}

impl From<&str> for Command {
    fn from(line: &str) -> Self {
        Command::new(line)
    }
}

impl From<String> for Command {
    fn from(line: String) -> Self {
        Command::new(line)
    }
}

impl From<&String> for Command {
    fn from(line: &String) -> Self {
        Command::new(line.as_str())
    }
}

/// The beginning of a command, for messages: a long one would hide what is said about it.
pub(crate) fn shortened(line: &str) -> String {
    const LONGEST: usize = 120;
    match line.char_indices().nth(LONGEST) {
        None => format!("{line:?}"),
        Some((end, _)) => format!("{:?}…", &line[..end]),
    }
}

/// One word of a shell's line, whatever is in it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A line of shell that kills a process, all it started, and its process group if it leads one. Each is stopped first, or
/// it could start another behind our back.
pub(crate) fn kill_tree(pid: i64) -> String {
    format!(
        "vt_k(){{ kill -STOP $1;for vt_c in $(cat /proc/$1/task/*/children);do vt_k $vt_c;done;kill -KILL $1;}};\
         {{ vt_k {pid};kill -KILL -{pid};}} 2>/dev/null"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_one_word_whatever_is_in_it() {
        let words = "it's $HOME `x` \"y\"\n\\z";
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {}", quoted(words))])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), words);
    }

    #[test]
    fn a_long_command_is_shortened_between_characters() {
        assert_eq!(shortened("ls"), "\"ls\"");
        let long = shortened(&"ä".repeat(500));
        assert!(long.ends_with("\"…") && long.chars().count() < 130);
    }
}
