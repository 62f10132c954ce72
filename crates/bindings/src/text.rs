//! Names and lines.

/// Parts of a name: `WaitStatus` and `wait_status` are `wait`, `status`.
pub fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut fresh = true;
    for c in name.chars() {
        if c == '_' || c == '-' {
            fresh = true;
            continue;
        }
        if fresh || c.is_uppercase() {
            parts.push(String::new());
        }
        fresh = false;
        if let Some(part) = parts.last_mut() {
            part.extend(c.to_lowercase());
        }
    }
    parts
}

/// `wait_status`.
pub fn snake(name: &str) -> String {
    parts(name).join("_")
}

/// `WAIT_STATUS`.
pub fn upper(name: &str) -> String {
    snake(name).to_uppercase()
}

/// `WaitStatus`.
pub fn pascal(name: &str) -> String {
    parts(name).iter().map(|part| capital(part)).collect()
}

/// `waitStatus`.
pub fn camel(name: &str) -> String {
    let pascal = pascal(name);
    let mut chars = pascal.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

/// `Wait`.
pub fn capital(part: &str) -> String {
    let mut chars = part.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// A text that grows by lines.
#[derive(Default)]
pub struct Page(String);

impl Page {
    pub fn line(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    /// A comment of many lines, each behind `prefix`. None if there is nothing to say.
    pub fn comment(&mut self, prefix: &str, text: &str) {
        for line in text.lines() {
            self.line(format!("{prefix} {line}").trim_end());
        }
    }

    pub fn text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{camel, pascal, snake};

    #[test]
    fn a_name_is_told_in_the_manner_of_each_language() {
        assert_eq!(snake("ConsoleSend"), "console_send");
        assert_eq!(camel("ConsoleSend"), "consoleSend");
        assert_eq!(pascal("max_postcopy_bandwidth"), "MaxPostcopyBandwidth");
    }
}
