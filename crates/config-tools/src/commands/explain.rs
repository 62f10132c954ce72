//! `explain` and `why`: where a value comes from, and why a variant is missing.

use std::io::Write;

use cartesian::{Change, Config, FilterLine, Variant, Why};
use params::{Key, Validator, objects_in};
use serde_json::{Value, json};

use super::list::{open, shown};
use crate::cli::{CommandError, Context, ExplainArgs, Format, NO, OK, WhyArgs};
use crate::source::Input;

pub(super) fn explain(args: &ExplainArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let (key, file) = match args.file.as_deref() {
        // Both orders come to mind.
        Some(key) if !context.is_file(key) && context.is_file(&args.key) => {
            (key, Some(args.key.as_str()))
        }
        file => (args.key.as_str(), file),
    };
    let input = Input::open(file, context)?;
    let mut extra = args.selection.extra.clone();
    let whole = input.parse(&extra, context)?;
    let options = args.selection.options();
    let config = match &args.variant {
        Some(filter) => {
            extra.push(format!("only {filter}"));
            input.parse(&extra, context)?
        }
        None => whole.clone(),
    };
    let Some(variant) = config.variants(&options).next().transpose()? else {
        let why = match &args.variant {
            Some(filter) => Some(whole.why(&options, filter)?),
            None => whole.why_empty(&options),
        };
        let message = match &args.variant {
            Some(filter) => format!("no variant matches `{filter}`"),
            None => "there are no variants".to_owned(),
        };
        return Err(CommandError::usage(message, why.map(|why| summary(&why))));
    };
    let changes = config.explain(&variant, key)?;
    let explained = Explained {
        key,
        declared: declaration(&variant, key, context.keys),
        value: variant.get(key),
        variant: &variant,
        changes: &changes,
    };
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *context.out, &explained.json())?;
            writeln!(context.out)?;
        }
        Format::Text => explained.write(context.out)?,
    }
    Ok(if explained.value.is_some() { OK } else { NO })
}

/// The declaration of `key`, seen through the objects the variant names.
fn declaration(variant: &Variant, key: &str, own: &'static [Key]) -> Option<&'static Key> {
    let lists = params::table::keys().filter(|key| matches!(key.kind, params::Kind::Objects(_)));
    let objects = lists
        .filter_map(|list| variant.get(list.name).or(list.default))
        .flat_map(objects_in)
        .map(str::to_owned)
        .collect();
    Validator::new(own, objects).declaration(key)
}

struct Explained<'e> {
    key: &'e str,
    declared: Option<&'static Key>,
    value: Option<&'e str>,
    variant: &'e Variant,
    changes: &'e [Change],
}

impl Explained<'_> {
    fn json(&self) -> Value {
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| {
                json!({
                    "file": change.place.source,
                    "line": change.place.line,
                    "statement": change.statement,
                    "operator": change.operator,
                    "in_variant": change.variant,
                    "conditions": change.conditions,
                    "before": change.before,
                    "after": change.after,
                    "in_force": change.in_force,
                })
            })
            .collect();
        json!({
            "key": self.key,
            "value": self.value,
            "variant": self.variant.name(),
            "doc": self.declared.map(|key| key.doc),
            "type": self.declared.map(|key| key.kind.to_string()),
            "default": self.declared.and_then(|key| key.default),
            "changes": changes,
        })
    }

    fn write(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        let name = shown(self.variant.name());
        match self.value {
            Some(value) => writeln!(out, "{} = {value}", self.key)?,
            None => writeln!(out, "{} is not set", self.key)?,
        }
        writeln!(out, "in {name}")?;
        if let Some((general, value)) = self.general() {
            writeln!(out, "hint: `{general} = {value}` holds for it")?;
        }
        if let Some(declared) = self.declared {
            write!(out, "{} Type: {}", declared.doc, declared.kind)?;
            match declared.default {
                Some(default) => writeln!(out, "; default: {default}.")?,
                None => writeln!(out, ".")?,
            }
        } else if let Some(close) = self.closest().filter(|_| self.value.is_none()) {
            writeln!(out, "hint: did you mean `{close}`?")?;
        }
        if self.changes.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        self.write_changes(out)
    }

    /// For a key of an object that is not set: the key for all objects, which is.
    fn general(&self) -> Option<(&str, &str)> {
        self.declared.filter(|_| self.value.is_none())?;
        self.key
            .rmatch_indices('_')
            .map(|(at, _)| &self.key[..at])
            .find_map(|general| Some((general, self.variant.get(general)?)))
    }

    /// The key that was probably meant: one of the variant's or one of the framework's.
    fn closest(&self) -> Option<String> {
        params::closest(self.key, self.variant.iter().map(|(key, _)| key))
            .map(str::to_owned)
            .or_else(|| params::suggest(self.key))
    }

    fn write_changes(&self, out: &mut dyn Write) -> Result<(), CommandError> {
        let places: Vec<String> = self
            .changes
            .iter()
            .map(|change| change.place.to_string())
            .collect();
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
        let place_width = width(&mut places.iter().map(|place| place.chars().count()));
        let statement_width = width(
            &mut self
                .changes
                .iter()
                .map(|change| change.statement.chars().count())
                .filter(|&width| width <= WIDEST_STATEMENT),
        );
        for (change, place) in self.changes.iter().zip(&places) {
            let fate = if change.in_force { "  " } else { "- " };
            let mut around: Vec<&str> = change.variant.iter().map(String::as_str).collect();
            around.extend(change.conditions.iter().map(String::as_str));
            // A bound is applied at the end, wherever it was set.
            if change.operator.starts_with('_') {
                around.clear();
            }
            let mut line = format!(
                "{fate}{place:place_width$}  {:statement_width$}",
                change.statement
            );
            match &change.after {
                Some(after) if change.statement.ends_with(&format!(" = {after}")) => {}
                Some(after) => line.push_str(&format!("  → {after}")),
                None => line.push_str("  → not set"),
            }
            if !around.is_empty() {
                line.push_str(&format!("  (in {})", around.join(" ")));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        if self.changes.iter().any(|change| !change.in_force) {
            writeln!(out, "\n`-` marks what a later line overrode.")?;
        }
        Ok(())
    }
}

/// Longer statements do not widen the column.
const WIDEST_STATEMENT: usize = 50;

pub(super) fn why(args: &WhyArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let (name, file) = match (args.name.as_deref(), args.file.as_deref()) {
        (Some(only), None) if context.is_file(only) => (None, Some(only)),
        (Some(file), Some(name)) if context.is_file(file) && !context.is_file(name) => {
            (Some(name), Some(file))
        }
        as_given => as_given,
    };
    let config: Config = open(file, &args.selection, context)?;
    let options = args.selection.options();
    let why = match name {
        Some(name) => config.why(&options, name)?,
        None => match config.why_empty(&options) {
            Some(why) => why,
            None => {
                let count = config.count(&options)?;
                match args.format {
                    Format::Json => {
                        let answer = json!({"outcome": "selected", "count": count});
                        serde_json::to_writer_pretty(&mut *context.out, &answer)?;
                        writeln!(context.out)?;
                    }
                    Format::Text => {
                        writeln!(context.out, "the set is not empty: {}", variants(count))?
                    }
                }
                return Ok(OK);
            }
        },
    };
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *context.out, &why_json(&why))?;
            writeln!(context.out)?;
        }
        Format::Text => {
            write_why(name, &why, context.out)?;
        }
    }
    Ok(OK)
}

fn variants(count: u64) -> String {
    match count {
        1 => "1 variant".to_owned(),
        more => format!("{more} variants"),
    }
}

/// `asked` is the filter that was asked about, or none for the whole set.
fn write_why(asked: Option<&str>, why: &Why, out: &mut dyn Write) -> Result<(), CommandError> {
    let what = match asked {
        Some(filter) => format!("`{filter}`"),
        None => "the whole set".to_owned(),
    };
    match why {
        Why::Selected { count, first } => {
            writeln!(out, "{what} is there: {}", variants(*count))?;
            for name in first {
                writeln!(out, "  {}", shown(name))?;
            }
            if let more @ 1.. = count.saturating_sub(first.len() as u64) {
                writeln!(out, "  … and {more} more")?;
            }
        }
        Why::Removed(removal) => {
            writeln!(out, "{what} was removed by")?;
            writeln!(out, "  {}  {}", removal.by.place, removal.by.text)?;
            let left = match removal.left_before {
                Some(left) => variants(left),
                None => "very many variants".to_owned(),
            };
            writeln!(
                out,
                "which took the last of them: the lines before it had left {left}"
            )?;
            if let Some(nearest) = &removal.nearest {
                let lines = match nearest.filters.len() {
                    1 => "1 line is".to_owned(),
                    more => format!("{more} lines are"),
                };
                writeln!(out, "\nThe nearest is {}", shown(&nearest.name))?;
                writeln!(out, "where {lines} in the way:")?;
                let places = nearest.filters.iter().map(|line| line.place.to_string());
                let width = places.clone().map(|place| place.chars().count()).max();
                let width = width.unwrap_or(0);
                for (line, place) in nearest.filters.iter().zip(places) {
                    writeln!(out, "  {place:width$}  {}", line.text)?;
                }
            }
        }
        other => writeln!(out, "{what}: {}", summary(other))?,
    }
    Ok(())
}

/// Why in one line.
fn summary(why: &Why) -> String {
    match why {
        Why::Selected { count, .. } => format!("{} selected", variants(*count)),
        Why::Removed(removal) => {
            format!("`{}` at {} removed it", removal.by.text, removal.by.place)
        }
        Why::NotDefault => {
            "another variant is the default; leave --defaults away or name it in --expand"
                .to_owned()
        }
        Why::Unknown { labels } => {
            let labels: Vec<String> = labels
                .iter()
                .map(|(label, close)| match close {
                    Some(close) => {
                        format!("no variant is called `{label}`; did you mean `{close}`?")
                    }
                    None => format!("no variant is called `{label}`"),
                })
                .collect();
            match labels.as_slice() {
                [] => "no variant has all these labels".to_owned(),
                labels => labels.join("; "),
            }
        }
        _ => "it is not there".to_owned(),
    }
}

fn filter_json(line: &FilterLine) -> Value {
    json!({"file": line.place.source, "line": line.place.line, "text": line.text})
}

fn why_json(why: &Why) -> Value {
    match why {
        Why::Selected { count, first } => {
            json!({"outcome": "selected", "count": count, "first": first})
        }
        Why::Removed(removal) => json!({
            "outcome": "removed",
            "by": filter_json(&removal.by),
            "left_before": removal.left_before,
            "nearest": removal.nearest.as_ref().map(|nearest| json!({
                "name": nearest.name,
                "filters": nearest.filters.iter().map(filter_json).collect::<Vec<_>>(),
            })),
        }),
        Why::NotDefault => json!({"outcome": "not-default"}),
        Why::Unknown { labels } => {
            let labels: Vec<Value> = labels
                .iter()
                .map(|(label, close)| json!({"label": label, "did_you_mean": close}))
                .collect();
            json!({"outcome": "unknown", "labels": labels})
        }
        _ => json!({"outcome": "missing"}),
    }
}
