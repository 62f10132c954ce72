//! The meaning of a configuration, spelled out: multiply everything out, then filter, then run the statements one by
//! one on plain strings. Shares nothing with the library.

use std::fmt::Write;
use std::rc::Rc;

/// A label of a filter: variable, name.
pub type Atom = (Option<String>, String);
/// OR of AND of adjacent labels.
pub type Filter = Vec<Vec<Vec<Atom>>>;

#[derive(Debug, Clone)]
pub enum Stmt {
    Assign {
        key: String,
        op: &'static str,
        value: String,
    },
    Del(String),
    Suffix(String),
    Only(Filter),
    No(Filter),
    Cond {
        filter: Filter,
        negated: bool,
        body: Vec<Stmt>,
    },
    Variants {
        var: Option<String>,
        items: Vec<Item>,
    },
    Include(Vec<Stmt>),
    Join(Filter),
}

#[derive(Debug, Clone)]
pub struct Item {
    pub labels: Vec<String>,
    pub default: bool,
    pub dep: Filter,
    pub body: Vec<Stmt>,
}

/// A label of a path.
#[derive(Debug, Clone)]
struct Label {
    var: Option<String>,
    name: String,
    short: bool,
    file: String,
}

impl Label {
    fn long(&self) -> String {
        match &self.var {
            Some(var) => format!("({var}={})", self.name),
            None => self.name.clone(),
        }
    }
}

/// Which item of which group a path takes.
#[derive(Debug, Clone)]
struct Choice {
    index: usize,
    /// The group's first default, unless its variable is expanded.
    default: bool,
    /// Whether a default that holds something displaces the others.
    exclusive: bool,
}

#[derive(Debug, Clone, Default)]
struct Path {
    labels: Vec<Label>,
    choices: Vec<Choice>,
    /// For each dependency: how many labels come after the point it stands at, and its text.
    deps: Vec<(usize, String)>,
    program: Vec<Rc<Stmt>>,
}

/// A variant as the model has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dict {
    pub name: String,
    pub shortname: String,
    pub dep: Vec<String>,
    pub entries: Vec<(String, String)>,
    pub maps: [Vec<(String, String)>; 2],
}

pub struct Model<'o> {
    pub defaults: bool,
    pub expand: &'o [String],
}

impl Model<'_> {
    pub fn dicts(&self, config: &[Stmt]) -> Vec<Dict> {
        let mut joins = Vec::new();
        let body: Vec<Stmt> = config
            .iter()
            .filter(|stmt| match stmt {
                Stmt::Join(filter) => {
                    joins.extend(filter.clone());
                    false
                }
                _ => true,
            })
            .cloned()
            .collect();
        let (paths, _) = self.block(&body, vec![Path::default()], "<string>");
        if joins.is_empty() {
            return self.filtered(&paths, None).iter().map(dict).collect();
        }
        let factors: Vec<Vec<(Path, Raw)>> = joins
            .iter()
            .map(|word| {
                let paths = self.filtered(&paths, Some(&vec![word.clone()]));
                paths.into_iter().map(|p| (p.clone(), run(&p))).collect()
            })
            .collect();
        product(&factors)
    }

    fn filtered(&self, paths: &[Path], only: Option<&Filter>) -> Vec<Path> {
        let left: Vec<&Path> = paths
            .iter()
            .filter(|path| {
                path.program.iter().all(|stmt| passes(path, stmt))
                    && only.is_none_or(|f| matches(path, f))
            })
            .collect();
        if !self.defaults {
            return left.into_iter().cloned().collect();
        }
        choose(&left, 0).into_iter().cloned().collect()
    }

    /// Multiplies the paths so far by a block. Tells whether the block has variants of its own.
    fn block(&self, body: &[Stmt], mut paths: Vec<Path>, file: &str) -> (Vec<Path>, bool) {
        let mut suffix = None;
        let mut grouped = false;
        for stmt in body {
            match stmt {
                Stmt::Variants { var, items } => {
                    paths = self.variants(var.as_ref(), items, &paths, file);
                    grouped = true;
                }
                Stmt::Include(body) => {
                    let (included, more) = self.block(body, paths, "inc.cfg");
                    paths = included;
                    grouped |= more;
                }
                Stmt::Suffix(_) => suffix = Some(Rc::new(stmt.clone())),
                other => {
                    let stmt = Rc::new(other.clone());
                    for path in &mut paths {
                        path.program.push(stmt.clone());
                    }
                }
            }
        }
        if let Some(suffix) = suffix {
            for path in &mut paths {
                path.program.push(suffix.clone());
            }
        }
        (paths, grouped)
    }

    fn variants(
        &self,
        var: Option<&String>,
        items: &[Item],
        before: &[Path],
        file: &str,
    ) -> Vec<Path> {
        let expanded = |var: Option<&String>| var.is_some_and(|v| self.expand.contains(v));
        let first_default = items.iter().position(|item| item.default);
        let mut all = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut paths = before.to_vec();
            if let Some(var) = var {
                let stmt = Rc::new(Stmt::Assign {
                    key: var.clone(),
                    op: "=",
                    value: item.labels.join("."),
                });
                for path in &mut paths {
                    path.program.push(stmt.clone());
                }
            }
            let (mut paths, grouped) = self.block(&item.body, paths, file);
            for path in &mut paths {
                if grouped && expanded(var) {
                    // The inner group's node carries this item's variable.
                    path.choices[0].exclusive = false;
                }
                let labels = item.labels.iter().map(|name| Label {
                    var: var.cloned(),
                    name: name.clone(),
                    short: !item.default,
                    file: file.to_owned(),
                });
                path.labels.splice(0..0, labels);
                let texts = item.dep.iter().flatten().map(|block| block_text(block));
                let count = path.labels.len();
                path.deps.splice(0..0, texts.map(|text| (count, text)));
                path.choices.insert(
                    0,
                    Choice {
                        index,
                        default: first_default == Some(index) && !expanded(var),
                        exclusive: true,
                    },
                );
            }
            all.extend(paths);
        }
        all
    }
}

/// Of every group the default's paths first, and alone if there are any.
fn choose<'p>(paths: &[&'p Path], depth: usize) -> Vec<&'p Path> {
    let Some(choice) = paths.first().and_then(|path| path.choices.get(depth)) else {
        return paths.to_vec();
    };
    let exclusive = choice.exclusive;
    let pick = |wanted: &dyn Fn(&Choice) -> bool| {
        let picked = paths.iter().filter(|path| wanted(&path.choices[depth]));
        picked.copied().collect::<Vec<_>>()
    };
    let mut out = choose(&pick(&|c| c.default), depth + 1);
    if !out.is_empty() && exclusive {
        return out;
    }
    let last = paths.iter().map(|p| p.choices[depth].index).max();
    for index in 0..=last.unwrap_or(0) {
        let rest = pick(&|c| c.index == index && !c.default);
        out.extend(choose(&rest, depth + 1));
    }
    out
}

fn fits(label: &Label, (var, name): &Atom) -> bool {
    label.name == *name && (var.is_none() || label.var == *var)
}

fn matches(path: &Path, filter: &Filter) -> bool {
    filter.iter().any(|word| {
        word.iter().all(|block| {
            path.labels
                .windows(block.len())
                .any(|window| window.iter().zip(block).all(|(l, a)| fits(l, a)))
        })
    })
}

fn passes(path: &Path, stmt: &Stmt) -> bool {
    match stmt {
        Stmt::Only(filter) => matches(path, filter),
        Stmt::No(filter) => !matches(path, filter),
        Stmt::Cond {
            filter,
            negated,
            body,
        } => matches(path, filter) == *negated || body.iter().all(|stmt| passes(path, stmt)),
        _ => true,
    }
}

/// Key and suffixes, value.
type Raw = Vec<((String, Vec<String>), String)>;

fn run(path: &Path) -> Raw {
    let mut raw = Raw::new();
    run_program(path, path.program.iter().map(|stmt| &**stmt), &mut raw);
    raw
}

fn plain(key: &str) -> (String, Vec<String>) {
    (key.to_owned(), Vec::new())
}

fn get<'r>(raw: &'r Raw, key: &str) -> Option<&'r String> {
    raw.iter()
        .find(|(k, _)| *k == plain(key))
        .map(|(_, value)| value)
}

fn set(raw: &mut Raw, key: (String, Vec<String>), value: String) {
    match raw.iter_mut().find(|(k, _)| *k == key) {
        Some((_, old)) => *old = value,
        None => raw.push((key, value)),
    }
}

/// The keys of the model's patterns are literal but for a trailing `.*`.
fn key_matches(pattern: &str, (key, suffixes): &(String, Vec<String>)) -> bool {
    let text = format!("{key}{}", suffixes.concat());
    match pattern.strip_suffix(".*") {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}

fn run_program<'s>(path: &Path, program: impl Iterator<Item = &'s Stmt>, raw: &mut Raw) {
    for stmt in program {
        match stmt {
            Stmt::Assign { key, op, value } => {
                if *op == "~=" && get(raw, key).is_some() {
                    continue;
                }
                let value = substitute(value, raw);
                match *op {
                    "=" | "~=" => set(raw, plain(key), value),
                    "+=" => {
                        let old = get(raw, key).cloned().unwrap_or_default();
                        set(raw, plain(key), old + &value);
                    }
                    "<=" => {
                        let old = get(raw, key).cloned().unwrap_or_default();
                        set(raw, plain(key), value + &old);
                    }
                    op => {
                        for (k, v) in raw.iter_mut() {
                            if key_matches(key, k) {
                                *v = match op {
                                    "?=" => value.clone(),
                                    "?+=" => format!("{v}{value}"),
                                    _ => format!("{value}{v}"),
                                };
                            }
                        }
                    }
                }
            }
            Stmt::Del(key) => raw.retain(|(k, _)| !key_matches(key, k)),
            Stmt::Suffix(suffix) => {
                for ((_, suffixes), _) in raw.iter_mut() {
                    suffixes.push(suffix.clone());
                }
            }
            Stmt::Cond {
                filter,
                negated,
                body,
            } if matches(path, filter) != *negated => {
                // A block's suffix comes after all else in it, and the last one counts.
                let is_suffix = |stmt: &&Stmt| matches!(stmt, Stmt::Suffix(_));
                let rest = body.iter().filter(|stmt| !is_suffix(stmt));
                let suffix = body.iter().rfind(is_suffix);
                let run: Vec<&Stmt> = rest.chain(suffix).collect();
                run_program(path, run.into_iter(), raw);
            }
            _ => {}
        }
    }
}

fn substitute(value: &str, raw: &Raw) -> String {
    let flat = flatten(raw);
    let mut out = String::new();
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}') else {
            break;
        };
        let key = &rest[start + 2..start + end];
        let Some((_, value)) = flat.iter().find(|(k, _)| k == key) else {
            break;
        };
        out.push_str(&rest[..start]);
        out.push_str(value);
        rest = &rest[start + end + 1..];
    }
    out + rest
}

fn flatten(raw: &Raw) -> Vec<(String, String)> {
    let mut out: Vec<(Result<String, usize>, String)> = raw
        .iter()
        .enumerate()
        .map(|(i, ((key, suffixes), value))| {
            let key = if suffixes.is_empty() {
                Ok(key.clone())
            } else {
                Err(i)
            };
            (key, value.clone())
        })
        .collect();
    for (i, ((key, suffixes), value)) in raw.iter().enumerate() {
        if suffixes.is_empty() {
            continue;
        }
        out.retain(|(k, _)| *k != Err(i));
        if get(raw, key) == Some(value) {
            continue;
        }
        let same = raw.iter().all(|((k, _), v)| k != key || v == value);
        let mut name = key.clone();
        if !same {
            suffixes.iter().rev().for_each(|s| name.push_str(s));
        }
        match out.iter_mut().find(|(k, _)| *k == Ok(name.clone())) {
            Some((_, old)) => old.clone_from(value),
            None => out.push((Ok(name), value.clone())),
        }
    }
    out.into_iter()
        .filter_map(|(key, value)| Some((key.ok()?, value)))
        .collect()
}

fn dict(path: &Path) -> Dict {
    named(path, flatten(&run(path)))
}

fn named(path: &Path, entries: Vec<(String, String)>) -> Dict {
    let long: Vec<String> = path.labels.iter().map(Label::long).collect();
    let shorts = path.labels.iter().filter(|label| label.short);
    let map = |text: &dyn Fn(&Label) -> String| {
        let mut files: Vec<&String> = path.labels.iter().map(|label| &label.file).collect();
        files.sort();
        files.dedup();
        files
            .into_iter()
            .map(|file| {
                let labels = path.labels.iter().filter(|label| label.file == *file);
                let texts: Vec<String> = labels.map(text).collect();
                (file.clone(), texts.join("."))
            })
            .collect()
    };
    let dep = path.deps.iter().map(|(after, text)| {
        let mut parts = long[..long.len() - after].to_vec();
        parts.push(text.clone());
        parts.join(".")
    });
    Dict {
        name: long.join("."),
        shortname: shorts.map(|l| l.name.clone()).collect::<Vec<_>>().join("."),
        dep: dep.collect(),
        entries,
        maps: [map(&Label::long), map(&|label| label.name.clone())],
    }
}

/// All pairs of two factors (or the only factor). Stops where no name can be made, as an error would.
fn product(factors: &[Vec<(Path, Raw)>]) -> Vec<Dict> {
    match factors {
        [only] => only.iter().map(|(p, raw)| named(p, flatten(raw))).collect(),
        [first, second] => {
            let mut out = Vec::new();
            for (path, raw) in first {
                for (other, more) in second {
                    let mut raw = raw.clone();
                    for (key, value) in more {
                        set(&mut raw, key.clone(), value.clone());
                    }
                    let mut dict = named(other, flatten(&raw));
                    let one = named(path, Vec::new());
                    let names =
                        joint(&one.name, &dict.name).zip(joint(&one.shortname, &dict.shortname));
                    let Some((name, shortname)) = names else {
                        return out;
                    };
                    (dict.name, dict.shortname) = (name, shortname);
                    out.push(dict);
                }
            }
            out
        }
        _ => unreachable!("the generator joins at most two"),
    }
}

fn joint(first: &str, second: &str) -> Option<String> {
    let differ = first
        .chars()
        .zip(second.chars())
        .position(|(a, b)| a != b)?;
    let common = &first[..differ];
    let labels = common.rfind('.').map_or("", |dot| &common[..dot]);
    if labels.is_empty() {
        return Some(format!("{first}.{second}"));
    }
    let rest = |name: &str| {
        if labels.contains('(') {
            name.to_owned()
        } else {
            name[labels.len()..].to_owned()
        }
    };
    Some(format!("{labels}{}{}", rest(first), rest(second)))
}

fn block_text(block: &[Atom]) -> String {
    let labels = block.iter().map(|(var, name)| match var {
        Some(var) => format!("({var}={name})"),
        None => name.clone(),
    });
    labels.collect::<Vec<_>>().join(".")
}

fn filter_text(filter: &Filter) -> String {
    let word = |word: &Vec<Vec<Atom>>| {
        let blocks: Vec<_> = word.iter().map(|block| block_text(block)).collect();
        blocks.join("..")
    };
    filter.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// The configuration as text, and that of its included file (at most one).
pub fn texts(config: &[Stmt]) -> (String, Option<String>) {
    let (mut text, mut included) = (String::new(), None);
    write_block(config, 0, &mut text, &mut included);
    (text, included)
}

fn write_block(body: &[Stmt], indent: usize, out: &mut String, included: &mut Option<String>) {
    for stmt in body {
        let _ = write!(out, "{:indent$}", "");
        let _ = match stmt {
            Stmt::Assign { key, op, value } => writeln!(out, "{key} {op} {value}"),
            Stmt::Del(key) => writeln!(out, "del {key}"),
            Stmt::Suffix(suffix) => writeln!(out, "suffix {suffix}"),
            Stmt::Only(filter) => writeln!(out, "only {}", filter_text(filter)),
            Stmt::No(filter) => writeln!(out, "no {}", filter_text(filter)),
            Stmt::Join(filter) => writeln!(out, "join {}", filter_text(filter)),
            Stmt::Cond {
                filter,
                negated,
                body,
            } => {
                let _ = writeln!(
                    out,
                    "{}{}:",
                    if *negated { "!" } else { "" },
                    filter_text(filter)
                );
                write_block(body, indent + 4, out, included);
                Ok(())
            }
            Stmt::Include(body) => {
                let mut text = String::new();
                write_block(body, 0, &mut text, included);
                *included = Some(text);
                writeln!(out, "include inc.cfg")
            }
            Stmt::Variants { var, items } => {
                let _ = match var {
                    Some(var) => writeln!(out, "variants {var}:"),
                    None => writeln!(out, "variants:"),
                };
                for item in items {
                    let _ = writeln!(
                        out,
                        "{:indent$}    - {}{}: {}",
                        "",
                        if item.default { "@" } else { "" },
                        item.labels.join("."),
                        filter_text(&item.dep)
                    );
                    write_block(&item.body, indent + 8, out, included);
                }
                Ok(())
            }
        };
    }
}
