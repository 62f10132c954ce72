//! What a test says about itself.

use std::path::Path;

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The first sentence of a function's documentation.
pub fn of_function(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(line),
                ..
            }) if pair.path.is_ident("doc") => Some(line.value()),
            _ => None,
        }
    });
    first_sentence(lines)
}

/// The first sentence of the documentation a source file begins with.
pub fn of_file(source: &Path) -> Option<String> {
    let text = std::fs::read_to_string(source).ok()?;
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    first_sentence(lines.map(str::to_owned))
}

fn first_sentence(lines: impl Iterator<Item = String>) -> Option<String> {
    let paragraph: Vec<String> = lines
        .map(|line| line.trim().to_owned())
        .skip_while(String::is_empty)
        .take_while(|line| !line.is_empty())
        .collect();
    let text = paragraph.join(" ");
    let sentence = match text.find(". ") {
        Some(end) => &text[..=end],
        None => &text,
    };
    (!sentence.is_empty()).then(|| sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_may_span_lines_and_ends_with_its_paragraph() {
        let of = |text: &str| first_sentence(text.lines().map(str::to_owned));
        assert_eq!(of(" One\n line. Two.").as_deref(), Some("One line."));
        assert_eq!(of("\n No stop\n\n Other.").as_deref(), Some("No stop"));
        assert_eq!(of(""), None);
    }
}
