//! `diff`: how the variants of two configurations differ.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use cartesian::{Config, Options, Variant, Variants};
use serde::Serialize;

use super::list::{open, shown};
use crate::cli::{CommandError, Context, DiffArgs, Format, NO, OK};

/// How a key differs, and where.
#[derive(Debug, Serialize)]
struct Change {
    key: String,
    a: Option<String>,
    b: Option<String>,
    variants: Vec<String>,
}

/// Everything that differs.
#[derive(Debug, Default, Serialize)]
struct Difference {
    only_in_a: Vec<String>,
    only_in_b: Vec<String>,
    /// In the order in which they are met.
    changes: Vec<Change>,
    /// Variants that both have.
    common: usize,
}

/// Names listed of the variants that share a change.
const NAMES_SHOWN: usize = 3;

pub(super) fn diff(args: &DiffArgs, context: &mut Context<'_>) -> Result<u8, CommandError> {
    let a = open(Some(&args.a), &args.selection, context)?;
    let b = open(Some(&args.b), &args.selection, context)?;
    let options = args.selection.options();
    let mut difference = Difference::default();
    let names_a = numbered_names(&a, &options)?;
    let names_b = numbered_names(&b, &options)?;
    let missing = |from: &[Numbered], of: &[Numbered]| -> Vec<Numbered> {
        let there: HashMap<&Numbered, ()> = of.iter().map(|name| (name, ())).collect();
        let missing = from.iter().filter(|name| !there.contains_key(name));
        missing.cloned().collect()
    };
    let only_a = missing(&names_a, &names_b);
    let only_b = missing(&names_b, &names_a);
    difference.common = names_a.len() - only_a.len();
    if !args.names {
        let sides = [
            Side::new(&a, &options, &only_a),
            Side::new(&b, &options, &only_b),
        ];
        difference.changes = changes(sides)?;
    }
    difference.only_in_a = only_a.into_iter().map(|(name, _)| name).collect();
    difference.only_in_b = only_b.into_iter().map(|(name, _)| name).collect();
    let same = difference.only_in_a.is_empty()
        && difference.only_in_b.is_empty()
        && difference.changes.is_empty();
    match args.format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *context.out, &difference)?;
            writeln!(context.out)?;
        }
        Format::Text => write_text(&difference, context.out)?,
    }
    Ok(if same { OK } else { NO })
}

fn write_text(difference: &Difference, out: &mut dyn Write) -> Result<(), CommandError> {
    for name in &difference.only_in_a {
        writeln!(out, "- {}", shown(name))?;
    }
    for name in &difference.only_in_b {
        writeln!(out, "+ {}", shown(name))?;
    }
    for change in &difference.changes {
        let value = |value: &Option<String>| match value {
            Some(value) => format!("`{value}`"),
            None => "not set".to_owned(),
        };
        let (a, b) = (value(&change.a), value(&change.b));
        writeln!(out, "~ {}: {a} → {b}", change.key)?;
        for name in change.variants.iter().take(NAMES_SHOWN) {
            writeln!(out, "      {}", shown(name))?;
        }
        if let more @ 1.. = change.variants.len().saturating_sub(NAMES_SHOWN) {
            writeln!(out, "      … and {more} more")?;
        }
    }
    let Difference {
        only_in_a,
        only_in_b,
        changes,
        common,
    } = difference;
    let differences = match changes.len() {
        0 => "no differences".to_owned(),
        1 => "1 difference".to_owned(),
        more => format!("{more} differences"),
    };
    writeln!(
        out,
        "{} removed, {} added, {common} in both with {differences}",
        only_in_a.len(),
        only_in_b.len(),
    )?;
    Ok(())
}

/// A name and how many of the same name come before it.
type Numbered = (String, usize);

fn numbered_names(config: &Config, options: &Options) -> Result<Vec<Numbered>, CommandError> {
    let mut names = config.names(options);
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut numbered = Vec::new();
    while names.advance()? {
        let count = seen.entry(names.name().to_owned()).or_default();
        numbered.push((names.name().to_owned(), *count));
        *count += 1;
    }
    Ok(numbered)
}

/// The variants of one configuration, those the other one lacks left out.
struct Side<'d> {
    variants: Variants,
    seen: HashMap<String, usize>,
    lacking: HashMap<&'d Numbered, ()>,
    /// Variants that the other side has not come to yet.
    waiting: HashMap<Numbered, Variant>,
}

impl<'d> Side<'d> {
    fn new(config: &Config, options: &Options, lacking: &'d [Numbered]) -> Self {
        Self {
            variants: config.variants(options),
            seen: HashMap::new(),
            lacking: lacking.iter().map(|name| (name, ())).collect(),
            waiting: HashMap::new(),
        }
    }

    fn next(&mut self) -> Result<Option<(Numbered, Variant)>, CommandError> {
        while self.variants.advance()? {
            let current = self.variants.current();
            let count = self.seen.entry(current.name().to_owned()).or_default();
            let name = (current.name().to_owned(), *count);
            *count += 1;
            if !self.lacking.contains_key(&name) {
                return Ok(Some((name, current.to_variant())));
            }
        }
        Ok(None)
    }
}

/// Goes through both sides in step, so that only variants that stand in another order are kept.
fn changes([mut a, mut b]: [Side<'_>; 2]) -> Result<Vec<Change>, CommandError> {
    let mut changes = Changes::default();
    loop {
        let (from_a, from_b) = (a.next()?, b.next()?);
        if from_a.is_none() && from_b.is_none() {
            return Ok(changes.list);
        }
        if let Some((name, variant)) = from_a {
            match b.waiting.remove(&name) {
                Some(other) => changes.compare(&variant, &other),
                None => drop(a.waiting.insert(name, variant)),
            }
        }
        if let Some((name, variant)) = from_b {
            match a.waiting.remove(&name) {
                Some(other) => changes.compare(&other, &variant),
                None => drop(b.waiting.insert(name, variant)),
            }
        }
    }
}

type Values = (String, Option<String>, Option<String>);

#[derive(Default)]
struct Changes {
    list: Vec<Change>,
    by_values: HashMap<Values, usize>,
}

impl Changes {
    fn compare(&mut self, a: &Variant, b: &Variant) {
        let of_a: BTreeMap<&str, &str> = a.iter().collect();
        let of_b: BTreeMap<&str, &str> = b.iter().collect();
        for (key, value) in &of_a {
            if of_b.get(key) != Some(value) {
                self.add(a.name(), key, Some(value), of_b.get(key).copied());
            }
        }
        for (key, value) in &of_b {
            if !of_a.contains_key(key) {
                self.add(a.name(), key, None, Some(value));
            }
        }
        if a.dep() != b.dep() {
            let (before, after) = (a.dep().join(" "), b.dep().join(" "));
            self.add(a.name(), "dep", Some(&before), Some(&after));
        }
    }

    fn add(&mut self, name: &str, key: &str, a: Option<&str>, b: Option<&str>) {
        let values = (key.to_owned(), a.map(str::to_owned), b.map(str::to_owned));
        let position = *self.by_values.entry(values).or_insert_with_key(|values| {
            let (key, a, b) = values.clone();
            self.list.push(Change {
                key,
                a,
                b,
                variants: Vec::new(),
            });
            self.list.len() - 1
        });
        self.list[position].variants.push(name.to_owned());
    }
}
