//! What is wrong with a configuration is said where it is, all at once, with a hint; and nothing is taken on that would
//! exhaust the machine.

#![expect(clippy::unwrap_used, reason = "a test")]

use cartesian::{ConfigErrors, ErrorKind, EvalError, Limits, MemoryLoader, Options, Parser};

fn errors(text: &str) -> ConfigErrors {
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("t", text);
    parser.finish().unwrap_err()
}

/// Line, column and what is underlined.
fn places(text: &str) -> Vec<(usize, usize, String)> {
    errors(text)
        .iter()
        .map(|e| (e.line, e.column, e.line_text[e.span.clone()].to_owned()))
        .collect()
}

fn place(line: usize, column: usize, text: &str) -> (usize, usize, String) {
    (line, column, text.to_owned())
}

#[test]
fn all_mistakes_of_a_text_are_reported_where_they_are() {
    let text = "variants x [default=fedoar]:\n    - fedora:\n        only a...b\n    - b\nonyl x\n\tno x..,y\ndel a b\n";
    assert_eq!(
        places(text),
        [
            place(3, 18, "b"),
            place(4, 8, ""),
            place(1, 21, "fedoar"),
            place(5, 1, "onyl x"),
            place(6, 8, ","),
            place(7, 7, "b"),
        ]
    );
    let hints: Vec<_> = errors(text).iter().map(|e| e.hint.clone()).collect();
    assert_eq!(hints[2].as_deref(), Some("did you mean `fedora`?"));
    assert_eq!(hints[3].as_deref(), Some("did you mean `only`?"));
}

#[test]
fn a_variable_in_a_condition_is_a_mistake_and_not_an_assignment() {
    for text in [
        "(v=a):\n  k = 1\n",
        "!(v=a): k = 1\n",
        "q..(v=a):\n  k = 1\n",
        "(v=a).b, (w = c):\n  k = 1\n",
    ] {
        let errors = errors(text);
        let error = errors.iter().next().unwrap();
        assert!(
            error.message.contains("cannot stand in a condition"),
            "{text}"
        );
        assert!(error.hint.is_some());
    }
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("t", "cmd = (a=b) c: d\nx (y = z\n");
    assert!(
        parser.finish().is_ok(),
        "values may hold parentheses and colons"
    );
}

#[test]
fn rendering_underlines_the_text_and_gives_the_hint() {
    let rendered = errors("variants:\n  - a:\n    x y\n").render(false);
    let expected = "\
error: expected an assignment (`key = value`) or a condition (`filter:`)
 --> t:3:5
  |
3 |     x y
  |     ^^^
  |
  = hint: an assignment has an operator, a condition ends in `:`";
    assert_eq!(rendered, expected);
}

#[test]
fn a_missing_include_says_where_it_was_searched_and_who_included_it() {
    let files = MemoryLoader::new()
        .with("cfg/top.cfg", "include sub/a.cfg\n")
        .with("cfg/sub/a.cfg", "\ninclude 'b.cfg'\n");
    let mut parser = Parser::new(&files);
    parser.file("cfg/top.cfg");
    let errors = parser.finish().unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(error.kind, ErrorKind::MissingInclude);
    assert!(error.message.contains("searched at `cfg/sub/'b.cfg'`"));
    assert_eq!(
        error.hint.as_deref(),
        Some("a path is written without quotes")
    );
    assert_eq!(error.included_from, ["cfg/top.cfg:1"]);
    assert_eq!(
        (error.source_name.as_str(), error.line),
        ("cfg/sub/a.cfg", 2)
    );
}

#[test]
fn include_cycles_are_refused_however_the_path_is_spelt() {
    let files = MemoryLoader::new()
        .with("a.cfg", "include sub/../b.cfg\n")
        .with("sub/../b.cfg", "x = 1\ninclude ./../a.cfg\n")
        .with("sub/.././../a.cfg", "never read\n");
    let mut parser = Parser::new(&files);
    parser.file("a.cfg");
    let errors = parser.finish().unwrap_err();
    // `sub/../b.cfg` lies in `.`, and `./../a.cfg` from there is `../a.cfg`: another file, which is read.
    assert_eq!(errors.iter().next().unwrap().kind, ErrorKind::Syntax);

    let files = MemoryLoader::new()
        .with("a.cfg", "include ./b.cfg\n")
        .with("./b.cfg", "include x/../a.cfg\n");
    let mut parser = Parser::new(&files);
    parser.file("a.cfg");
    let errors = parser.finish().unwrap_err();
    assert_eq!(errors.iter().next().unwrap().kind, ErrorKind::IncludeCycle);
}

#[test]
fn includes_without_a_cycle_but_without_end_meet_a_limit() {
    struct Endless;
    impl cartesian::Loader for Endless {
        fn load(&self, path: &str) -> std::io::Result<Vec<u8>> {
            Ok(format!("include {}x\n", path.rsplit('/').next().unwrap_or("")).into_bytes())
        }
    }
    let mut parser = Parser::new(Endless);
    parser.file("x");
    let errors = parser.finish().unwrap_err();
    assert_eq!(errors.iter().next().unwrap().kind, ErrorKind::Limit);
}

#[test]
fn absurd_nesting_is_refused() {
    let conditions: String = (0..500).map(|i| format!("{:i$}a:\n", "")).collect();
    assert_eq!(
        errors(&conditions).iter().next().unwrap().kind,
        ErrorKind::Limit
    );
    let one_line = "a: ".repeat(5000) + "x = 1";
    assert_eq!(
        errors(&one_line).iter().next().unwrap().kind,
        ErrorKind::Limit
    );
    let variants: String = (0..500)
        .map(|i| format!("{:w$}variants:\n{:w$} - a:\n", "", "", w = 2 * i))
        .collect();
    assert_eq!(
        errors(&variants).iter().next().unwrap().kind,
        ErrorKind::Limit
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_at_the_byte() {
    let files = MemoryLoader::new().with("t.cfg", b"a = 1\nb = \xff x\n".to_vec());
    let mut parser = Parser::new(&files);
    parser.file("t.cfg");
    let errors = parser.finish().unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(
        (error.kind, error.line, error.column),
        (ErrorKind::Encoding, 2, 5)
    );
    assert!(error.message.contains("0xff"));
    assert!(errors.render(false).contains("UTF-8"));
}

#[test]
fn values_that_double_without_end_meet_a_limit() {
    let mut text = String::from("k0 = xxxxxxxxxx\n");
    for i in 1..60 {
        text += &format!("k{i} = ${{k{0}}}${{k{0}}}\n", i - 1);
    }
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("t", &text);
    let config = parser.finish().unwrap();
    let result = config.variants(&Options::default()).next().unwrap();
    assert!(
        matches!(result, Err(EvalError::TooLong { .. })),
        "{result:?}"
    );

    let doubling = "a = 0123456789\n".to_owned() + &"a += ${a}\n".repeat(64);
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("t", &doubling);
    let config = parser.finish().unwrap();
    let result = config.variants(&Options::default()).next().unwrap();
    assert!(
        matches!(result, Err(EvalError::TooLong { .. })),
        "{result:?}"
    );
}

#[test]
fn too_much_text_is_refused() {
    let limits = Limits::default();
    let mut small = limits;
    small.text_bytes = 10;
    let mut parser = Parser::with_limits(MemoryLoader::new(), small);
    parser.text("t", "key = value\n");
    let errors = parser.finish().unwrap_err();
    assert_eq!(errors.iter().next().unwrap().kind, ErrorKind::Limit);
}

#[test]
fn iteration_ends_after_an_error_and_says_where_it_comes_from() {
    let mut parser = Parser::new(MemoryLoader::new());
    parser.text("t", "variants:\n  - a:\n  - b:\n    x( ?= 1\n  - c:\n");
    let config = parser.finish().unwrap();
    let mut variants = config.variants(&Options::default());
    assert!(variants.next().unwrap().is_ok());
    let error = variants.next().unwrap().unwrap_err();
    assert!(
        error.to_string().starts_with("t:4: `x(` is not a valid"),
        "{error}"
    );
    assert!(variants.next().is_none());
}
