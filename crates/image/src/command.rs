//! Running the system's tools.

use crate::{Error, Result};
use std::process::{Command, Output};

/// Runs a tool to its end in the C locale and gives back its standard output.
pub(crate) fn run(command: &mut Command, purpose: &'static str) -> Result<String> {
    let output = output(command, purpose)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Command {
        command: shown(command),
        status: output.status.to_string(),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Runs a tool to its end in the C locale, whatever its exit status.
pub(crate) fn output(command: &mut Command, purpose: &'static str) -> Result<Output> {
    command
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::null());
    tracing::debug!(command = shown(command), "running");
    command.output().map_err(|source| Error::Spawn {
        program: command.get_program().into(),
        purpose,
        source,
    })
}

/// The command line as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quoted(&word.to_string_lossy()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A word as a POSIX shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./=:,+@%~".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_tool_is_quoted_with_what_it_said() {
        let error = run(
            Command::new("sh").args(["-c", "echo oh dear >&2; exit 3"]),
            "a test",
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sh -c 'echo oh dear >&2; exit 3'` failed (exit status: 3): oh dear"
        );
    }

    #[test]
    fn a_missing_tool_says_what_it_was_wanted_for() {
        let error = run(
            &mut Command::new("/nonexistent/dpkg-deb"),
            "unpack a package",
        )
        .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("could not run /nonexistent/dpkg-deb (unpack a package): "),
            "{error}"
        );
        assert_eq!(error.hint().as_deref(), Some("apt-get install dpkg"));
    }

    #[test]
    fn words_are_quoted_only_where_the_shell_needs_it() {
        assert_eq!(quoted("a=b"), "a=b");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
