//! Any bytes as a configuration: parsing, walking, expanding and explaining end without a panic, and agree with each
//! other on how many variants there are.
//!
//! The text up to the first NUL byte is the configuration, what follows is the file `inc.cfg` that it may include.

#![no_main]

use cartesian::{Config, EvalError, Limits, MemoryLoader, Options, Parser, syntax};
use libfuzzer_sys::fuzz_target;

/// More variants than this are not visited.
const MAX_VARIANTS: u64 = 200;

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.value_bytes = 1 << 12;
    limits.variant_bytes = 1 << 16;
    limits.includes = 20;
    limits
}

fn visit(config: &Config, options: &Options) -> Result<(), EvalError> {
    let count = config.count(options)?;
    if count > MAX_VARIANTS {
        return Ok(());
    }
    let names = config
        .names(options)
        .collect::<Result<Vec<_>, _>>()?;
    assert_eq!(names.len() as u64, count);
    let mut variants = config.variants(options);
    let mut line = Vec::new();
    let mut visited = 0;
    while variants.advance()? {
        let mut current = variants.current();
        assert_eq!(current.name(), names[visited].name);
        visited += 1;
        line.clear();
        current.write_json(&mut line);
        let variant = current.to_variant();
        let mut again = Vec::new();
        variant.write_json(&mut again);
        assert_eq!(line, again);
        if let Some((key, value)) = variant.iter().last() {
            let changes = config.explain(&variant, key)?;
            let joined = config.filters().iter().any(|f| f.text.starts_with("join"));
            let suffixed = changes.iter().any(|change| change.operator == "suffix");
            if !joined && !suffixed {
                let last = changes.last().and_then(|change| change.after.as_deref());
                assert_eq!(last, Some(value), "{key}");
            }
        }
    }
    assert_eq!(visited, names.len());
    Ok(())
}

fuzz_target!(|data: &[u8]| {
    if data.len() > 4096 {
        return;
    }
    let (text, included) = match data.iter().position(|&b| b == 0) {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &data[..0]),
    };
    if let Ok(text) = std::str::from_utf8(text) {
        for line in syntax::lines(text) {
            assert!(text.is_char_boundary(line.span.start) && text.is_char_boundary(line.span.end));
        }
    }
    let files = MemoryLoader::new()
        .with("top.cfg", text)
        .with("inc.cfg", included);
    let mut parser = Parser::with_limits(&files, limits());
    parser.file("top.cfg");
    let config = match parser.finish() {
        Ok(config) => config,
        Err(errors) => {
            let _ = errors.render(false);
            return;
        }
    };
    for defaults in [false, true] {
        let options = Options {
            defaults,
            expand: vec!["v".to_owned()],
        };
        let _ = visit(&config, &options);
        let _ = config.why_empty(&options);
    }
});
