//! What turns structures into JSON and back, and makes the calls.

use super::{
    Given, NOTICE, Way, decoder, is_scalar, member, prototype, putter, received, result,
    with_options,
};
use crate::flat::{Call, Flat, Owner, Type};
use crate::model::{Body, Field, Kind};
use crate::text::{Page, pascal, snake, upper};

/// The text of the header for the library itself.
pub fn internal(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line(NOTICE);
    page.line("#ifndef VIRT_TEST_INTERNAL_GENERATED_H\n#define VIRT_TEST_INTERNAL_GENERATED_H\n");
    page.line("VtErrorKind vt__error_kind(const char *name);");
    for item in received(flat) {
        page.line(format!("{};", decoder(item)));
    }
    for call in with_options(flat) {
        page.line(format!("{};", putter(call)));
    }
    page.line("\n#endif");
    page.text()
}

/// The text of the source.
pub fn source(flat: &Flat) -> String {
    let mut page = Page::default();
    page.line(NOTICE);
    page.line("#include \"internal.h\"\n\n#include <string.h>");
    page.line("\nVtErrorKind vt__error_kind(const char *name)\n{");
    for error in &flat.errors {
        page.line(format!(
            "    if (strcmp(name, \"org.virt-test.error.{}\") == 0) {{\n        return VT_ERROR_{};\n    }}",
            error.name,
            upper(&error.name)
        ));
    }
    page.line("    return VT_ERROR_OTHER;\n}");
    for item in &flat.types {
        match &item.body {
            Body::Words(words) => enumeration(&mut page, item, words),
            Body::Fields(fields) if item.sent => {
                page.line(format!(
                    "\nstatic json_t *encode_{}(const Vt{} *o)\n{{\n    json_t *in = json_object();",
                    snake(&item.name),
                    item.name
                ));
                for field in fields {
                    put(
                        &mut page,
                        flat,
                        field,
                        &format!("o->{}", member(field)),
                        Way::Sent,
                    );
                }
                page.line("    return in;\n}");
            }
            Body::Fields(_) => {}
        }
    }
    for item in received(flat) {
        if let Body::Fields(fields) = &item.body {
            page.line(format!("\n{}\n{{\n    (void)reply;", decoder(item)));
            for field in fields {
                take(&mut page, flat, field, &format!("out->{}", member(field)));
            }
            page.line("}");
        }
    }
    for call in with_options(flat) {
        page.line(format!(
            "\n{}\n{{\n    if (!o) {{\n        return;\n    }}",
            putter(call)
        ));
        for field in &call.optional {
            put(
                &mut page,
                flat,
                field,
                &format!("o->{}", member(field)),
                Way::Option,
            );
        }
        page.line("}");
    }
    for call in flat.calls.iter().filter(|call| !call.raw) {
        function(&mut page, flat, call);
    }
    page.text()
}

fn enumeration(page: &mut Page, item: &Type, words: &[String]) {
    let (name, lower, prefix) = (&item.name, snake(&item.name), upper(&item.name));
    page.line(format!("\nconst char *vt_{lower}_name(Vt{name} value)\n{{"));
    page.line("    switch (value) {");
    for word in words {
        page.line(format!(
            "    case VT_{prefix}_{}:\n        return \"{word}\";",
            upper(word)
        ));
    }
    page.line(format!(
        "    case VT_{prefix}_UNSET:\n        break;\n    }}\n    return NULL;\n}}"
    ));
    if item.received {
        page.line(format!(
            "\nstatic Vt{name} decode_{lower}(json_t *json)\n{{"
        ));
        page.line("    const char *word = json_string_value(json);\n\n    if (!word) {");
        page.line(format!("        return VT_{prefix}_UNSET;\n    }}"));
        for word in words {
            page.line(format!(
                "    if (strcmp(word, \"{word}\") == 0) {{\n        return VT_{prefix}_{};\n    }}",
                upper(word)
            ));
        }
        page.line(format!("    return VT_{prefix}_UNSET;\n}}"));
    }
}

/// Puts what is sent into the object `in`.
fn put(page: &mut Page, flat: &Flat, field: &Field, value: &str, way: Way) {
    let key = &field.name;
    let json = match &field.kind {
        Kind::Bool => format!("json_boolean({value})"),
        Kind::Int => format!("json_integer({value})"),
        Kind::Float => format!("json_real({value})"),
        Kind::String => format!("vt__string({value})"),
        Kind::Object => value.to_owned(),
        Kind::Ref(name) if flat.is_enum(&field.kind) => {
            format!("vt__string(vt_{}_name({value}))", snake(name))
        }
        Kind::Ref(name) => format!("encode_{}({value})", snake(name)),
        Kind::Array(_) => format!("vt__strings({value})"),
        Kind::Map(_) => format!("vt__pairs({value})"),
    };
    let set = format!("json_object_set_new(in, \"{key}\", {json});");
    let condition = match way {
        _ if !field.optional => None,
        Way::Sent if is_scalar(&field.kind) => Some(format!("o->has_{}", member(field))),
        _ => Some(value.to_owned()),
    };
    match condition {
        Some(condition) => page.line(format!("    if ({condition}) {{\n        {set}\n    }}")),
        None => page.line(format!("    {set}")),
    }
}

/// Takes what is received out of the object `json`.
fn take(page: &mut Page, flat: &Flat, field: &Field, place: &str) {
    let got = format!("json_object_get(json, \"{}\")", field.name);
    if field.optional && is_scalar(&field.kind) {
        page.line(format!(
            "    out->has_{} = vt__is_there({got});",
            member(field)
        ));
    }
    match &field.kind {
        Kind::Array(inner) => {
            let count = format!("out->n_{}", member(field));
            take_list(page, inner, &got, place, &count);
        }
        Kind::Ref(name) if !flat.is_enum(&field.kind) => {
            page.line(format!("    if (vt__is_there({got})) {{"));
            page.line(format!(
                "        {place} = vt__room(reply, 1, sizeof(Vt{name}));"
            ));
            page.line(format!(
                "        vt__decode_{}(reply, {got}, {place});\n    }}",
                snake(name)
            ));
        }
        kind => page.line(format!("    {place} = {};", scalar(kind, &got))),
    }
}

fn scalar(kind: &Kind, got: &str) -> String {
    match kind {
        Kind::Bool => format!("json_is_true({got})"),
        Kind::Int => format!("json_integer_value({got})"),
        Kind::Float => format!("json_number_value({got})"),
        Kind::String => format!("json_string_value({got})"),
        Kind::Ref(name) => format!("decode_{}({got})", snake(name)),
        _ => got.to_owned(),
    }
}

fn take_list(page: &mut Page, inner: &Kind, got: &str, place: &str, count: &str) {
    page.line(format!("    {count} = json_array_size({got});"));
    match inner {
        Kind::Ref(name) => {
            page.line(format!(
                "    {place} = vt__room(reply, {count}, sizeof(Vt{name}));"
            ));
            page.line(format!("    for (size_t i = 0; i < {count}; i++) {{"));
            page.line(format!(
                "        vt__decode_{}(reply, json_array_get({got}, i), &{place}[i]);\n    }}",
                snake(name)
            ));
        }
        _ => {
            page.line(format!(
                "    {place} = vt__room(reply, {count}, sizeof(char *));"
            ));
            page.line(format!("    for (size_t i = 0; i < {count}; i++) {{"));
            page.line(format!(
                "        {place}[i] = json_string_value(json_array_get({got}, i));\n    }}"
            ));
        }
    }
}

fn function(page: &mut Page, flat: &Flat, call: &Call) {
    let test = match call.owner {
        Owner::Test => "t",
        Owner::Vm => "vm->test",
        Owner::Session => "session->test",
    };
    page.line(format!(
        "\n{}\n{{\n    json_t *in = json_object();\n",
        prototype(flat, call)
    ));
    match call.owner {
        Owner::Test => {}
        Owner::Vm => page.line("    json_object_set_new(in, \"vm\", vt__string(vm->name));"),
        Owner::Session => {
            page.line("    json_object_set_new(in, \"session\", vt__string(session->id));");
        }
    }
    for field in &call.required {
        put(page, flat, field, &field.name, Way::Sent);
    }
    if !call.optional.is_empty() {
        page.line(format!(
            "    vt__put_{}_options(in, options);",
            snake(&call.name)
        ));
    }
    page.line(format!(
        "    json_t *json = vt__call({test}, \"{}\", in, errp);",
        call.wire
    ));
    let result = result(flat, call);
    let failed = match result {
        Given::Nothing | Given::Scalar(_) => "false",
        _ => "NULL",
    };
    page.line(format!(
        "    if (!json) {{\n        return {failed};\n    }}"
    ));
    let get = |field: &Field| format!("json_object_get(json, \"{}\")", field.name);
    match result {
        Given::Nothing => page.line("    json_decref(json);\n    return true;"),
        Given::Json(field) => {
            page.line(format!("    json_t *out = json_incref({});", get(field)));
            page.line("    json_decref(json);\n    return out;");
        }
        Given::Scalar(field) => {
            let out = format!("{}_out", member(field));
            page.line(format!(
                "    if ({out}) {{\n        *{out} = {};\n    }}",
                scalar(&field.kind, &get(field))
            ));
            page.line("    json_decref(json);\n    return true;");
        }
        Given::Text(field) => {
            page.line(format!(
                "    return vt__text({test}, json, {});",
                get(field)
            ));
        }
        Given::Structure(field, name) => {
            page.line(format!(
                "    VtReply *reply = vt__reply({test}, json, sizeof(Vt{name}));"
            ));
            page.line(format!(
                "    vt__decode_{}(reply, {}, vt__body(reply));",
                snake(name),
                get(field)
            ));
            page.line("    return vt__body(reply);");
        }
        Given::List(field, inner) => list_function(page, test, inner, &get(field), &field.name),
        Given::Own => {
            let name = pascal(&call.name);
            page.line(format!(
                "    VtReply *reply = vt__reply({test}, json, sizeof(Vt{name}Reply));"
            ));
            page.line(format!("    Vt{name}Reply *out = vt__body(reply);"));
            for field in &call.reply {
                take(page, flat, field, &format!("out->{}", member(field)));
            }
            page.line("    return out;");
        }
    }
    page.line("}");
}

fn list_function(page: &mut Page, test: &str, inner: &Kind, got: &str, name: &str) {
    let kind = match inner {
        Kind::Ref(name) => format!("Vt{name}"),
        _ => "const char *".to_owned(),
    };
    page.line(format!("    size_t count = json_array_size({got});"));
    page.line(format!(
        "    VtReply *reply = vt__reply({test}, json, (count + 1) * sizeof({kind}));"
    ));
    page.line(format!("    {kind} *out = vt__body(reply);"));
    page.line("    for (size_t i = 0; i < count; i++) {");
    match inner {
        Kind::Ref(name) => page.line(format!(
            "        vt__decode_{}(reply, json_array_get({got}, i), &out[i]);",
            snake(name)
        )),
        _ => page.line(format!(
            "        out[i] = json_string_value(json_array_get({got}, i));"
        )),
    }
    page.line(format!("    }}\n    *n_{name} = count;\n    return out;"));
}
