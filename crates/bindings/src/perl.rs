//! Perl: a method for every method, documented in POD; errors; and what is needed to tell numbers, words and truth apart.

use crate::flat::{Call, Flat, Owner};
use crate::model::{Body, Field, Kind};
use crate::text::{Page, snake};

const OWNERS: &[(Owner, &str, &str)] = &[
    (Owner::Test, "Test", "$t"),
    (Owner::Vm, "Vm", "$vm"),
    (Owner::Session, "Session", "$session"),
];

/// The text of `Generated.pm`.
pub fn generate(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line("# Made by `cargo test -p bindings` from crates/control/idl; not to be edited.\n");
    page.line("package VirtTest::Generated;\n\nuse v5.36;\n");
    page.line("# Members of what is sent, and their types.\nour %TYPES = (");
    for item in flat.types.iter().filter(|item| item.sent) {
        if let Body::Fields(fields) = &item.body {
            let members = specs(flat, fields).join(", ");
            page.line(format!("    {} => {{ {members} }},", item.name));
        }
    }
    page.line(");\n\n# Errors, and what each has beyond what all have.\nour %ERRORS = (");
    for error in &flat.errors {
        let own: Vec<_> = error.fields.iter().map(|field| &*field.name).collect();
        page.line(format!("    {} => [qw({})],", error.name, own.join(" ")));
    }
    page.line(");");
    for (owner, class, variable) in OWNERS {
        page.line(format!(
            "\npackage VirtTest::Generated::{class};\n\nuse parent -norequire, 'VirtTest::Caller';\n\n=encoding utf8\n"
        ));
        for call in flat.calls.iter().filter(|call| call.owner == *owner) {
            method(&mut page, flat, call, variable);
        }
    }
    page.line("1;");
    page.text()
}

fn spec(flat: &Flat, kind: &Kind) -> String {
    match kind {
        Kind::Bool => "'bool'".to_owned(),
        Kind::Int => "'int'".to_owned(),
        Kind::Float => "'float'".to_owned(),
        Kind::String => "'string'".to_owned(),
        Kind::Object => "'object'".to_owned(),
        Kind::Ref(_) if flat.is_enum(kind) => "'string'".to_owned(),
        Kind::Ref(name) => format!("'{name}'"),
        Kind::Array(inner) => format!("[array => {}]", spec(flat, inner)),
        Kind::Map(inner) => format!("[map => {}]", spec(flat, inner)),
    }
}

fn specs<'a>(flat: &Flat, fields: impl IntoIterator<Item = &'a Field>) -> Vec<String> {
    let spec = |field: &Field| format!("{} => {}", field.name, spec(flat, &field.kind));
    fields.into_iter().map(spec).collect()
}

fn method(page: &mut Page, flat: &Flat, call: &Call, owner: &str) {
    let name = snake(&call.name);
    let name = if call.raw {
        format!("_raw_{name}")
    } else {
        name
    };
    let places = call.required.iter().map(|field| format!("${}", field.name));
    let places: Vec<_> = places.collect();
    if !call.raw {
        pod(page, call, owner, &name, &places);
    }
    let mut parameters = vec!["$self".to_owned()];
    parameters.extend(places);
    parameters.push("%options".to_owned());
    let given = call
        .required
        .iter()
        .map(|field| format!("{0} => ${0}", field.name));
    let own = match call.owner {
        Owner::Test => None,
        Owner::Vm => Some(("vm => $self->{name}", "vm => 'string'")),
        Owner::Session => Some(("session => $self->{id}", "session => 'string'")),
    };
    let mut values: Vec<String> = vec!["%options".to_owned()];
    values.extend(own.map(|(value, _)| value.to_owned()));
    values.extend(given);
    let mut types: Vec<String> = own.map(|(_, kind)| kind.to_owned()).into_iter().collect();
    types.extend(specs(flat, call.required.iter().chain(&call.optional)));
    page.line(format!("sub {name} ({}) {{", parameters.join(", ")));
    let verb = if call.more { "_stream" } else { "_call" };
    let only = match call.only() {
        Some(field) if !call.more => format!(", '{}'", field.name),
        _ => String::new(),
    };
    page.line(format!("    state $types = {{ {} }};", types.join(", ")));
    page.line(format!(
        "    return $self->{verb}('{}', $types, {{ {} }}{only});",
        call.wire,
        values.join(", ")
    ));
    page.line("}\n");
}

fn pod(page: &mut Page, call: &Call, owner: &str, name: &str, places: &[String]) {
    let mut shown = places.to_vec();
    if !call.optional.is_empty() {
        shown.push("%options".to_owned());
    }
    page.line(format!("=head2 {owner}->{name}({})\n", shown.join(", ")));
    if !call.doc.is_empty() {
        page.line(format!("{}\n", call.doc));
    }
    let names = |fields: &[Field]| -> String {
        let names: Vec<_> = fields.iter().map(|field| &*field.name).collect();
        names.join(", ")
    };
    if !call.optional.is_empty() {
        page.line(format!("Options: {}.\n", names(&call.optional)));
    }
    match call.reply.as_slice() {
        [] => {}
        [field] => page.line(format!("Returns {}.\n", field.name)),
        fields => page.line(format!("Returns a hash of {}.\n", names(fields))),
    }
    page.line("=cut\n");
}
