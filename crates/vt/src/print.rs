//! What comes back, for people and for a shell.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::client::Error;

/// Prints a line.
pub(crate) fn line(text: &str) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints text as it is.
pub(crate) fn text(text: &str) {
    // Whoever went away has what they wanted.
    let _ = write!(io::stdout().lock(), "{text}");
}

/// Prints a value: text as it is, a list an element a line, an object a field a line, an object in a list on one line.
pub(crate) fn value(value: &Value) -> io::Result<()> {
    let text = match value {
        Value::Array(values) => values
            .iter()
            .map(|value| format!("{}\n", on_one_line(value)))
            .collect(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields
                .map(|(key, value)| match value {
                    Value::String(text) => format!("{key}: {text}\n"),
                    value => format!("{key}: {value}\n"),
                })
                .collect()
        }
        Value::Null => String::new(),
        Value::String(text) if text.ends_with('\n') => text.clone(),
        value => format!("{}\n", on_one_line(value)),
    };
    write!(io::stdout().lock(), "{text}")
}

/// Prints a list of objects, of each these fields on a line.
pub(crate) fn table(value: &Value, columns: &[&str]) -> io::Result<()> {
    for row in value.as_array().into_iter().flatten() {
        let cells = columns.iter().filter_map(|column| row.get(*column));
        let cells: Vec<String> = cells
            .filter(|cell| !cell.is_null())
            .map(on_one_line)
            .collect();
        line(&cells.join(" "))?;
    }
    Ok(())
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let words: Vec<String> = fields
                .map(|(key, value)| match value {
                    Value::String(text) if !text.contains(char::is_whitespace) => {
                        format!("{key}={text}")
                    }
                    value => format!("{key}={value}"),
                })
                .collect();
            words.join(" ")
        }
        value => value.to_string(),
    }
}

/// Tells an error, on standard error.
pub(crate) fn error(error: &Error, as_json: bool) {
    let text = match error {
        Error::Answer { name, parameters } if as_json => {
            json!({ "error": name, "parameters": parameters }).to_string()
        }
        // Whoever went away has what they wanted.
        Error::Lost(error) if error.kind() == io::ErrorKind::BrokenPipe => return,
        error => format!("vt: {error}"),
    };
    // Nobody is left to tell if standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_fits_on_a_line_and_says_where_its_fields_end() {
        let value = json!({ "name": "vm1", "pid": 7, "none": null, "what": "a b", "list": [1] });
        assert_eq!(on_one_line(&value), r#"list=[1] name=vm1 pid=7 what="a b""#);
    }
}
