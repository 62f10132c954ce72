//! The commands on the page for users answer what the page says.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use std::path::Path;

use cartesian::MemoryLoader;

mod support;

/// The words of a command line, single quotes taken off.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// What the shell shows after `line`.
fn answer(files: &MemoryLoader, line: &str) -> String {
    let (stdin, line) = match line.split_once(" | ") {
        Some((printf, line)) => (words(printf)[1].replace("\\n", "\n"), line),
        None => (String::new(), line),
    };
    let words = words(line.strip_prefix("virt-test config ").unwrap());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let answer = support::config(files, &words, &stdin);
    answer.out + &answer.err
}

/// The page with the answer below every command.
fn with_answers(page: &str) -> String {
    let mut files = MemoryLoader::new();
    let mut out = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if let Some(name) = line.strip_prefix("```cfg ") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let text = block.join("\n") + "\n";
            out.push_str(&text);
            out.push_str("```\n");
            files.insert(name, text);
        } else if line == "```console" {
            for line in lines.by_ref().take_while(|line| *line != "```") {
                if let Some(command) = line.strip_prefix("$ ") {
                    out.push_str(line);
                    out.push('\n');
                    out.push_str(&answer(&files, command));
                }
            }
            out.push_str("```\n");
        }
    }
    out
}

#[test]
fn the_page_shows_real_answers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/config-tools.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let expected = with_answers(&page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/config-tools.md does not show what the commands answer; run: UPDATE_DOCS=1 cargo test -p config-tools --test docs"
    );
}
