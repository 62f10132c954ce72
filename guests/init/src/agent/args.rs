//! A command's arguments, checked with the wordings of QEMU's QAPI visitor.

use serde_json::{Map, Value};

use super::error::AgentError;

/// Arguments that are taken one by one; what is left over at the end is an error, as in QAPI.
#[derive(Debug, Default)]
pub struct Args {
    members: Map<String, Value>,
}

impl Args {
    /// Arguments from the request's `arguments` object.
    pub fn new(members: Map<String, Value>) -> Self {
        Args { members }
    }

    /// Takes a member of any type.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Takes an optional string.
    pub fn string_opt(&mut self, name: &str) -> Result<Option<String>, AgentError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong_type(name, "string")),
        }
    }

    /// Takes a required string.
    pub fn string(&mut self, name: &str) -> Result<String, AgentError> {
        self.string_opt(name)?.ok_or_else(|| missing(name))
    }

    /// Takes an optional integer.
    pub fn int_opt(&mut self, name: &str) -> Result<Option<i64>, AgentError> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(wrong_type(name, "integer")),
            },
        }
    }

    /// Takes a required integer.
    pub fn int(&mut self, name: &str) -> Result<i64, AgentError> {
        self.int_opt(name)?.ok_or_else(|| missing(name))
    }

    /// Takes an optional list of strings.
    pub fn strings(&mut self, name: &str) -> Result<Option<Vec<String>>, AgentError> {
        let items = match self.take(name) {
            None => return Ok(None),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong_type(name, "array")),
        };
        items
            .into_iter()
            .enumerate()
            .map(|(at, item)| match item {
                Value::String(text) => Ok(text),
                _ => Err(wrong_type(&format!("{name}[{at}]"), "string")),
            })
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Takes a required list of objects.
    pub fn objects(&mut self, name: &str) -> Result<Vec<Args>, AgentError> {
        let items = match self.take(name) {
            None => return Err(missing(name)),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(wrong_type(name, "array")),
        };
        items
            .into_iter()
            .enumerate()
            .map(|(at, item)| match item {
                Value::Object(members) => Ok(Args::new(members)),
                _ => Err(wrong_type(&format!("{name}[{at}]"), "object")),
            })
            .collect()
    }

    /// Takes a required boolean.
    pub fn boolean(&mut self, name: &str) -> Result<bool, AgentError> {
        match self.take(name) {
            None => Err(missing(name)),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(wrong_type(name, "boolean")),
        }
    }

    /// Refuses what was not taken. To be called before the command acts.
    pub fn finish(&self) -> Result<(), AgentError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(AgentError::generic(format!(
                "Parameter '{name}' is unexpected"
            ))),
        }
    }
}

/// The error for a required member that is not there.
pub fn missing(name: &str) -> AgentError {
    AgentError::generic(format!("Parameter '{name}' is missing"))
}

/// The error for a member of another type than the schema's.
pub fn wrong_type(name: &str, expected: &str) -> AgentError {
    AgentError::generic(format!(
        "Invalid parameter type for '{name}', expected: {expected}"
    ))
}
