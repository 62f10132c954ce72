//! The language server, driven over standard input and output as an editor drives it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failing test may panic"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

mod support;

const DEADLINE: Duration = Duration::from_secs(30);

const MAIN: &str = "\
include sub.cfg
variants guest:
    - linux:
        mem = 512
    - windows:
        mem = 2048
only linux
linux..qcow2: kernel_params = ${mem}
";

const SUB: &str = "\
# disks
variants:
    - qcow2:
        image_format = qcow2
    - raw:
        image_format = raw
";

struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    next_id: i64,
    directory: TempDir,
}

impl Editor {
    /// An editor that has shaken hands with its server.
    fn start(options: Value) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("main.cfg"), MAIN).unwrap();
        std::fs::write(directory.path().join("sub.cfg"), SUB).unwrap();
        let mut child = Command::new(support::program())
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(message) = read_message(&mut output) {
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut editor = Self {
            input: child.stdin.take(),
            child,
            messages,
            next_id: 0,
            directory,
        };
        let answer = editor.ask(
            "initialize",
            json!({"capabilities": {}, "initializationOptions": options}),
        );
        assert_eq!(answer["capabilities"]["hoverProvider"], json!(true));
        editor.tell("initialized", json!({}));
        editor
    }

    fn uri(&self, file: &str) -> String {
        format!("file://{}/{file}", self.directory.path().display())
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        let input = self.input.as_mut().unwrap();
        write!(input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.messages.recv_timeout(DEADLINE).expect("an answer");
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{message}");
                return self.anonymous(&message["result"]);
            }
        }
    }

    fn open(&mut self, file: &str, text: &str) {
        let uri = self.uri(file);
        self.tell(
            "textDocument/didOpen",
            json!({"textDocument": {"uri": uri, "languageId": "cartesian", "version": 1, "text": text}}),
        );
    }

    fn change(&mut self, file: &str, text: &str) {
        let uri = self.uri(file);
        self.tell(
            "textDocument/didChange",
            json!({"textDocument": {"uri": uri, "version": 2}, "contentChanges": [{"text": text}]}),
        );
    }

    /// The next diagnostics for `file`.
    fn diagnostics(&mut self, file: &str) -> Value {
        let uri = self.uri(file);
        loop {
            let message = self.messages.recv_timeout(DEADLINE).expect("diagnostics");
            if message["method"] == json!("textDocument/publishDiagnostics")
                && message["params"]["uri"] == json!(uri)
            {
                return self.anonymous(&message["params"]["diagnostics"]);
            }
        }
    }

    fn at(&mut self, method: &str, file: &str, line: u32, character: u32) -> Value {
        let uri = self.uri(file);
        self.ask(
            method,
            json!({"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}),
        )
    }

    fn labels_at(&mut self, file: &str, line: u32, character: u32) -> Vec<String> {
        let items = self.at("textDocument/completion", file, line, character);
        items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The value without the temporary directory's name.
    fn anonymous(&self, value: &Value) -> Value {
        let directory = self.directory.path().display().to_string();
        serde_json::from_str(&value.to_string().replace(&directory, "/DIR")).unwrap()
    }

    fn end(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Value::Null);
        self.tell("exit", Value::Null);
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_message(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", value)) => length = value.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

#[test]
fn a_file_being_typed_has_its_mistakes_underlined_until_they_are_mended() {
    let mut editor = Editor::start(Value::Null);
    editor.open("main.cfg", "include sub.cfg\nonly qcow\nsmp = two\n");
    insta::assert_json_snapshot!("findings", editor.diagnostics("main.cfg"));
    editor.change("main.cfg", "a b c\nvariants\n");
    let broken = editor.diagnostics("main.cfg");
    assert!(!broken.as_array().unwrap().is_empty());
    assert!(
        broken
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["severity"] == json!(1))
    );
    editor.change("main.cfg", MAIN);
    assert_eq!(editor.diagnostics("main.cfg"), json!([]));
    editor.end();
}

#[test]
fn hovering_shows_what_a_key_means_and_where_it_is_set() {
    let mut editor = Editor::start(Value::Null);
    editor.open("main.cfg", MAIN);
    let cards = [
        editor.at("textDocument/hover", "main.cfg", 3, 9), // mem
        editor.at("textDocument/hover", "main.cfg", 7, 34), // ${mem}
        editor.at("textDocument/hover", "main.cfg", 7, 8), // qcow2
        editor.at("textDocument/hover", "main.cfg", 0, 10), // sub.cfg
        editor.at("textDocument/hover", "main.cfg", 6, 1), // only
    ];
    insta::assert_json_snapshot!("hover", cards);
    editor.end();
}

#[test]
fn going_to_a_definition_leads_to_files_variants_and_assignments() {
    let mut editor = Editor::start(Value::Null);
    editor.open("main.cfg", MAIN);
    let places = [
        editor.at("textDocument/definition", "main.cfg", 0, 10), // sub.cfg
        editor.at("textDocument/definition", "main.cfg", 7, 8),  // qcow2
        editor.at("textDocument/definition", "main.cfg", 6, 6),  // linux
        editor.at("textDocument/definition", "main.cfg", 7, 34), // ${mem}
    ];
    insta::assert_json_snapshot!("definition", places);
    editor.end();
}

#[test]
fn an_included_file_knows_what_its_includer_declares() {
    let mut editor = Editor::start(Value::Null);
    editor.open("main.cfg", MAIN);
    editor.open("sub.cfg", "linux: smp = 2\n");
    let places = editor.at("textDocument/definition", "sub.cfg", 0, 2);
    assert_eq!(places[0]["uri"], json!("file:///DIR/main.cfg"));
    editor.end();
}

#[test]
fn the_named_root_is_looked_at_for_every_file() {
    let directory = TempDir::new().unwrap();
    let root = directory.path().join("tests.cfg");
    std::fs::write(&root, "variants:\n    - deep:\n        smp = many\n").unwrap();
    let mut editor = Editor::start(json!({"root": root}));
    editor.open("sub.cfg", "deep: mem = 1\n");
    let message = loop {
        let message = editor.messages.recv_timeout(DEADLINE).unwrap();
        if message["params"]["diagnostics"][0].is_object() {
            break message;
        }
    };
    let uri = message["params"]["uri"].as_str().unwrap();
    assert!(uri.ends_with("/tests.cfg"), "{uri}");
    editor.end();
}

#[test]
fn completion_offers_what_may_stand_there() {
    let mut editor = Editor::start(Value::Null);
    let text = format!("{MAIN}only \nnettype = \nx = ${{\n\n    - new: q\n# only \n");
    editor.open("main.cfg", &text);
    let labels = editor.labels_at("main.cfg", 8, 5);
    assert_eq!(labels, ["linux", "new", "qcow2", "raw", "windows"]);
    let values = editor.labels_at("main.cfg", 9, 10);
    assert!(values.contains(&"user".to_owned()), "{values:?}");
    let keys = editor.labels_at("main.cfg", 10, 6);
    assert!(keys.contains(&"guest".to_owned()) && keys.contains(&"mem".to_owned()));
    let words = editor.labels_at("main.cfg", 11, 0);
    for word in ["only ", "variants:", "smp", "kernel_params", "windows"] {
        assert!(words.contains(&word.to_owned()), "{word}");
    }
    assert_eq!(editor.labels_at("main.cfg", 12, 12), labels);
    assert!(editor.labels_at("main.cfg", 13, 7).is_empty());
    editor.end();
}

#[test]
fn the_outline_is_the_tree_of_variants() {
    let mut editor = Editor::start(Value::Null);
    editor.open("main.cfg", MAIN);
    let uri = editor.uri("main.cfg");
    let symbols = editor.ask(
        "textDocument/documentSymbol",
        json!({"textDocument": {"uri": uri}}),
    );
    insta::assert_json_snapshot!("outline", symbols);
    editor.end();
}

#[test]
fn formatting_replaces_the_text_by_its_canonical_form() {
    let mut editor = Editor::start(Value::Null);
    editor.open("main.cfg", "variants:\n  - a:\n    x=1\n");
    let uri = editor.uri("main.cfg");
    let options = json!({"tabSize": 4, "insertSpaces": true});
    let edits = editor.ask(
        "textDocument/formatting",
        json!({"textDocument": {"uri": uri}, "options": options}),
    );
    assert_eq!(
        edits[0]["newText"],
        json!("variants:\n    - a:\n        x = 1\n")
    );
    editor.change("main.cfg", MAIN);
    let edits = editor.ask(
        "textDocument/formatting",
        json!({"textDocument": {"uri": uri}, "options": options}),
    );
    assert_eq!(edits, json!([]));
    editor.end();
}

#[test]
fn an_editor_that_vanishes_ends_the_server_with_an_error() {
    let mut editor = Editor::start(Value::Null);
    drop(editor.input.take());
    assert_eq!(editor.child.wait().unwrap().code(), Some(4));
}

#[test]
fn what_the_server_does_not_know_is_an_error_and_not_its_end() {
    let mut editor = Editor::start(Value::Null);
    editor
        .send(&json!({"jsonrpc": "2.0", "id": 99, "method": "textDocument/rename", "params": {}}));
    editor
        .send(&json!({"jsonrpc": "2.0", "id": 100, "method": "textDocument/hover", "params": {}}));
    for (id, code) in [(99, -32601), (100, -32602)] {
        let answer = editor.messages.recv_timeout(DEADLINE).unwrap();
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(id), &json!(code))
        );
    }
    editor.end();
}
