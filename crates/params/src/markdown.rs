//! The reference page of all keys.

use std::fmt::Write;

use crate::table;

/// What is added to the description of a key on which the framework does not act.
const INFORMATIONAL: &str = " *(For people, tests and other tools.)*";

/// The page `docs/params.md`: every key of the framework, by the room that reads it.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Keys of a configuration\n\n\
         Every key the framework reads. This page is written from the table in `crates/params`;\n\
         a test compares the two (`UPDATE_DOCS=1 cargo test -p params` writes it anew), and another\n\
         one that each key is read.\n\n\
         - A key that applies to an object may be given for all (`mem = 512`) or for one\n  \
           (`mem_vm1 = 1G`, `image_size_stg_vm1 = 4G`); the more special one wins.\n\
         - Sizes take B, K, M, G or T (1K = 1024), durations ms, s, m, h or d; the unit of a bare\n  \
           number is in the type column.\n\
         - `KEY_min`, `KEY_max` and `KEY_fixed` bound a number or size after everything else was set.\n\
         - An unknown key or a wrong value is an error before any machine starts. Keys that start\n  \
           with `_` are yours.\n",
    );
    for section in table::SECTIONS {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\n| key | type | default | applies to | what it does |\n|---|---|---|---|---|\n",
            section.title, section.doc
        );
        for key in section.keys {
            let default = match key.default {
                Some("") => "(empty)".to_owned(),
                Some(default) => format!("`{default}`"),
                None => String::new(),
            };
            let kind = key.kind.to_string().replace('|', "\\|");
            let _ = writeln!(
                page,
                "| `{}` | {kind} | {default} | {} | {}{} |",
                key.name,
                key.applies_to.singular(),
                key.doc.replace('|', "\\|"),
                if key.informational { INFORMATIONAL } else { "" },
            );
        }
    }
    page
}
