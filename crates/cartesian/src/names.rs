//! What a variant's path says about it: dependencies and the names by file.

use crate::program::{Program, Reference};
use crate::strings::StrId;
use crate::walk::{Compiled, Step, Walker};

/// A variant's name split by the file (base name) that declares its labels.
pub(crate) type NameMap = Vec<(StrId, String)>;

/// The name map of the labels of `steps`, in the order the statements that make it run.
pub(crate) fn name_map(program: &Program, steps: &[Step], short: bool) -> NameMap {
    let mut map: NameMap = Vec::new();
    for step in steps.iter().rev() {
        let node = &program.nodes[step.node.index()];
        if node.labels.is_empty() {
            continue;
        }
        let labels = node.labels.iter().map(|label| {
            let label = program.labels[label.index()];
            program.text(if short { label.name } else { label.long })
        });
        let mut name = labels.collect::<Vec<_>>().join(".");
        match map.iter_mut().find(|(file, _)| *file == node.file) {
            Some((_, rest)) => {
                name.push('.');
                name.push_str(rest);
                *rest = name;
            }
            None => map.push((node.file, name)),
        }
    }
    map
}

/// Whether a path has labels, and so name maps.
pub(crate) fn has_labels(program: &Program, steps: &[Step]) -> bool {
    steps
        .iter()
        .any(|step| !program.nodes[step.node.index()].labels.is_empty())
}

/// The dependencies of a path with this name.
pub(crate) fn dependencies(program: &Program, steps: &[Step], name: &str) -> Vec<String> {
    let mut dependencies = Vec::new();
    for step in steps {
        for &dep in &program.nodes[step.node.index()].dep {
            let outer = &name[..step.name_len as usize];
            let dep = program.text(dep);
            dependencies.push(match outer {
                "" => dep.to_owned(),
                outer => format!("{outer}.{dep}"),
            });
        }
    }
    dependencies
}

/// The path that names and dependencies of the current variant come from: of a product, that of the last factor.
pub(crate) fn naming_walker(walker: &Walker) -> &Walker {
    match walker.current_join().and_then(|join| join.factors().last()) {
        Some(last) => naming_walker(last),
        None => walker,
    }
}

/// What a reference to one of the reserved keys stands for while the statements of step `at` run.
pub(crate) fn special(
    compiled: &Compiled,
    walker: &Walker,
    at: usize,
    reference: Reference,
) -> Option<String> {
    let program = &compiled.program;
    let map = |short| {
        let map = name_map(program, &walker.path[at + 1..], short);
        let pair = |(file, name): &(StrId, String)| {
            format!(
                "{}: {}",
                python_quoted(program.text(*file)),
                python_quoted(name)
            )
        };
        (!map.is_empty()).then(|| {
            format!(
                "{{{}}}",
                map.iter().map(pair).collect::<Vec<_>>().join(", ")
            )
        })
    };
    match reference {
        Reference::Key(_) => None,
        Reference::Name => Some(walker.name.clone()),
        Reference::ShortName => Some(walker.shortname.clone()),
        Reference::Dep => {
            let dependencies = dependencies(program, &walker.path, &walker.name);
            let quoted: Vec<_> = dependencies.iter().map(|d| python_quoted(d)).collect();
            Some(format!("[{}]", quoted.join(", ")))
        }
        Reference::NameMap => map(false),
        Reference::ShortNameMap => map(true),
    }
}

/// Lists and maps appear in values as Python shows them, which configurations may rely on.
fn python_quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for c in text.chars() {
        if c == quote || c == '\\' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push(quote);
    out
}
