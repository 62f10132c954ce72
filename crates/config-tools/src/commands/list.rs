//! `list`, `count`, `dump` and `show`: the variants themselves.

use std::collections::BTreeMap;
use std::io::Write;

use cartesian::{Config, Options, Variant, Variants};
use serde_json::{Value, json};

use crate::cli::{
    CommandError, Context, CountArgs, DumpArgs, DumpFormat, Format, ListArgs, OK, Selection,
    ShowArgs,
};
use crate::source::Input;

impl Selection {
    /// How the parser is to choose variants.
    pub(super) fn options(&self) -> Options {
        Options {
            defaults: self.defaults,
            expand: self
                .expand
                .iter()
                .map(|name| name.trim().to_owned())
                .collect(),
        }
    }
}

/// The configuration that `file` and `selection` describe.
pub(super) fn open(
    file: Option<&str>,
    selection: &Selection,
    context: &mut Context<'_>,
) -> Result<Config, CommandError> {
    Ok(Input::open(file, context)?.parse(&selection.extra, context)?)
}

pub(super) fn list(args: &ListArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let config = open(args.file.as_deref(), &args.selection, context)?;
    let mut names = config.names(&args.selection.options());
    let out = &mut *context.out;
    let mut index = 0_u64;
    while names.advance()? {
        index += 1;
        match args.format {
            Format::Text => {
                let name = if args.short {
                    names.shortname()
                } else {
                    names.name()
                };
                out.write_all(name.as_bytes())?;
                out.write_all(b"\n")?;
            }
            Format::Json => {
                out.write_all(if index == 1 { b"[\n" } else { b",\n" })?;
                let (name, short) = (names.name(), names.shortname());
                let item = json!({"index": index, "name": name, "shortname": short});
                serde_json::to_writer(&mut *out, &item)?;
            }
        }
    }
    if args.format == Format::Json {
        out.write_all(if index == 0 { b"[]\n" } else { b"\n]\n" })?;
    }
    Ok(OK)
}

pub(super) fn count(args: &CountArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let config = open(args.file.as_deref(), &args.selection, context)?;
    let count = config.count(&args.selection.options())?;
    match args.format {
        Format::Text => writeln!(context.out, "{count}")?,
        Format::Json => writeln!(context.out, "{}", json!({ "count": count }))?,
    }
    Ok(OK)
}

pub(super) fn dump(args: &DumpArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let config = open(args.file.as_deref(), &args.selection, context)?;
    let variants = config.variants(&args.selection.options());
    match args.format {
        DumpFormat::Jsonl => dump_lines(variants, context.out),
        DumpFormat::Json => dump_array(variants, context.out),
        DumpFormat::Text => dump_text(variants, context.out),
    }
}

fn dump_lines(mut variants: Variants, out: &mut dyn Write) -> Result<u8, CommandError> {
    let mut line = Vec::new();
    while variants.advance()? {
        line.clear();
        variants.current().write_json(&mut line);
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(OK)
}

fn dump_array(mut variants: Variants, out: &mut dyn Write) -> Result<u8, CommandError> {
    let mut line = Vec::new();
    let mut first = true;
    while variants.advance()? {
        out.write_all(if first { b"[\n" } else { b",\n" })?;
        first = false;
        line.clear();
        variants.current().write_json(&mut line);
        out.write_all(&line)?;
    }
    out.write_all(if first { b"[]\n" } else { b"\n]\n" })?;
    Ok(OK)
}

fn dump_text(variants: Variants, out: &mut dyn Write) -> Result<u8, CommandError> {
    for variant in variants {
        write_text(&variant?, out)?;
    }
    Ok(OK)
}

/// A name, and keys with values below it.
fn write_text(variant: &Variant, out: &mut dyn Write) -> Result<(), CommandError> {
    writeln!(out, "{}", shown(variant.name()))?;
    if variant.shortname() != variant.name() {
        writeln!(out, "    shortname = {}", variant.shortname())?;
    }
    if !variant.dep().is_empty() {
        writeln!(out, "    dep = {}", variant.dep().join(" "))?;
    }
    let sorted: BTreeMap<&str, &str> = variant.iter().collect();
    for (key, value) in sorted {
        writeln!(out, "    {key} = {value}")?;
    }
    Ok(())
}

/// The only variant of a configuration without `variants` has an empty name.
pub(super) fn shown(name: &str) -> &str {
    if name.is_empty() { "(no name)" } else { name }
}

/// All of a variant as the dump has it.
fn to_json(variant: &Variant) -> Value {
    let mut object: serde_json::Map<String, Value> = variant
        .iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    let map = |pairs: Vec<(String, String)>| -> Value {
        let pairs = pairs.into_iter().map(|(file, name)| (file, name.into()));
        Value::Object(pairs.collect())
    };
    object.insert("name".to_owned(), variant.name().into());
    object.insert("shortname".to_owned(), variant.shortname().into());
    object.insert("dep".to_owned(), variant.dep().into());
    object.insert("_name_map_file".to_owned(), map(variant.name_map()));
    object.insert(
        "_short_name_map_file".to_owned(),
        map(variant.short_name_map()),
    );
    Value::Object(object)
}

pub(super) fn show(args: &ShowArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let (wanted, file) = variant_and_file(args, context);
    let input = Input::open(file, context)?;
    let config = input.parse(&args.selection.extra, context)?;
    let options = args.selection.options();
    let Some(wanted) = wanted else {
        let variants = config.variants(&options);
        return match args.format {
            Format::Text => dump_text(variants, context.out),
            Format::Json => dump_array(variants, context.out),
        };
    };
    let found = find(&config, &options, wanted)?;
    let variant = take(&input, args, &config, &found, context)?;
    match args.format {
        Format::Text => write_text(&variant, context.out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *context.out, &to_json(&variant))?;
            writeln!(context.out)?;
        }
    }
    Ok(OK)
}

/// Which of the words names the variant and which the file: both orders come to mind.
fn variant_and_file<'w>(
    args: &'w ShowArgs,
    context: &Context<'_>,
) -> (Option<&'w str>, Option<&'w str>) {
    match (args.variant.as_deref(), args.file.as_deref()) {
        (Some(only), None) if context.is_file(only) => (None, Some(only)),
        (Some(file), Some(variant)) if context.is_file(file) && !context.is_file(variant) => {
            (Some(variant), Some(file))
        }
        as_given => as_given,
    }
}

/// A variant by its name, and how many of the same name come before it.
struct Found {
    name: String,
    namesakes: usize,
}

/// The variant of number `wanted`, or the one of that name.
fn find(config: &Config, options: &Options, wanted: &str) -> Result<Found, CommandError> {
    let number: Option<u64> = wanted.parse().ok();
    let mut names = config.names(options);
    let mut count = 0;
    let mut called = None;
    let mut nearest = Nearest::new(wanted);
    while names.advance()? {
        count += 1;
        let name = names.name();
        if number == Some(count) {
            return numbered(config, options, name.to_owned(), count);
        }
        if called.is_none() && (name == wanted || names.shortname() == wanted) {
            called = Some(name.to_owned());
            if number.is_none() {
                break;
            }
        }
        nearest.see(name);
    }
    if let Some(name) = called {
        return Ok(Found { name, namesakes: 0 });
    }
    let message = match number {
        Some(number) => format!("there is no variant number {number}, there are {count}"),
        None => format!("there is no variant called `{wanted}`"),
    };
    let hint = nearest.hint().filter(|_| number.is_none());
    Err(CommandError::usage(message, hint))
}

/// The variant of this name and number: names need not be unique.
fn numbered(
    config: &Config,
    options: &Options,
    name: String,
    number: u64,
) -> Result<Found, CommandError> {
    let mut names = config.names(options);
    let mut namesakes = 0;
    for _ in 1..number {
        if names.advance()? && names.name() == name {
            namesakes += 1;
        }
    }
    Ok(Found { name, namesakes })
}

/// The name that looks most like what was asked for.
struct Nearest<'w> {
    wanted: &'w str,
    best: Option<(f64, String)>,
    seen: usize,
}

/// Names compared at most; beyond, looking for a hint would take longer than the answer.
const MOST_COMPARED: usize = 20_000;

impl<'w> Nearest<'w> {
    fn new(wanted: &'w str) -> Self {
        Self {
            wanted,
            best: None,
            seen: 0,
        }
    }

    fn see(&mut self, name: &str) {
        self.seen += 1;
        if self.seen > MOST_COMPARED {
            return;
        }
        let likeness = strsim::jaro_winkler(self.wanted, name);
        if likeness > 0.8 && self.best.as_ref().is_none_or(|(best, _)| likeness > *best) {
            self.best = Some((likeness, name.to_owned()));
        }
    }

    fn hint(self) -> Option<String> {
        self.best.map(|(_, name)| format!("did you mean `{name}`?"))
    }
}

/// The dictionary of a variant that is known to exist.
fn take(
    input: &Input,
    args: &ShowArgs,
    config: &Config,
    found: &Found,
    context: &Context<'_>,
) -> Result<Variant, CommandError> {
    // Its own labels as a filter leave little else to enumerate.
    let mut extra = args.selection.extra.clone();
    extra.push(format!("only {}", found.name));
    let narrowed = if found.name.is_empty() {
        None
    } else {
        input.parse(&extra, context).ok()
    };
    // Joined variants have names that are no filter for their parts; then all are gone through.
    for config in narrowed.iter().chain([config]) {
        let mut namesakes = 0;
        let mut variants = config.variants(&args.selection.options());
        while variants.advance()? {
            let current = variants.current();
            if current.name() == found.name {
                if namesakes == found.namesakes {
                    return Ok(current.to_variant());
                }
                namesakes += 1;
            }
        }
    }
    Err(CommandError::usage(
        format!("there is no variant called `{}`", found.name),
        None,
    ))
}
