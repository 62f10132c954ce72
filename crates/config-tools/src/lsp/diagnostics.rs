//! What is wrong, as the editor shows it.

use cartesian::{ConfigError, Loader};
use lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString};

use super::text::range;
use crate::index::{Entry, Span};
use crate::lint::{Finding, Rule, lint};
use crate::project::Project;

const SOURCE: &str = "virt-test";

/// The parser's errors of the project's root and what it includes, or, when there are none, what
/// lint says. Each comes with the path of its file.
pub(super) fn of(project: &Project, loader: &dyn Loader) -> Vec<(String, Diagnostic)> {
    let Some(root) = project.files.first() else {
        return Vec::new();
    };
    if let Err(errors) = crate::source::errors(&root.path, &root.text, loader) {
        return errors.iter().map(of_error).collect();
    }
    // Labels of a file that includes nothing are likely declared in the file that includes it.
    let whole = root
        .index
        .nodes
        .iter()
        .any(|node| matches!(node.entry, Entry::Include { .. }));
    lint(project, &[], loader)
        .iter()
        .filter(|finding| whole || matches!(finding.rule, Rule::WrongValue | Rule::UnknownKey))
        .filter(|finding| finding.rule != Rule::UnreadKey)
        .map(of_finding)
        .collect()
}

fn of_error(error: &ConfigError) -> (String, Diagnostic) {
    let span = Span {
        line: error.line.saturating_sub(1),
        start: error.span.start,
        end: error.span.end.max(error.span.start),
    };
    let diagnostic = Diagnostic {
        range: range(&error.line_text, span),
        severity: Some(DiagnosticSeverity::ERROR),
        source: Some(SOURCE.to_owned()),
        message: with_hint(&error.message, error.hint.as_deref()),
        ..Diagnostic::default()
    };
    (error.source_name.clone(), diagnostic)
}

fn of_finding(finding: &Finding) -> (String, Diagnostic) {
    let severity = if finding.rule.is_error() {
        DiagnosticSeverity::ERROR
    } else {
        DiagnosticSeverity::WARNING
    };
    let diagnostic = Diagnostic {
        range: range(&finding.line_text, finding.place.span),
        severity: Some(severity),
        code: Some(NumberOrString::String(finding.rule.name().to_owned())),
        source: Some(SOURCE.to_owned()),
        message: with_hint(&finding.message, finding.hint.as_deref()),
        ..Diagnostic::default()
    };
    (finding.file.clone(), diagnostic)
}

fn with_hint(message: &str, hint: Option<&str>) -> String {
    match hint {
        Some(hint) => format!("{message}\nhint: {hint}"),
        None => message.to_owned(),
    }
}
