//! The reference parser's command line, for scripts that use it.

use cartesian::{Options, Parser, Variant};

use crate::cli::{CommandError, Context, LegacyArgs, NO, OK};
use crate::pyrepr::{Value, pretty};

/// Errors end with the status a Python program that raises has.
pub(super) fn legacy(args: &LegacyArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    match print(args, context) {
        Err(CommandError::Config(errors)) => {
            context.out.flush()?;
            writeln!(context.err, "{}", errors.render(context.color))?;
            Ok(NO)
        }
        Err(CommandError::Eval(error)) => {
            context.out.flush()?;
            writeln!(context.err, "error: {error}")?;
            Ok(NO)
        }
        other => other.map(|()| OK),
    }
}

fn print(args: &LegacyArgs, context: &mut Context<'_>) -> Result<(), CommandError> {
    let mut parser = Parser::new(context.files);
    parser.file(&args.file);
    for code in &args.code {
        parser.line("extra code", code);
    }
    let config = parser.finish()?;
    let expand = args.expand.as_deref().unwrap_or_default();
    let options = Options {
        defaults: args.defaults,
        expand: expand
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect(),
    };
    if args.verbose {
        for source in config.sources() {
            writeln!(context.err, "read {source}")?;
        }
    }
    let mut variants = config.variants(&options);
    if args.skip_dups {
        variants.keep_suffixes();
    }
    if args.repr {
        writeln!(context.out, "[")?;
        for variant in variants {
            writeln!(context.out, "{},", pretty(&dictionary(&variant?)))?;
        }
        writeln!(context.out, "]")?;
        return Ok(());
    }
    let mut number = 0_u64;
    while variants.advance()? {
        number += 1;
        let current = variants.current();
        let name = if args.fullname {
            current.name()
        } else {
            current.shortname()
        };
        writeln!(context.out, "dict {number:4}:  {name}")?;
        if args.contents {
            for (key, value) in dictionary(&current.to_variant()) {
                writeln!(context.out, "    {key} = {}", value.to_str())?;
            }
        }
    }
    Ok(())
}

/// All keys with those the language makes, sorted by key.
fn dictionary(variant: &Variant) -> Vec<(String, Value)> {
    let mut pairs: Vec<(String, Value)> = variant
        .iter()
        .map(|(key, value)| (key.to_owned(), Value::Text(value.to_owned())))
        .collect();
    let text = |text: &str| Value::Text(text.to_owned());
    pairs.push(("name".to_owned(), text(variant.name())));
    pairs.push(("shortname".to_owned(), text(variant.shortname())));
    pairs.push(("dep".to_owned(), Value::List(variant.dep().to_vec())));
    // A variant without labels has no maps.
    for (key, map) in [
        ("_name_map_file", variant.name_map()),
        ("_short_name_map_file", variant.short_name_map()),
    ] {
        if !map.is_empty() {
            pairs.push((key.to_owned(), Value::Dict(map)));
        }
    }
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs
}
