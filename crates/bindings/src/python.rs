//! Python: dataclasses, exceptions, and a class of methods for each object, once as functions and once as coroutines.

use crate::flat::{Call, Flat, Owner};
use crate::model::{Body, Field, Kind};
use crate::text::{Page, snake};

const OWNERS: &[(Owner, &str)] = &[
    (Owner::Test, "Test"),
    (Owner::Vm, "Vm"),
    (Owner::Session, "Session"),
];

/// The text of `generated.py`.
pub fn generate(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line("# Made by `cargo test -p bindings` from crates/control/idl; not to be edited.");
    page.line("\"\"\"What is regular: types, errors, and a method for every method of the interface.\"\"\"\n");
    page.line("from __future__ import annotations\n");
    page.line("from dataclasses import dataclass");
    page.line("from typing import Any, Literal, Mapping\n");
    page.line("from .wire import AsyncCaller, Caller, Error");
    for item in &flat.types {
        page.line("\n");
        match &item.body {
            Body::Words(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                page.comment("#", &item.doc);
                page.line(format!("{} = Literal[{}]", item.name, words.join(", ")));
            }
            Body::Fields(fields) => structure(&mut page, &item.name, &item.doc, fields),
        }
    }
    for error in &flat.errors {
        page.line(format!("\n\nclass {}(Error):", error.name));
        doc(&mut page, "    ", &error.doc);
        for field in &error.fields {
            page.line(format!("    {}: {}", attribute(&field.name), hint(field)));
        }
    }
    page.line("\n\nERRORS: dict[str, type[Error]] = {");
    for error in &flat.errors {
        page.line(format!("    \"org.virt-test.error.{0}\": {0},", error.name));
    }
    page.line("}");
    for call in flat.calls.iter().filter(|call| !call.raw && !call.repeated) {
        if call.reply.len() > 1 {
            page.line("\n");
            let what = format!("What `{}` replies.", snake(&call.name));
            structure(
                &mut page,
                &format!("{}Reply", call.name),
                &what,
                &call.reply,
            );
        }
    }
    for (base, prefix, define, wait) in [
        ("Caller", "", "def", ""),
        ("AsyncCaller", "Async", "async def", "await "),
    ] {
        for (owner, class) in OWNERS {
            page.line(format!("\n\nclass {prefix}{class}Methods({base}):"));
            let calls = flat.calls.iter();
            let calls = calls.filter(|call| call.owner == *owner && !call.raw);
            for (index, call) in calls.enumerate() {
                if index > 0 {
                    page.line("");
                }
                method(&mut page, call, define, wait);
            }
        }
    }
    page.text()
}

fn structure(page: &mut Page, name: &str, text: &str, fields: &[Field]) {
    page.line("@dataclass(kw_only=True)");
    page.line(format!("class {name}:"));
    doc(page, "    ", text);
    for field in fields {
        let absent = if field.optional { " = None" } else { "" };
        page.line(format!("    {}: {}{absent}", field.name, hint(field)));
    }
    if fields.is_empty() && text.is_empty() {
        page.line("    pass");
    }
}

fn method(page: &mut Page, call: &Call, define: &str, wait: &str) {
    let mut parameters = vec!["self".to_owned()];
    let required = call.required.iter();
    parameters.extend(required.map(|field| format!("{}: {}", field.name, given(field))));
    if !call.optional.is_empty() {
        parameters.push("*".to_owned());
        let optional = call.optional.iter();
        parameters.extend(optional.map(|field| format!("{}: {} = None", field.name, given(field))));
    }
    let reply = match call.only() {
        Some(field) => hint(field),
        None if call.reply.is_empty() => "None".to_owned(),
        None => format!("{}Reply", call.name),
    };
    let name = snake(&call.name);
    page.line(format!(
        "    {define} {name}({}) -> {reply}:",
        parameters.join(", ")
    ));
    doc(page, "        ", &call.doc);
    let own = match call.owner {
        Owner::Test => None,
        Owner::Vm => Some("\"vm\": self.name".to_owned()),
        Owner::Session => Some("\"session\": self.id".to_owned()),
    };
    let fields = call.required.iter().chain(&call.optional);
    let sent = own
        .into_iter()
        .chain(fields.map(|field| format!("\"{0}\": {0}", field.name)));
    let sent = sent.collect::<Vec<_>>().join(", ");
    let (only, kind) = match call.only() {
        Some(field) => (format!("\"{}\"", field.name), python(&field.kind)),
        None if call.reply.is_empty() => ("None".to_owned(), "None".to_owned()),
        None => ("None".to_owned(), reply.clone()),
    };
    let value = if call.reply.is_empty() { "" } else { "return " };
    page.line(format!(
        "        {value}{wait}self._call(\"{}\", {{{sent}}}, {only}, {kind})",
        call.wire
    ));
}

/// A name that is no keyword.
fn attribute(name: &str) -> String {
    match name {
        "class" => "class_".to_owned(),
        name => name.to_owned(),
    }
}

/// The type of a field that is received.
fn hint(field: &Field) -> String {
    let kind = python(&field.kind);
    if field.optional {
        format!("{kind} | None")
    } else {
        kind
    }
}

/// The type of a field that is given: structures may be given as mappings.
fn given(field: &Field) -> String {
    let kind = match &field.kind {
        Kind::Map(inner) => format!("Mapping[str, {}]", python(inner)),
        Kind::Object => "Mapping[str, Any]".to_owned(),
        other => python(other),
    };
    if field.optional {
        format!("{kind} | None")
    } else {
        kind
    }
}

fn python(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::Int => "int".to_owned(),
        Kind::Float => "float".to_owned(),
        Kind::String => "str".to_owned(),
        Kind::Object => "dict[str, Any]".to_owned(),
        Kind::Ref(name) => name.clone(),
        Kind::Array(inner) => format!("list[{}]", python(inner)),
        Kind::Map(inner) => format!("dict[str, {}]", python(inner)),
    }
}

fn doc(page: &mut Page, indent: &str, text: &str) {
    let text = text.replace('\\', "\\\\");
    let mut lines = text.lines();
    let Some(first) = lines.next() else { return };
    let rest: Vec<&str> = lines.collect();
    if rest.is_empty() {
        page.line(format!("{indent}\"\"\"{first}\"\"\""));
        return;
    }
    page.line(format!("{indent}\"\"\"{first}"));
    for line in rest {
        page.line(format!("{indent}{line}").trim_end());
    }
    page.line(format!("{indent}\"\"\""));
}
