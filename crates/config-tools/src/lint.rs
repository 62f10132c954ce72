//! What is probably not meant.
//!
//! Everything here is told from the text alone, without multiplying out the variants, and only what
//! is certain is told: a filter that is not mentioned may still match nothing.

use std::collections::{BTreeMap, BTreeSet};

use cartesian::Loader;
use clap::ValueEnum;
use params::{Key, Kind, Reason, Validator, closest};
use serde::Serialize;

use crate::index::{Entry, Span, Use, substitutions};
use crate::project::{Place, Project};
use crate::reach::{Dead, PlacedFilter, Reach};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A value that its key does not allow.
    WrongValue,
    /// A key that is not declared, but looks like one that is.
    UnknownKey,
    /// A key that is set and that nothing reads: neither the framework nor any `${…}`.
    UnreadKey,
    /// `${…}` of a key that nothing sets.
    UnsetKey,
    /// A filter, or an alternative of one, that no variant can match.
    DeadFilter,
    /// A conditional block that never applies.
    UnreachableCondition,
}

impl Rule {
    /// Its name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::WrongValue => "wrong-value",
            Self::UnknownKey => "unknown-key",
            Self::UnreadKey => "unread-key",
            Self::UnsetKey => "unset-key",
            Self::DeadFilter => "dead-filter",
            Self::UnreachableCondition => "unreachable-condition",
        }
    }

    /// Whether a configuration with such a finding cannot be run as it is.
    pub fn is_error(self) -> bool {
        self == Self::WrongValue
    }
}

/// One thing that is probably not meant. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// The file it stands in.
    pub file: String,
    /// Its line.
    pub line: usize,
    /// The first column of what is meant, in characters.
    pub column: usize,
    /// The column after the last one.
    pub end_column: usize,
    /// What is the matter.
    pub message: String,
    /// What could be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The text of the line.
    #[serde(skip)]
    pub line_text: String,
    #[serde(skip)]
    pub(crate) place: Place,
}

/// Everything there is to say about `project`, in the order of its files. `own` declares keys
/// beside the framework's.
pub(crate) fn lint(project: &Project, own: &'static [Key], loader: &dyn Loader) -> Vec<Finding> {
    let mut linter = Linter {
        project,
        findings: Vec::new(),
    };
    linter.keys(own);
    if let Some(reach) = Reach::new(project, loader) {
        linter.filters(&reach);
    }
    let mut findings = linter.findings;
    findings.sort_by(|a, b| (a.place, a.rule, &a.message).cmp(&(b.place, b.rule, &b.message)));
    findings.dedup();
    findings
}

struct Linter<'p> {
    project: &'p Project,
    findings: Vec<Finding>,
}

/// All the places that set one key.
#[derive(Default)]
struct Assigned<'p> {
    places: Vec<(Place, &'p str, bool)>,
}

impl Linter<'_> {
    fn add(&mut self, rule: Rule, place: Place, message: String, hint: Option<String>) {
        let file = &self.project.files[place.file];
        let line_text = file.line(place.span.line).to_owned();
        let column = |bytes: usize| {
            line_text
                .char_indices()
                .take_while(|&(at, _)| at < bytes)
                .count()
                + 1
        };
        self.findings.push(Finding {
            rule,
            file: file.path.clone(),
            line: place.span.line + 1,
            column: column(place.span.start),
            end_column: column(place.span.end),
            message,
            hint,
            line_text,
            place,
        });
    }

    fn keys(&mut self, own: &'static [Key]) {
        let project = self.project;
        let mut assigned: BTreeMap<&str, Assigned<'_>> = BTreeMap::new();
        let mut read: BTreeMap<&str, Place> = BTreeMap::new();
        for (file, node) in project.nodes() {
            let place = Place {
                file,
                span: node.span,
            };
            match &node.entry {
                Entry::Assign { key, op, value } => {
                    for (_, name) in substitutions(value) {
                        read.entry(name).or_insert(place);
                    }
                    // `?=` and its kin only change what something else sets.
                    if op.starts_with('?') {
                        continue;
                    }
                    let whole = op == "=" || op == "~=";
                    let entry = assigned.entry(key).or_default();
                    entry.places.push((place, value, whole));
                }
                Entry::Variants { name: Some(name) } => {
                    assigned.entry(name).or_default();
                }
                _ => {}
            }
        }
        let validator = Validator::new(own, objects(project));
        for (key, assigned) in &assigned {
            self.assigned_key(&validator, key, assigned, &read);
        }
        for (name, place) in &read {
            if !assigned.contains_key(name)
                && validator.declaration(name).is_none()
                && !made_by_us(name)
            {
                self.unset(name, *place, &assigned);
            }
        }
    }

    fn assigned_key(
        &mut self,
        validator: &Validator,
        key: &str,
        assigned: &Assigned<'_>,
        read: &BTreeMap<&str, Place>,
    ) {
        let Some(&(first, _, _)) = assigned.places.first() else {
            return;
        };
        let mut unknown = false;
        for &(place, value, whole) in &assigned.places {
            // Part of a value, or one that is filled in later, cannot be judged here.
            let value = if whole && !value.contains("${") {
                value
            } else {
                ""
            };
            let Some(problem) = validator.problem(key, value) else {
                continue;
            };
            match problem.reason {
                Reason::UnknownKey { .. } => unknown = true,
                Reason::WrongValue { .. } if value.is_empty() => {}
                Reason::WrongValue { .. } => {
                    self.add(Rule::WrongValue, place, problem.to_string(), None);
                }
            }
        }
        if !unknown || read.contains_key(key) {
            return;
        }
        let others = match assigned.places.len() - 1 {
            0 => String::new(),
            1 => ", set here and in 1 more place".to_owned(),
            more => format!(", set here and in {more} more places"),
        };
        match validator.suggest(key) {
            Some(close) => self.add(
                Rule::UnknownKey,
                first,
                format!("unknown key `{key}`{others}"),
                Some(format!("did you mean `{close}`?")),
            ),
            None => self.add(
                Rule::UnreadKey,
                first,
                format!("nothing reads `{key}`{others}"),
                None,
            ),
        }
    }

    fn unset(&mut self, name: &str, place: Place, assigned: &BTreeMap<&str, Assigned<'_>>) {
        let line = self.project.files[place.file].line(place.span.line);
        let needle = format!("${{{name}}}");
        let span = line.find(&needle).map_or(place.span, |start| Span {
            line: place.span.line,
            start,
            end: start + needle.len(),
        });
        let close = closest(name, assigned.keys().copied());
        self.add(
            Rule::UnsetKey,
            Place { span, ..place },
            format!("nothing sets `{name}`, so `{needle}` stays as it is"),
            close.map(|close| format!("did you mean `{close}`?")),
        );
    }

    fn filters(&mut self, reach: &Reach<'_>) {
        for filter in &reach.filters {
            let dead: Vec<(Span, Dead)> = filter
                .alternatives
                .iter()
                .filter_map(|alternative| {
                    Some((alternative.span, reach.dead(filter, alternative)?))
                })
                .collect();
            let all = !dead.is_empty() && dead.len() == filter.alternatives.len();
            for (span, dead) in &dead {
                self.dead_filter(reach, filter, *span, dead, all);
            }
        }
    }

    fn dead_filter(
        &mut self,
        reach: &Reach<'_>,
        filter: &PlacedFilter<'_>,
        span: Span,
        dead: &Dead,
        all: bool,
    ) {
        let (rule, effect) = match (filter.used_as, all) {
            (Use::Only, true) => (Rule::DeadFilter, "this `only` removes every variant"),
            (Use::No, true) => (Rule::DeadFilter, "this `no` removes nothing"),
            (Use::Join, _) => (Rule::DeadFilter, "this `join` has nothing to join"),
            (Use::Condition, true) => (Rule::UnreachableCondition, "this block never applies"),
            (Use::NegativeCondition, true) => {
                (Rule::UnreachableCondition, "this block always applies")
            }
            (Use::Dependency, _) => (Rule::DeadFilter, "this dependency is never met"),
            (_, false) => (Rule::DeadFilter, "this alternative matches nothing"),
        };
        let (why, hint) = match dead {
            Dead::Undeclared { label } => (
                format!("no variant is called `{}`", shown(label)),
                closest(&label.name, reach.labels())
                    .map(|close| format!("did you mean `{close}`?")),
            ),
            Dead::Exclusive { first, second } => (
                format!(
                    "`{}` and `{}` are alternatives of one `variants`",
                    shown(first),
                    shown(second)
                ),
                None,
            ),
            Dead::Outside { label } => (
                format!(
                    "`{}` is an alternative to the variant this stands in",
                    shown(label)
                ),
                None,
            ),
        };
        let place = Place {
            span,
            ..filter.place
        };
        self.add(rule, place, format!("{effect}: {why}"), hint);
    }
}

fn shown(label: &crate::index::Label) -> String {
    match &label.variable {
        Some(variable) => format!("({variable}={})", label.name),
        None => label.name.clone(),
    }
}

/// Every name the project gives to an object, and those that are there by default.
pub(crate) fn objects(project: &Project) -> BTreeSet<String> {
    let defaults = params::table::keys()
        .filter(|key| matches!(key.kind, Kind::Objects(_)))
        .filter_map(|key| key.default);
    let set = project.nodes().filter_map(|(_, node)| match &node.entry {
        Entry::Assign { key, value, .. } if names_objects(key) => Some(value.as_str()),
        _ => None,
    });
    defaults
        .chain(set)
        .flat_map(str::split_whitespace)
        .map(str::to_owned)
        .collect()
}

/// Whether `key` lists objects, for all or for one.
fn names_objects(key: &str) -> bool {
    params::table::keys()
        .filter(|declared| matches!(declared.kind, Kind::Objects(_)))
        .any(|declared| {
            key.strip_prefix(declared.name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        })
}

/// Keys the language makes for every variant.
fn made_by_us(key: &str) -> bool {
    matches!(key, "name" | "shortname" | "dep") || key.starts_with('_')
}

#[cfg(test)]
mod tests {
    use cartesian::MemoryLoader;

    use super::*;
    use crate::project::SourceFile;

    fn findings(text: &str) -> String {
        let loader =
            MemoryLoader::new().with("sub.cfg", "variants:\n    - inc:\n        smp = x\n");
        let project = Project::load(SourceFile::new("test.cfg", text), &loader);
        lint(&project, &[], &loader)
            .iter()
            .map(|finding| crate::render::finding(finding, false) + "\n")
            .collect()
    }

    #[test]
    fn a_sound_configuration_has_no_findings() {
        let text = "\
vms = vm1 vm2
mem_vm2 = 1G
_mine = x
base = 5
mem = ${base}12
variants:
    - a:
        b: smp = 4
    - c:
        smp += 0
variants os:
    - b:
        !a: no c
only (os=b)..a, c
";
        assert_eq!(findings(text), "");
    }

    #[test]
    fn keys_are_compared_with_the_table_and_with_what_reads_them() {
        insta::assert_snapshot!(findings(
            "\
vm_acelerator = kvm
smp = two
colour = red
variants:
    - a:
        colour = blue
        mem = ${mmem}
"
        ));
    }

    #[test]
    fn labels_nobody_declares_make_dead_filters() {
        insta::assert_snapshot!(findings(
            "\
variants image:
    - qcow2:
    - raw:
only qcow, raw
no (disk=raw)
qcow3..raw: mem = 1
!none: mem = 2
only qcow2
"
        ));
    }

    #[test]
    fn labels_of_one_variants_exclude_each_other() {
        insta::assert_snapshot!(findings(
            "\
variants:
    - linux:
        windows: mem = 1
        only linux
    - windows:
        variants:
            - w10:
            - w11:
only linux..w10, windows
no w10..w11
"
        ));
    }

    #[test]
    fn a_label_declared_twice_excludes_nothing_too_much() {
        assert_eq!(
            findings(
                "variants:\n    - a:\n    - b:\nvariants:\n    - b:\n    - c:\na..b: mem = 1\n"
            ),
            ""
        );
    }

    #[test]
    fn findings_in_included_files_name_those_files() {
        insta::assert_snapshot!(findings("include sub.cfg\nonly inc\n"));
    }
}
