//! Declarations.

use super::{NOTICE, Way, declaration, fits, is_scalar, member, prototype};
use crate::flat::{Call, Flat, Type};
use crate::model::{Body, Error, Field, Kind};
use crate::text::{Page, snake, upper};

/// The text of the header.
///
/// # Errors
/// The definition sends what C has no simple form for.
pub fn header(flat: &Flat) -> Result<String, Error> {
    fits(flat)?;
    let mut page = Page::default();
    page.line(NOTICE);
    page.line("#ifndef VIRT_TEST_GENERATED_H\n#define VIRT_TEST_GENERATED_H\n");
    page.line("/* What an error is: the last part of its name on the wire. */");
    page.line("typedef enum VtErrorKind {\n    VT_ERROR_OTHER,\n    VT_ERROR_CANCELLED, /* A callback returned false. */");
    for error in &flat.errors {
        page.line(format!(
            "    VT_ERROR_{}, /* {} */",
            upper(&error.name),
            one_line(&error.doc)
        ));
    }
    page.line("} VtErrorKind;");
    for item in &flat.types {
        if let Body::Fields(_) = &item.body {
            page.line(format!("\ntypedef struct Vt{0} Vt{0};", item.name));
        }
    }
    for item in &flat.types {
        named_type(&mut page, flat, item);
    }
    for call in &flat.calls {
        options(&mut page, flat, call);
        if call.reply.len() > 1 && !call.raw && !call.repeated {
            page.line(format!("\ntypedef struct Vt{}Reply {{", call.name));
            members(&mut page, flat, &call.reply, Way::Received);
            page.line(format!("}} Vt{}Reply;", call.name));
        }
    }
    for call in flat.calls.iter().filter(|call| !call.raw) {
        page.line("");
        comment(&mut page, &call.doc);
        page.line(format!("{};", prototype(flat, call)));
    }
    page.line("\n#endif");
    Ok(page.text())
}

fn members(page: &mut Page, flat: &Flat, fields: &[Field], way: Way) {
    for field in fields {
        let name = member(field);
        if field.optional && is_scalar(&field.kind) && way != Way::Option {
            page.line(format!("    bool has_{name};"));
        }
        if way == Way::Received && matches!(field.kind, Kind::Array(_)) {
            page.line(format!("    size_t n_{name};"));
        }
        page.line(format!(
            "    {};",
            declaration(flat, &field.kind, name, way)
        ));
    }
}

fn named_type(page: &mut Page, flat: &Flat, item: &Type) {
    page.line("");
    comment(page, &item.doc);
    let name = &item.name;
    match &item.body {
        Body::Words(words) => {
            let prefix = upper(name);
            page.line(format!("typedef enum Vt{name} {{\n    VT_{prefix}_UNSET,"));
            for word in words {
                page.line(format!("    VT_{prefix}_{},", upper(word)));
            }
            page.line(format!("}} Vt{name};\n"));
            page.line(format!(
                "const char *vt_{}_name(Vt{name} value);",
                snake(name)
            ));
        }
        Body::Fields(fields) => {
            let way = if item.sent { Way::Sent } else { Way::Received };
            page.line(format!("struct Vt{name} {{"));
            members(page, flat, fields, way);
            page.line("};");
        }
    }
}

fn options(page: &mut Page, flat: &Flat, call: &Call) {
    if call.optional.is_empty() || call.repeated {
        return;
    }
    page.line(format!("\ntypedef struct Vt{}Options {{", call.name));
    members(page, flat, &call.optional, Way::Option);
    page.line(format!("}} Vt{}Options;", call.name));
}

fn one_line(text: &str) -> String {
    text.lines().collect::<Vec<_>>().join(" ")
}

fn comment(page: &mut Page, text: &str) {
    if text.is_empty() {
        return;
    }
    page.line("/*");
    page.comment(" *", &text.replace("*/", "* /"));
    page.line(" */");
}
