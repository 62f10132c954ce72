//! The definition as data.

use serde::Serialize;
use varlink_parser::{IDL, VStruct, VStructOrEnum, VType, VTypeExt};

/// Why nothing can be generated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no varlink.
    #[error("no varlink interface: {0}")]
    Syntax(#[from] varlink_parser::Error),
    /// It is varlink, but more than the bindings can express.
    #[error("{place}: {problem}")]
    Unfit {
        /// The interface, type, method or field.
        place: String,
        /// What is the matter with it.
        problem: &'static str,
    },
    /// Two things have one name, and bindings without interfaces in their names need different ones.
    #[error("two interfaces have a `{0}`, and they differ")]
    Ambiguous(String),
    /// The model is no JSON.
    #[error("the model cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// All interfaces.
#[derive(Debug, Serialize)]
pub struct Model {
    /// In the order of their names.
    pub interfaces: Vec<Interface>,
}

/// One interface.
#[derive(Debug, Serialize)]
pub struct Interface {
    /// Its full name, such as `org.virt-test.vm`.
    pub name: String,
    /// What the definition says of it.
    pub doc: String,
    /// In the order of the definition, as are the following.
    pub types: Vec<Type>,
    /// What can be called.
    pub methods: Vec<Method>,
    /// What calls may fail with.
    pub errors: Vec<Failure>,
}

/// A named type.
#[derive(Debug, Serialize)]
pub struct Type {
    /// Its name within the interface.
    pub name: String,
    /// What the definition says of it.
    pub doc: String,
    /// What it is made of.
    #[serde(flatten)]
    pub body: Body,
}

/// What a named type is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Body {
    /// A structure.
    Fields(Vec<Field>),
    /// An enumeration.
    Words(Vec<String>),
}

/// A method.
#[derive(Debug, Serialize)]
pub struct Method {
    /// Its name within the interface.
    pub name: String,
    /// What the definition says of it.
    pub doc: String,
    /// Does it offer many replies to a call with `more`?
    pub more: bool,
    /// What it is given.
    #[serde(rename = "in")]
    pub input: Vec<Field>,
    /// What it replies.
    #[serde(rename = "out")]
    pub output: Vec<Field>,
}

/// An error.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Its name within the interface.
    pub name: String,
    /// What the definition says of it.
    pub doc: String,
    /// What it carries.
    pub fields: Vec<Field>,
}

/// A member of a structure, or a parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type when it is there.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// May it be absent?
    pub optional: bool,
}

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A truth value.
    Bool,
    /// An integer.
    Int,
    /// A number.
    Float,
    /// Text.
    String,
    /// Any JSON.
    Object,
    /// A named type of the interface.
    Ref(String),
    /// Many of a type.
    Array(Box<Kind>),
    /// Many of a type, by name.
    Map(Box<Kind>),
}

impl Model {
    /// Reads definitions, one interface each.
    ///
    /// # Errors
    /// One is no varlink, or uses what no binding can express: types without a name, something optional within an array.
    pub fn parse(definitions: &[String]) -> Result<Self, Error> {
        let interfaces: Result<Vec<_>, Error> = definitions
            .iter()
            .map(|text| interface(&IDL::try_from(text.as_str())?))
            .collect();
        let mut interfaces = interfaces?;
        interfaces.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { interfaces })
    }

    /// The text of `interface.json`.
    ///
    /// # Errors
    /// None that are known of.
    pub fn to_json(&self) -> Result<String, Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

fn interface(idl: &IDL<'_>) -> Result<Interface, Error> {
    let mut types = Vec::new();
    for key in &idl.typedef_keys {
        let definition = &idl.typedefs[key];
        let body = match &definition.elt {
            VStructOrEnum::VStruct(body) => Body::Fields(fields(idl.name, key, body)?),
            VStructOrEnum::VEnum(words) => {
                Body::Words(words.elts.iter().map(|word| (*word).to_owned()).collect())
            }
        };
        types.push(Type {
            name: (*key).to_owned(),
            doc: doc(definition.doc),
            body,
        });
    }
    let mut methods = Vec::new();
    for key in &idl.method_keys {
        let method = &idl.methods[key];
        let text = doc(method.doc);
        methods.push(Method {
            name: (*key).to_owned(),
            more: text.contains("with `more`"),
            doc: text,
            input: fields(idl.name, key, &method.input)?,
            output: fields(idl.name, key, &method.output)?,
        });
    }
    let mut errors = Vec::new();
    for key in &idl.error_keys {
        let error = &idl.errors[key];
        errors.push(Failure {
            name: (*key).to_owned(),
            doc: doc(error.doc),
            fields: fields(idl.name, key, &error.parm)?,
        });
    }
    Ok(Interface {
        name: idl.name.to_owned(),
        doc: doc(idl.doc),
        types,
        methods,
        errors,
    })
}

/// The text of a comment. A blank line ends what was said of something else, or of nothing.
fn doc(comment: &str) -> String {
    let last = comment.rsplit("\n\n").next().unwrap_or_default();
    let lines: Vec<&str> = last
        .lines()
        .map(|line| line.strip_prefix('#').unwrap_or(line))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    lines.join("\n").trim_end().to_owned()
}

fn fields(interface: &str, item: &str, body: &VStruct<'_>) -> Result<Vec<Field>, Error> {
    let field = |name: &str, vtype: &VTypeExt<'_>| {
        let place = || format!("{interface}.{item}, {name}");
        let (plain, optional) = match vtype {
            VTypeExt::Option(inner) => (&**inner, true),
            other => (other, false),
        };
        Ok(Field {
            name: name.to_owned(),
            kind: kind(plain).map_err(|problem| Error::Unfit {
                place: place(),
                problem,
            })?,
            optional,
        })
    };
    body.elts
        .iter()
        .map(|argument| field(argument.name, &argument.vtype))
        .collect()
}

fn kind(vtype: &VTypeExt<'_>) -> Result<Kind, &'static str> {
    Ok(match vtype {
        VTypeExt::Array(inner) => Kind::Array(Box::new(kind(inner)?)),
        VTypeExt::Dict(inner) => Kind::Map(Box::new(kind(inner)?)),
        VTypeExt::Option(_) => return Err("only a whole field can be optional"),
        VTypeExt::Plain(plain) => match plain {
            VType::Bool => Kind::Bool,
            VType::Int => Kind::Int,
            VType::Float => Kind::Float,
            VType::String => Kind::String,
            VType::Object => Kind::Object,
            VType::Typename(name) => Kind::Ref((*name).to_owned()),
            VType::Struct(_) | VType::Enum(_) => return Err("a type needs a name of its own"),
        },
    })
}

#[cfg(test)]
pub(crate) fn shipped() -> Vec<String> {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../control/idl");
    let files = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "varlink"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}
