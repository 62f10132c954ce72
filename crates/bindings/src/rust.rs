//! Rust: a method of `Test`, `Vm` or `Session` for every method. One that has options gives a builder, as `std::process::Command` is one.

use crate::flat::{Call, Flat, Owner, Type};
use crate::model::{Body, Field, Kind};
use crate::text::{Page, pascal, snake};

/// Calls that are wholly by hand: what they are given and reply is other than on the wire.
const WHOLLY: &[&str] = &[
    "org.virt-test.session.Exec",
    "org.virt-test.test.Error",
    "org.virt-test.test.Fail",
    "org.virt-test.test.Skip",
];

/// Types of those.
const THEIRS: &[&str] = &["Chunk", "Output"];

const OWNERS: [(Owner, &str); 3] = [
    (Owner::Test, "Test"),
    (Owner::Vm, "Vm"),
    (Owner::Session, "Session"),
];

/// The text of `src/generated.rs`.
pub fn generate(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line("//! Made from the interface definition by `UPDATE_BINDINGS=1 cargo test -p bindings`; not to be edited.\n");
    page.line("use std::collections::BTreeMap;\n");
    page.line("use serde::{Deserialize, Serialize};\nuse serde_json::Value;\n");
    page.line("use crate::error::Result;\nuse crate::{Session, Test, Vm};");
    for item in &flat.types {
        if !THEIRS.contains(&item.name.as_str()) {
            named_type(&mut page, item);
        }
    }
    errors(&mut page, flat);
    for call in calls(flat).filter(|call| has_reply(call)) {
        let name = format!("{}Reply", call.name);
        let visibility = if call.raw { "pub(crate) " } else { "pub " };
        page.line("");
        doc(
            &mut page,
            "",
            &format!("What `{}` replies.", snake(&call.name)),
        );
        received(&mut page, &name, &call.reply, visibility);
    }
    for (owner, name) in OWNERS {
        page.line(format!("\nimpl {name} {{"));
        let own = flat.calls.iter().filter(|call| call.owner == owner);
        own.filter(|call| !WHOLLY.contains(&call.wire.as_str()))
            .for_each(|call| method(&mut page, call));
        page.line("}");
    }
    builders(&mut page, flat);
    page.text()
}

/// Each call once that is not wholly by hand.
fn calls(flat: &Flat) -> impl Iterator<Item = &Call> {
    let calls = flat.calls.iter();
    calls.filter(|call| !call.repeated && !WHOLLY.contains(&call.wire.as_str()))
}

/// Does it reply with a structure of its own?
fn has_reply(call: &Call) -> bool {
    call.reply.len() > 1 || (call.more && call.raw)
}

/// A name that is no keyword.
fn variable(name: &str) -> &str {
    match name {
        "match" => "matching",
        name => name,
    }
}

fn rust(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".to_owned(),
        Kind::Int => "i64".to_owned(),
        Kind::Float => "f64".to_owned(),
        Kind::String => "String".to_owned(),
        Kind::Object => "Value".to_owned(),
        Kind::Ref(name) => name.clone(),
        Kind::Array(inner) => format!("Vec<{}>", rust(inner)),
        Kind::Map(inner) => format!("BTreeMap<String, {}>", rust(inner)),
    }
}

fn member(field: &Field) -> String {
    match field.optional {
        true => format!("Option<{}>", rust(&field.kind)),
        false => rust(&field.kind),
    }
}

/// The type of a parameter, and what of it is sent. Those with a fraction are times.
fn parameter(field: &Field) -> (String, String) {
    let name = variable(&field.name).to_owned();
    let text = "impl Into<String>";
    match &field.kind {
        Kind::String => (text.to_owned(), format!("{name}.into()")),
        Kind::Float => (
            "std::time::Duration".to_owned(),
            format!("{name}.as_secs_f64()"),
        ),
        Kind::Object => ("impl Serialize".to_owned(), name),
        Kind::Array(inner) if **inner == Kind::String => (
            format!("impl IntoIterator<Item = {text}>"),
            format!("{name}.into_iter().map(Into::into).collect::<Vec<String>>()"),
        ),
        Kind::Map(inner) if **inner == Kind::String => (
            format!("impl IntoIterator<Item = ({text}, {text})>"),
            format!(
                "{name}.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<BTreeMap<String, String>>()"
            ),
        ),
        kind => (rust(kind), name),
    }
}

/// A comment; what is indented in the definition is a table.
fn doc(page: &mut Page, indent: &str, text: &str) {
    let mut table = false;
    for line in text.lines() {
        let indented = line.starts_with("  ");
        if indented != table {
            page.line(format!(
                "{indent}/// ```{}",
                if indented { "text" } else { "" }
            ));
        }
        table = indented;
        let line = match indented {
            true => line.to_owned(),
            false => line.replace('[', "\\[").replace('<', "\\<"),
        };
        page.line(format!("{indent}/// {line}").trim_end());
    }
    if table {
        page.line(format!("{indent}/// ```"));
    }
}

fn errors_doc(page: &mut Page, indent: &str) {
    page.line(format!("{indent}///"));
    page.line(format!(
        "{indent}/// # Errors\n{indent}/// [`Error`](crate::Error)."
    ));
}

fn named_type(page: &mut Page, item: &Type) {
    page.line("");
    let text = match item.doc.is_empty() {
        true => format!("{} of the interface.", item.name),
        false => item.doc.clone(),
    };
    doc(page, "", &text);
    match &item.body {
        Body::Words(words) => {
            page.line("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]");
            page.line(format!(
                "#[serde(rename_all = \"snake_case\")]\npub enum {} {{",
                item.name
            ));
            for word in words {
                page.line(format!("    {},", pascal(word)));
            }
            page.line("}");
        }
        Body::Fields(fields) if item.sent => sent(page, &item.name, fields),
        Body::Fields(fields) => received(page, &item.name, fields, "pub "),
    }
}

fn received(page: &mut Page, name: &str, fields: &[Field], visibility: &str) {
    page.line("#[derive(Debug, Clone, PartialEq, Deserialize)]");
    if visibility == "pub " {
        page.line("#[non_exhaustive]");
    }
    page.line(format!("{visibility}struct {name} {{"));
    for field in fields {
        page.line(format!("    pub {}: {},", field.name, member(field)));
    }
    page.line("}");
}

/// What is made of what must be there, or of nothing, and has a method for each of the rest.
fn sent(page: &mut Page, name: &str, fields: &[Field]) {
    let (optional, required): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.optional);
    let default = if required.is_empty() { "Default, " } else { "" };
    page.line(format!(
        "#[derive(Debug, Clone, {default}PartialEq, Serialize)]"
    ));
    page.line(format!("#[non_exhaustive]\npub struct {name} {{"));
    for field in fields {
        if field.optional {
            page.line("    #[serde(skip_serializing_if = \"Option::is_none\")]");
        }
        page.line(format!("    pub {}: {},", field.name, member(field)));
    }
    page.line(format!("}}\n\nimpl {name} {{"));
    if !required.is_empty() {
        let given = required
            .iter()
            .map(|field| format!("{}: {}", field.name, rust(&field.kind)));
        let given = given.collect::<Vec<_>>().join(", ");
        page.line("    /// With what must be there.");
        page.line(format!(
            "    #[must_use]\n    pub fn new({given}) -> Self {{\n        Self {{"
        ));
        for field in fields {
            page.line(match field.optional {
                true => format!("            {}: None,", field.name),
                false => format!("            {},", field.name),
            });
        }
        page.line("        }\n    }\n");
    }
    for field in optional {
        let (kind, value) = parameter(field);
        page.line(format!("    /// Sets `{}`.", field.name));
        page.line(format!(
            "    #[must_use]\n    pub fn {0}(mut self, {0}: {kind}) -> Self {{\n        self.{0} = Some({value});\n        self\n    }}\n",
            field.name
        ));
    }
    page.line("}");
}

fn errors(page: &mut Page, flat: &Flat) {
    page.line("");
    doc(
        page,
        "",
        "What kind of error virt-test answered with, and what only that kind says.",
    );
    page.line("#[derive(Debug, Clone, PartialEq, Deserialize)]");
    page.line("#[serde(tag = \"error\", content = \"parameters\")]");
    page.line("#[non_exhaustive]\npub enum ErrorKind {");
    for error in &flat.errors {
        doc(page, "    ", &error.doc);
        page.line(format!(
            "    #[serde(rename = \"org.virt-test.error.{}\")]\n    #[non_exhaustive]",
            error.name
        ));
        page.line(format!("    {} {{", error.name));
        for field in &error.fields {
            page.line(format!("        {}: {},", field.name, member(field)));
        }
        page.line("    },");
    }
    page.line("    /// One of varlink's own, or one this version does not know.");
    page.line("    #[serde(skip)]\n    #[non_exhaustive]");
    page.line("    Other { name: String, parameters: Value },\n}");
}

/// How the reply is read.
fn read(call: &Call) -> (String, String) {
    match call.only() {
        _ if call.reply.is_empty() => ("()".to_owned(), "nothing()".to_owned()),
        Some(field) => (member(field), format!("member(\"{}\")", field.name)),
        None => (format!("{}Reply", call.name), "whole()".to_owned()),
    }
}

/// A method that asks, or gives the builder. One whose builder is finished by hand is begun by hand, too.
fn method(page: &mut Page, call: &Call) {
    if call.raw && call.optional.is_empty() {
        return;
    }
    let builder = !call.optional.is_empty();
    let mut parameters = vec!["&self".to_owned()];
    let mut puts = Vec::new();
    for field in &call.required {
        let (kind, value) = parameter(field);
        parameters.push(format!("{}: {kind}", variable(&field.name)));
        let value = match field.kind {
            Kind::String => format!("{}.into() as String", variable(&field.name)),
            _ => value,
        };
        puts.push(format!("asked.put(\"{}\", {value});", field.name));
    }
    let name = match &*call.wire {
        // What is opened is a session.
        "org.virt-test.session.Open" => "session".to_owned(),
        _ => snake(&call.name),
    };
    doc(page, "    ", &call.doc);
    let (result, end) = match builder {
        true => {
            let builder = format!("calls::{}", call.name);
            (builder.clone(), format!("{builder}(asked)"))
        }
        false => {
            let (kind, end) = read(call);
            errors_doc(page, "    ");
            (format!("Result<{kind}>"), format!("asked.{end}"))
        }
    };
    page.line(format!(
        "    pub fn {name}({}) -> {result} {{",
        parameters.join(", ")
    ));
    let mutable = if puts.is_empty() { "" } else { "mut " };
    page.line(format!(
        "        let {mutable}asked = self.ask(\"{}\");",
        call.wire
    ));
    for put in puts {
        page.line(format!("        {put}"));
    }
    page.line(format!("        {end}\n    }}\n"));
}

fn builders(page: &mut Page, flat: &Flat) {
    page.line("\n/// Calls that have options.\npub mod calls {");
    page.line("    use super::*;\n    use crate::asked::Asked;");
    for call in calls(flat).filter(|call| !call.optional.is_empty()) {
        let name = &call.name;
        page.line(format!("\n    /// `{}`, with options.", call.wire));
        page.line("    #[derive(Debug, Clone)]\n    #[must_use = \"nothing has been asked yet\"]");
        page.line(format!(
            "    pub struct {name}(pub(crate) Asked);\n\n    impl {name} {{"
        ));
        for field in &call.optional {
            let (kind, value) = parameter(field);
            let value = match field.kind {
                Kind::String => format!("{value} as String"),
                _ => value,
            };
            let method = variable(&field.name);
            page.line(format!("        /// Sets `{}`.", field.name));
            page.line(format!(
                "        pub fn {method}(mut self, {method}: {kind}) -> Self {{"
            ));
            page.line(format!(
                "            self.0.put(\"{}\", {value});\n            self\n        }}\n",
                field.name
            ));
        }
        if !call.raw {
            let (kind, end) = read(call);
            page.line("        /// Asks.");
            errors_doc(page, "        ");
            page.line(format!(
                "        pub fn call(self) -> Result<{kind}> {{\n            self.0.{end}\n        }}"
            ));
        }
        page.line("    }");
    }
    page.line("}");
}
