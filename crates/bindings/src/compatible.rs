//! Does a client written for one definition get along with a later one? The rule is that of `docs/control.md`.

use std::collections::BTreeSet;

use crate::model::{Body, Field, Interface, Kind, Model};

/// What a client of `earlier` would stumble over in `later`; nothing if all is well.
#[must_use]
pub fn broken(earlier: &Model, later: &Model) -> Vec<String> {
    let mut found = Vec::new();
    for interface in &earlier.interfaces {
        match later
            .interfaces
            .iter()
            .find(|other| other.name == interface.name)
        {
            Some(other) => compare(interface, other, &mut found),
            None => found.push(format!("{} is gone", interface.name)),
        }
    }
    found
}

fn compare(earlier: &Interface, later: &Interface, found: &mut Vec<String>) {
    let place = |item: &str| format!("{}.{item}", earlier.name);
    for method in &earlier.methods {
        let place = place(&method.name);
        match later.methods.iter().find(|other| other.name == method.name) {
            None => found.push(format!("{place} is gone")),
            Some(other) => {
                given(&place, &method.input, &other.input, found);
                received(&place, &method.output, &other.output, found);
                if method.more && !other.more {
                    found.push(format!("{place} offers only one reply"));
                }
            }
        }
    }
    for error in &earlier.errors {
        match later.errors.iter().find(|other| other.name == error.name) {
            None => found.push(format!("{} is gone", place(&error.name))),
            Some(other) => received(&place(&error.name), &error.fields, &other.fields, found),
        }
    }
    let replied = used(earlier, |method| &method.output);
    let sent = used(earlier, |method| &method.input);
    for item in &earlier.types {
        let place = place(&item.name);
        let other = later.types.iter().find(|other| other.name == item.name);
        match (&item.body, other.map(|other| &other.body)) {
            (_, None) => found.push(format!("{place} is gone")),
            (Body::Fields(before), Some(Body::Fields(after))) => {
                if sent.contains(item.name.as_str()) {
                    given(&place, before, after, found);
                }
                if replied.contains(item.name.as_str()) {
                    received(&place, before, after, found);
                }
            }
            (Body::Words(before), Some(Body::Words(after))) => {
                let gone = before.iter().filter(|word| !after.contains(word));
                found.extend(gone.map(|word| format!("{place} has no {word}")));
                if replied.contains(item.name.as_str()) {
                    let new = after.iter().filter(|word| !before.contains(word));
                    found.extend(
                        new.map(|word| format!("{place} may be {word}, which is not expected")),
                    );
                }
            }
            _ => found.push(format!("{place} is another kind of type")),
        }
    }
}

/// What is sent: nothing may be missing that is wanted now.
fn given(place: &str, before: &[Field], after: &[Field], found: &mut Vec<String>) {
    for field in before {
        match after.iter().find(|other| other.name == field.name) {
            None => found.push(format!("{place} does not take {}", field.name)),
            Some(other) if other.kind != field.kind => {
                found.push(format!("{place} takes another type of {}", field.name));
            }
            Some(other) if field.optional && !other.optional => {
                found.push(format!("{place} insists on {}", field.name));
            }
            Some(_) => {}
        }
    }
    let new = after
        .iter()
        .filter(|field| !before.iter().any(|other| other.name == field.name));
    let wanted = new.filter(|field| !field.optional);
    found.extend(wanted.map(|field| format!("{place} insists on {}", field.name)));
}

/// What is received: everything must still come.
fn received(place: &str, before: &[Field], after: &[Field], found: &mut Vec<String>) {
    for field in before {
        match after.iter().find(|other| other.name == field.name) {
            None => found.push(format!("{place} does not give {}", field.name)),
            Some(other) if other.kind != field.kind => {
                found.push(format!("{place} gives another type of {}", field.name));
            }
            Some(other) if other.optional && !field.optional => {
                found.push(format!("{place} may leave out {}", field.name));
            }
            Some(_) => {}
        }
    }
}

/// Names of the types that these fields of methods lead to; of those of errors as well, which are all received.
fn used<'a>(
    interface: &'a Interface,
    fields: impl Fn(&'a crate::model::Method) -> &'a Vec<Field>,
) -> BTreeSet<&'a str> {
    let mut waiting: Vec<&Kind> = interface
        .methods
        .iter()
        .flat_map(&fields)
        .map(|field| &field.kind)
        .collect();
    let errors = interface.errors.iter().flat_map(|error| &error.fields);
    waiting.extend(errors.map(|field| &field.kind));
    let mut reached = BTreeSet::new();
    while let Some(kind) = waiting.pop() {
        match kind {
            Kind::Array(inner) | Kind::Map(inner) => waiting.push(inner),
            Kind::Ref(name) if reached.insert(name.as_str()) => {
                let item = interface.types.iter().find(|item| item.name == *name);
                if let Some(Body::Fields(fields)) = item.map(|item| &item.body) {
                    waiting.extend(fields.iter().map(|field| &field.kind));
                }
            }
            _ => {}
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = "interface a.b\n\
        type In (one, two)\n\
        type Out (one, two)\n\
        type Thing (x: int, y: ?string)\n\
        method M(a: string, b: ?int, how: ?In) -> (c: int, state: Out, thing: Thing)\n\
        error E (message: string)\n";

    fn after(from: &str, to: &str) -> Vec<String> {
        let later = EARLIER.replace(from, to);
        assert!(from.is_empty() || later != EARLIER, "{from}");
        let model = |text: &str| Model::parse(&[text.to_owned()]).unwrap();
        broken(&model(EARLIER), &model(&later))
    }

    #[test]
    fn what_may_be_added_is_no_hindrance() {
        for (from, to) in [
            ("a: string", "a: ?string, z: ?int"),
            ("c: int", "c: int, d: string"),
            ("x: int", "x: int, z: int"),
            ("In (one", "In (none, one"),
            ("message: string", "message: string, why: ?string"),
            ("error E", "method N() -> ()\nerror F ()\nerror E"),
        ] {
            assert_eq!(after(from, to), [""; 0], "{to}");
        }
    }

    #[test]
    fn what_earlier_clients_rely_on_must_stay() {
        for (from, to, said) in [
            ("method M", "method N", "a.b.M is gone"),
            ("error E", "error F", "a.b.E is gone"),
            ("b: ?int, ", "", "a.b.M does not take b"),
            ("b: ?int", "b: int", "a.b.M insists on b"),
            ("a: string", "a: string, z: int", "a.b.M insists on z"),
            ("a: string", "a: int", "a.b.M takes another type of a"),
            ("c: int", "c: ?int", "a.b.M may leave out c"),
            ("c: int, ", "", "a.b.M does not give c"),
            ("x: int, ", "", "a.b.Thing does not give x"),
            ("In (one, two)", "In (one)", "a.b.In has no two"),
            (
                "Out (one",
                "Out (none, one",
                "a.b.Out may be none, which is not expected",
            ),
            ("interface a.b", "interface a.c", "a.b is gone"),
        ] {
            assert_eq!(after(from, to), [said], "{to}");
        }
    }
}
