//! Findings as people read them: the line, what is meant underlined, a hint.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::lint::Finding;

/// A finding with its line of text, underlined.
pub(crate) fn finding(finding: &Finding, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let level = if finding.rule.is_error() {
        Level::ERROR
    } else {
        Level::WARNING
    };
    let text = &finding.line_text;
    let start = finding.place.span.start.min(text.len());
    let end = finding.place.span.end.clamp(start, text.len());
    let snippet = Snippet::source(text.as_str())
        .line_start(finding.line)
        .path(finding.file.as_str())
        .annotation(AnnotationKind::Primary.span(start..end));
    let title = level
        .primary_title(finding.message.as_str())
        .id(finding.rule.name());
    let mut group = Group::with_title(title).element(snippet);
    if let Some(hint) = &finding.hint {
        group = group.element(Level::HELP.with_name("hint").message(hint.as_str()));
    }
    renderer.render(&[group])
}
