//! C: structures and functions in a header, and what turns them into JSON and back.
//!
//! In what is sent, what is zero is absent, except that numbers and truth within structures have a `has_` beside them, as QEMU's own QAPI has it.

mod header;
mod source;

use crate::flat::{Call, Flat, Owner, Type};
use crate::model::{Body, Error, Field, Kind};
use crate::text::snake;

pub use header::header;
pub use source::{internal, source};

const NOTICE: &str =
    "/* Made by `cargo test -p bindings` from crates/control/idl; not to be edited. */\n";

/// Which way a structure goes.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// To the server.
    Sent,
    /// To the server, in the options of a call.
    Option,
    /// From the server.
    Received,
}

fn received(flat: &Flat) -> impl Iterator<Item = &Type> {
    let structures = flat.types.iter();
    structures.filter(|item| item.received && matches!(item.body, Body::Fields(_)))
}

fn with_options(flat: &Flat) -> impl Iterator<Item = &Call> {
    let calls = flat.calls.iter();
    calls.filter(|call| !call.optional.is_empty() && !call.repeated)
}

fn decoder(item: &Type) -> String {
    format!(
        "void vt__decode_{}(VtReply *reply, json_t *json, Vt{} *out)",
        snake(&item.name),
        item.name
    )
}

fn putter(call: &Call) -> String {
    format!(
        "void vt__put_{}_options(json_t *in, const Vt{}Options *o)",
        snake(&call.name),
        call.name
    )
}

/// Lists are sent of text only; no structure with a list goes both ways.
fn fits(flat: &Flat) -> Result<(), Error> {
    let unfit = |place: &str, problem| {
        Err(Error::Unfit {
            place: place.to_owned(),
            problem,
        })
    };
    let is_simple = |field: &Field| match &field.kind {
        Kind::Array(inner) | Kind::Map(inner) => **inner == Kind::String,
        _ => true,
    };
    for call in &flat.calls {
        let mut sent = call.required.iter().chain(&call.optional);
        if !sent.all(is_simple) {
            return unfit(&call.wire, "C sends lists of text only");
        }
    }
    for item in flat.types.iter().filter(|item| item.sent) {
        let Body::Fields(fields) = &item.body else {
            continue;
        };
        if item.received {
            return unfit(&item.name, "in C a structure is either sent or received");
        }
        if !fields.iter().all(is_simple) {
            return unfit(&item.name, "C sends lists of text only");
        }
    }
    Ok(())
}

/// The name of a member. The standard streams are macros.
fn member(field: &Field) -> &str {
    match field.name.as_str() {
        "stdout" => "out",
        "stderr" => "err",
        name => name,
    }
}

fn is_scalar(kind: &Kind) -> bool {
    matches!(kind, Kind::Bool | Kind::Int | Kind::Float)
}

/// A declaration of `name`, as it is in a structure or parameter list.
fn declaration(flat: &Flat, kind: &Kind, name: &str, way: Way) -> String {
    match kind {
        Kind::Bool => format!("bool {name}"),
        Kind::Int => format!("int64_t {name}"),
        Kind::Float => format!("double {name}"),
        Kind::String => format!("const char *{name}"),
        Kind::Object => format!("json_t *{name}"),
        Kind::Ref(of) if flat.is_enum(kind) => format!("Vt{of} {name}"),
        Kind::Ref(of) if way == Way::Received => format!("Vt{of} *{name}"),
        Kind::Ref(of) => format!("const Vt{of} *{name}"),
        Kind::Array(_) if way != Way::Received => format!("const char *const *{name}"),
        Kind::Array(inner) => match &**inner {
            Kind::Ref(of) => format!("Vt{of} *{name}"),
            _ => format!("const char **{name}"),
        },
        Kind::Map(_) if way == Way::Received => format!("json_t *{name}"),
        Kind::Map(_) => format!("const VtPair *{name}"),
    }
}

/// What a function gives back.
enum Given<'a> {
    Nothing,
    Text(&'a Field),
    Json(&'a Field),
    Scalar(&'a Field),
    Structure(&'a Field, &'a str),
    List(&'a Field, &'a Kind),
    Own,
}

fn result<'a>(flat: &Flat, call: &'a Call) -> Given<'a> {
    let Some(field) = call.only() else {
        return if call.reply.is_empty() {
            Given::Nothing
        } else {
            Given::Own
        };
    };
    match &field.kind {
        Kind::String => Given::Text(field),
        Kind::Object | Kind::Map(_) => Given::Json(field),
        Kind::Array(inner) => Given::List(field, inner),
        Kind::Ref(name) if !flat.is_enum(&field.kind) => Given::Structure(field, name),
        _ => Given::Scalar(field),
    }
}

fn prototype(flat: &Flat, call: &Call) -> String {
    let (prefix, owner) = match call.owner {
        Owner::Test => ("vt", "VtTest *t"),
        Owner::Vm => ("vt_vm", "VtVm *vm"),
        Owner::Session => ("vt_session", "VtSession *session"),
    };
    let mut parameters = vec![owner.to_owned()];
    for field in &call.required {
        parameters.push(declaration(flat, &field.kind, &field.name, Way::Sent));
    }
    if !call.optional.is_empty() {
        parameters.push(format!("const Vt{}Options *options", call.name));
    }
    let returned = match result(flat, call) {
        Given::Nothing => "bool ".to_owned(),
        Given::Text(_) => "const char *".to_owned(),
        Given::Json(_) => "json_t *".to_owned(),
        Given::Scalar(field) => {
            let out = format!("*{}_out", member(field));
            parameters.push(declaration(flat, &field.kind, &out, Way::Received));
            "bool ".to_owned()
        }
        Given::Structure(_, name) => format!("Vt{name} *"),
        Given::List(field, inner) => {
            parameters.push(format!("size_t *n_{}", field.name));
            match inner {
                Kind::Ref(name) => format!("Vt{name} *"),
                _ => "const char **".to_owned(),
            }
        }
        Given::Own => format!("Vt{}Reply *", call.name),
    };
    parameters.push("VtError **errp".to_owned());
    let name = snake(&call.name);
    format!("{returned}{prefix}_{name}({})", parameters.join(", "))
}
