//! Node: a module with a method for every method, and its types for TypeScript.
//!
//! Methods have names as JavaScript's; members of objects keep those of the definition.

use crate::flat::{Call, Flat, Owner};
use crate::model::{Body, Field, Kind};
use crate::text::{Page, camel};

const OWNERS: &[(Owner, &str)] = &[
    (Owner::Test, "TestMethods"),
    (Owner::Vm, "VmMethods"),
    (Owner::Session, "SessionMethods"),
];

const NOTICE: &str =
    "// Made by `cargo test -p bindings` from crates/control/idl; not to be edited.\n";

/// The text of `generated.js`.
pub fn module(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line(NOTICE);
    page.line("import { CallError, Caller } from './client.js';\n");
    for error in &flat.errors {
        page.line(format!(
            "export class {}Error extends CallError {{}}",
            error.name
        ));
    }
    page.line("\nexport const ERRORS = {");
    for error in &flat.errors {
        let name = &error.name;
        page.line(format!("  'org.virt-test.error.{name}': {name}Error,"));
    }
    page.line("};");
    for (owner, class) in OWNERS {
        page.line(format!("\nexport class {class} extends Caller {{"));
        for (index, call) in of(flat, *owner).enumerate() {
            if index > 0 {
                page.line("");
            }
            module_method(&mut page, call);
        }
        page.line("}");
    }
    page.text()
}

/// The text of `generated.d.ts`.
pub fn types(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line(NOTICE);
    page.line("import { CallError, CallOptions, Caller } from './client.js';");
    for item in &flat.types {
        page.line("");
        doc(&mut page, "", &item.doc);
        match &item.body {
            Body::Words(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
                page.line(format!(
                    "export type {} = {};",
                    item.name,
                    words.join(" | ")
                ));
            }
            Body::Fields(fields) => {
                page.line(format!("export interface {} {{", item.name));
                members(&mut page, "  ", fields);
                page.line("}");
            }
        }
    }
    for error in &flat.errors {
        page.line("");
        doc(&mut page, "", &error.doc);
        page.line(format!(
            "export class {}Error extends CallError {{",
            error.name
        ));
        if !error.fields.is_empty() {
            page.line("  details: {");
            members(&mut page, "    ", &error.fields);
            page.line("  };");
        }
        page.line("}");
    }
    page.line("\nexport const ERRORS: Record<string, typeof CallError>;");
    for call in flat.calls.iter().filter(|call| !call.repeated) {
        interfaces_of(&mut page, call);
    }
    for (owner, class) in OWNERS {
        page.line(format!("\nexport class {class} extends Caller {{"));
        let calls = of(flat, *owner).filter(|call| !call.raw);
        for (index, call) in calls.enumerate() {
            if index > 0 {
                page.line("");
            }
            type_method(&mut page, call);
        }
        page.line("}");
    }
    page.text()
}

fn of(flat: &Flat, owner: Owner) -> impl Iterator<Item = &Call> {
    flat.calls.iter().filter(move |call| call.owner == owner)
}

fn module_method(page: &mut Page, call: &Call) {
    let name = if call.raw {
        format!("raw{}", call.name)
    } else {
        camel(&call.name)
    };
    let places: Vec<_> = call
        .required
        .iter()
        .map(|field| camel(&field.name))
        .collect();
    let mut parameters = places.clone();
    parameters.push("options".to_owned());
    let own = match call.owner {
        Owner::Test => None,
        Owner::Vm => Some("vm: this.name"),
        Owner::Session => Some("session: this.id"),
    };
    let mut sent: Vec<String> = own.map(str::to_owned).into_iter().collect();
    for (field, place) in call.required.iter().zip(&places) {
        sent.push(if field.name == *place {
            place.clone()
        } else {
            format!("{}: {place}", field.name)
        });
    }
    let sent = if sent.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", sent.join(", "))
    };
    let (wire, parameters) = (&call.wire, parameters.join(", "));
    page.line(format!("  {name}({parameters}) {{"));
    page.line(match call.only() {
        _ if call.more => format!("    return this.stream('{wire}', {sent}, options);"),
        Some(field) => format!(
            "    return this.call('{wire}', {sent}, options, '{}');",
            field.name
        ),
        None => format!("    return this.call('{wire}', {sent}, options);"),
    });
    page.line("  }");
}

fn type_method(page: &mut Page, call: &Call) {
    doc(page, "  ", &call.doc);
    let mut parameters: Vec<_> = call
        .required
        .iter()
        .map(|field| format!("{}: {}", camel(&field.name), ts_type(&field.kind)))
        .collect();
    parameters.push(format!("options?: {}", options_type(call)));
    let reply = match call.only() {
        Some(field) if field.optional => format!("{} | undefined", ts_type(&field.kind)),
        Some(field) => ts_type(&field.kind),
        None if call.reply.is_empty() => "void".to_owned(),
        None => format!("{}Reply", call.name),
    };
    page.line(format!(
        "  {}({}): Promise<{reply}>;",
        camel(&call.name),
        parameters.join(", ")
    ));
}

fn options_type(call: &Call) -> String {
    if call.optional.is_empty() {
        "CallOptions".to_owned()
    } else {
        format!("{}Options", call.name)
    }
}

fn interfaces_of(page: &mut Page, call: &Call) {
    if !call.optional.is_empty() {
        page.line(format!(
            "\n/** What `{}` can do without. */",
            camel(&call.name)
        ));
        page.line(format!(
            "export interface {}Options extends CallOptions {{",
            call.name
        ));
        members(page, "  ", &call.optional);
        page.line("}");
    }
    if call.reply.len() > 1 {
        page.line(format!("\n/** What `{}` replies. */", camel(&call.name)));
        page.line(format!("export interface {}Reply {{", call.name));
        members(page, "  ", &call.reply);
        page.line("}");
    }
}

fn members(page: &mut Page, indent: &str, fields: &[Field]) {
    for field in fields {
        let absent = if field.optional { "?" } else { "" };
        let null = if field.optional { " | null" } else { "" };
        page.line(format!(
            "{indent}{}{absent}: {}{null};",
            field.name,
            ts_type(&field.kind)
        ));
    }
}

fn ts_type(kind: &Kind) -> String {
    match kind {
        Kind::Bool => "boolean".to_owned(),
        Kind::Int | Kind::Float => "number".to_owned(),
        Kind::String => "string".to_owned(),
        Kind::Object => "any".to_owned(),
        Kind::Ref(name) => name.clone(),
        Kind::Array(inner) => format!("{}[]", ts_type(inner)),
        Kind::Map(inner) => format!("Record<string, {}>", ts_type(inner)),
    }
}

fn doc(page: &mut Page, indent: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    page.line(format!("{indent}/**"));
    page.comment(&format!("{indent} *"), text);
    page.line(format!("{indent} */"));
}
