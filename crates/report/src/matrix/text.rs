//! The grid on a terminal.

use std::fmt::Write;

use anstyle::Style;

use super::{Cell, Matrix};
use crate::console::Palette;

impl Matrix {
    /// The grid: a row for each way to migrate, a column for each pair of QEMUs, and in each cell verdict and downtime. Reasons stand
    /// below.
    #[must_use]
    pub fn to_text(&self, palette: Palette) -> String {
        let pairs = self.pairs();
        let heads = pairs.iter().map(|(from, to)| format!("{from} > {to}"));
        let heads: Vec<String> = heads.collect();
        let ways: Vec<String> = self.ways().iter().map(|way| way.join(" ")).collect();
        let rows = self.ways().into_iter().map(|way| {
            let cells = pairs.iter().map(|pair| self.cell(way, *pair));
            cells.map(|cell| self.shown(cell, palette)).collect()
        });
        let rows: Vec<Vec<(String, Style)>> = rows.collect();
        let first = ways.iter().map(String::len).max().unwrap_or(0);
        let widths = heads.iter().enumerate().map(|(column, head)| {
            let cells = rows.iter().map(|row| row[column].0.len());
            cells.max().unwrap_or(0).max(head.len())
        });
        let widths: Vec<usize> = widths.collect();
        let mut text = String::new();
        let line = |text: &mut String, way: &str, cells: &[(String, Style)]| {
            // Writing to a string does not fail.
            let _ = write!(text, "{way:first$}");
            for ((cell, style), width) in cells.iter().zip(&widths) {
                let _ = write!(
                    text,
                    "  {style}{cell}{style:#}{:1$}",
                    "",
                    width - cell.len()
                );
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        };
        let heads: Vec<_> = heads.into_iter().map(|head| (head, Style::new())).collect();
        line(&mut text, "", &heads);
        for (way, cells) in ways.iter().zip(&rows) {
            line(&mut text, way, cells);
        }
        for (number, reason) in (1..).zip(self.reasons()) {
            let _ = writeln!(text, "({number}) {reason}");
        }
        text
    }

    /// Such as `PASS 82 ms`, or `SKIP (1)` with a note.
    fn shown(&self, cell: Option<&Cell>, palette: Palette) -> (String, Style) {
        let Some(cell) = cell else {
            return ("-".to_owned(), Style::new());
        };
        let mut shown = cell.word().to_owned();
        if let Some(downtime) = cell.downtime_ms() {
            let _ = write!(shown, " {downtime} ms");
        }
        if let Some(note) = self.note(cell) {
            let _ = write!(shown, " ({note})");
        }
        let style = cell.verdict.map(|verdict| palette.of(verdict));
        (shown, style.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use crate::Palette;
    use crate::matrix::tests::sample;

    #[test]
    fn a_grid_has_a_column_for_each_pair_and_says_why_below() {
        insta::assert_snapshot!(sample().to_text(Palette::PLAIN));
    }
}
