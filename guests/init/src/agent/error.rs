//! Error replies, with the classes and wordings of QEMU's own agent.

use std::io;

/// The `class` of an error reply (`QapiErrorClass` in QEMU's QAPI schema).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Anything without a class of its own.
    Generic,
    /// The command does not exist.
    CommandNotFound,
}

impl Class {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Class::Generic => "GenericError",
            Class::CommandNotFound => "CommandNotFound",
        }
    }
}

/// Why a command was refused; becomes an `{"error": …}` reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentError {
    /// The class clients may branch on.
    pub class: Class,
    /// The sentence for people.
    pub desc: String,
}

impl AgentError {
    /// A `GenericError`.
    pub fn generic(desc: impl Into<String>) -> Self {
        AgentError {
            class: Class::Generic,
            desc: desc.into(),
        }
    }

    /// A `GenericError` ending in the system's reason, as in "failed to open file 'x': No such file or directory".
    pub fn system(what: impl std::fmt::Display, error: &io::Error) -> Self {
        AgentError::generic(format!("{what}: {}", reason(error)))
    }

    /// The value of a parameter makes no sense.
    pub fn invalid_parameter(name: &str) -> Self {
        AgentError::generic(format!("Invalid parameter '{name}'"))
    }

    /// The command name is not known.
    pub fn command_not_found(name: &str) -> Self {
        AgentError {
            class: Class::CommandNotFound,
            desc: format!("The command {name} has not been found"),
        }
    }
}

/// The operating system's text for an error, without Rust's "(os error N)".
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => nix::errno::Errno::from_raw(code).desc().to_string(),
        None => error.to_string(),
    }
}
