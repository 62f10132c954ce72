//! The server's side, in Rust: types of calls, replies and errors, and which method of `Call` carries out which method of an interface.

use std::fmt::Write as _;

use crate::model::{Body, Field, Interface, Kind, Model};

/// Fields that all errors have.
const COMMON: [&str; 5] = ["message", "hint", "where", "verdict", "last_words"];

/// The text of `crates/control/src/generated.rs`.
#[must_use]
pub fn server(model: &Model) -> String {
    let mut out = Out(String::new());
    out.line(0, "//! Made from the interface definition by `UPDATE_BINDINGS=1 cargo test -p bindings`; not to be edited.");
    for interface in &model.interfaces {
        out.line(0, "");
        out.line(0, &format!("pub mod {} {{", short(interface)));
        out.line(1, "use serde::{Deserialize, Serialize};");
        types(&mut out, interface);
        match interface.methods.is_empty() {
            true => errors(&mut out, interface),
            false => methods(&mut out, interface),
        }
        out.line(0, "}");
    }
    dispatch(&mut out, &model.interfaces);
    out.0
}

struct Out(String);

impl Out {
    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a string cannot fail.
        let _ = match text.is_empty() {
            true => writeln!(self.0),
            false => writeln!(self.0, "{:1$}{text}", "", depth * 4),
        };
    }
}

fn types(out: &mut Out, interface: &Interface) {
    for found in &interface.types {
        match &found.body {
            Body::Words(words) => {
                let words: Vec<String> = words.iter().map(|word| camel(word)).collect();
                out.line(0, "");
                out.line(
                    1,
                    "#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]",
                );
                out.line(1, "#[serde(rename_all = \"snake_case\")]");
                out.line(1, &format!("pub enum {} {{", found.name));
                for word in words {
                    out.line(2, &format!("{word},"));
                }
                out.line(1, "}");
            }
            Body::Fields(fields) => {
                structure(out, &found.name, fields, &["Deserialize", "Serialize"])
            }
        }
    }
}

fn methods(out: &mut Out, interface: &Interface) {
    for method in &interface.methods {
        structure(
            out,
            &format!("{}Call", method.name),
            &method.input,
            &["Deserialize"],
        );
        structure(
            out,
            &format!("{}Reply", method.name),
            &method.output,
            &["Serialize"],
        );
    }
}

/// What an error says beside what all say.
fn errors(out: &mut Out, interface: &Interface) {
    out.line(0, "");
    out.line(1, "#[derive(Debug, Clone, PartialEq, Serialize)]");
    out.line(1, "pub enum Kind {");
    for error in &interface.errors {
        let own = error.fields.iter();
        let own: Vec<&Field> = own
            .filter(|field| !COMMON.contains(&field.name.as_str()))
            .collect();
        if own.is_empty() {
            out.line(2, &format!("{} {{}},", error.name));
            continue;
        }
        out.line(2, &format!("{} {{", error.name));
        own.into_iter()
            .for_each(|field| member(out, 3, field, "", true));
        out.line(2, "},");
    }
    out.line(1, "}");
}

fn structure(out: &mut Out, name: &str, fields: &[Field], derives: &[&str]) {
    out.line(0, "");
    out.line(
        1,
        &format!("#[derive(Debug, Clone, PartialEq, {})]", derives.join(", ")),
    );
    if derives.contains(&"Deserialize") {
        out.line(1, "#[serde(deny_unknown_fields)]");
    }
    if fields.is_empty() {
        out.line(1, &format!("pub struct {name} {{}}"));
        return;
    }
    out.line(1, &format!("pub struct {name} {{"));
    for field in fields {
        member(out, 2, field, "pub ", derives.contains(&"Serialize"));
    }
    out.line(1, "}");
}

fn member(out: &mut Out, depth: usize, field: &Field, visibility: &str, written: bool) {
    let kind = rust(&field.kind);
    let name = match field.name.as_str() {
        "match" => "r#match",
        name => name,
    };
    if !field.optional {
        out.line(depth, &format!("{visibility}{name}: {kind},"));
        return;
    }
    if written {
        out.line(depth, "#[serde(skip_serializing_if = \"Option::is_none\")]");
    }
    out.line(depth, &format!("{visibility}{name}: Option<{kind}>,"));
}

fn rust(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "bool".into(),
        Kind::Int => "i64".into(),
        Kind::Float => "f64".into(),
        Kind::String => "String".into(),
        Kind::Object => "serde_json::Map<String, serde_json::Value>".into(),
        Kind::Ref(name) => name.clone(),
        Kind::Array(inner) => format!("Vec<{}>", rust(inner)),
        Kind::Map(inner) => format!("std::collections::BTreeMap<String, {}>", rust(inner)),
    }
}

fn dispatch(out: &mut Out, interfaces: &[Interface]) {
    out.line(0, "");
    for line in [
        "use serde_json::Value;",
        "",
        "use crate::call::{Call, carry_out};",
        "use crate::failure::Failure;",
        "",
        "/// Carries out a method of ours; nothing where there is none of that name.",
        "pub(crate) async fn dispatch(call: &Call<'_>, method: &str, it: Value) -> Option<Result<Value, Failure>> {",
        "    Some(match method {",
    ] {
        out.line(0, line);
    }
    for interface in interfaces {
        for method in &interface.methods {
            let name = format!("{}.{}", interface.name, method.name);
            let handler = format!("{}_{}", short(interface), snake(&method.name));
            out.line(
                2,
                &format!("\"{name}\" => carry_out(it, |it| call.{handler}(it)).await,"),
            );
        }
    }
    for line in ["        _ => return None,", "    })", "}"] {
        out.line(0, line);
    }
}

/// The last word of its name.
fn short(interface: &Interface) -> &str {
    interface.name.rsplit('.').next().unwrap_or_default()
}

fn camel(word: &str) -> String {
    let parts = word.split('_').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    parts.collect()
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
