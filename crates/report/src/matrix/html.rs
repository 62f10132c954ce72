//! The grid as a page of its own, with nothing to be loaded from elsewhere.

use std::fmt::Write;
use std::path::Path;

use events::Verdict;

use super::{Cell, Matrix};

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:14px/1.4 system-ui,sans-serif;margin:2em}\
table{border-collapse:collapse}\
th,td{border:1px solid #8885;padding:.3em .6em;text-align:left;vertical-align:top}\
thead th{position:sticky;top:0;background:Canvas}\
small{display:block;opacity:.75}\
.pass{background:#2a32}.warn{background:#ca24}.skip{background:#8882}.fail,.error{background:#d334}\
.interrupted,.none{opacity:.6}\
a{color:inherit}";

impl Matrix {
    /// The same grid as a page: with how long each migration took and how fast it was, and links to the evidence, which is beside it.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Migrations</title><style>{STYLE}</style>\n\
             <h1>Migrations</h1>\n<p>virt-test {}, {}{}</p>\n",
            escape(&self.version),
            escape(&self.started.strftime("%F %T UTC").to_string()),
            self.accelerator
                .as_ref()
                .map(|accelerator| format!(", {}", escape(accelerator)))
                .unwrap_or_default(),
        );
        if let Some(signal) = &self.interrupted {
            let _ = writeln!(page, "<p>Interrupted by {}.</p>", escape(signal));
        }
        let pairs = self.pairs();
        page.push_str("<table><thead><tr><th>machine<th>transport<th>option");
        for (from, to) in &pairs {
            let _ = write!(page, "<th>{} &rarr; {}", escape(from), escape(to));
        }
        page.push_str("</thead>\n");
        for way in self.ways() {
            page.push_str("<tr>");
            for word in way {
                let _ = write!(page, "<th>{}", escape(word));
            }
            for pair in &pairs {
                self.push_cell(&mut page, self.cell(way, *pair));
            }
            page.push('\n');
        }
        page.push_str("</table>\n");
        page.push_str("<p>The first time in a cell is how long the guest stood still.</p>\n<ol>\n");
        for reason in self.reasons() {
            let _ = writeln!(page, "<li>{}", escape(reason));
        }
        page.push_str("</ol>\n</html>\n");
        page
    }

    fn push_cell(&self, page: &mut String, cell: Option<&Cell>) {
        let Some(cell) = cell else {
            page.push_str("<td class=none>");
            return;
        };
        let class = cell.verdict.map_or("none", class);
        let _ = write!(page, "<td class={class}>");
        match cell.dir.as_deref().and_then(Path::file_name) {
            Some(dir) => {
                let dir = percent(&dir.to_string_lossy());
                let _ = write!(page, "<a href=\"{dir}/\">{}</a>", cell.word());
            }
            None => page.push_str(cell.word()),
        }
        if let Some(downtime) = cell.downtime_ms() {
            let _ = write!(page, " {downtime} ms");
        }
        if let Some(note) = self.note(cell) {
            let _ = write!(page, " ({note})");
        }
        if let Some(migration) = &cell.migration {
            let figures = &migration.figures;
            let total = figures.total_ms.map(|ms| format!("{ms} ms in all, "));
            let _ = write!(
                page,
                "<small>{}{:.0} Mbit/s, {} rounds<br>{}</small>",
                total.unwrap_or_default(),
                figures.mbps,
                figures.rounds,
                escape(&migration.machine_type)
            );
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Warn => "warn",
        Verdict::Skip => "skip",
        Verdict::Fail => "fail",
        Verdict::Error => "error",
        Verdict::Interrupted => "interrupted",
    }
}

/// Text as it may stand in a page or an attribute of it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name of a file as it may stand in an address.
fn percent(name: &str) -> String {
    let mut address = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                address.push(char::from(byte));
            }
            byte => {
                let _ = write!(address, "%{byte:02X}");
            }
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::tests::sample;

    #[test]
    fn a_page_is_whole_by_itself_and_shows_words_of_a_guest_as_words() {
        let page = sample().to_html();
        assert!(page.contains("<td class=pass><a href=\"1-migrate_matrix/\">PASS</a> 82 ms"));
        assert!(page.contains("902 ms in all, 811 Mbit/s, 3 rounds<br>pc-q35-7.2"));
        assert!(page.contains("the &lt;guest&gt; found wrong\n"), "{page}");
        assert!(!page.contains("http"), "{page}");
        assert_eq!(percent("1-a b%"), "1-a%20b%25");
    }
}
