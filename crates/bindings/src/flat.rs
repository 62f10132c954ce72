//! The definition as objects with methods: a test, its machines, and their sessions.
//!
//! Bindings know no interfaces. A method that is given a machine is one of the machine, one that is given a session is one of the session,
//! those of `org.virt-test.test` are the test's, and the others are the test's with their interface in front: `image_create`. Parameters that
//! must be there have a place, the others are options. A reply of one field is that field.

use std::collections::BTreeSet;

use crate::model::{Body, Error, Failure, Field, Interface, Kind, Method, Model};
use crate::text::capital;

/// Methods that each binding wraps by hand: those that stream, and those that do more than ask.
pub const BY_HAND: &[&str] = &[
    "org.virt-test.session.Agent",
    "org.virt-test.session.Console",
    "org.virt-test.session.Exec",
    "org.virt-test.session.Open",
    "org.virt-test.test.Error",
    "org.virt-test.test.Fail",
    "org.virt-test.test.Skip",
    "org.virt-test.vm.Events",
    "org.virt-test.vm.Migrate",
    "org.virt-test.vm.Qmp",
];

/// Types whose names the objects of the bindings have, and what they are called there.
const RENAMED: &[(&str, &str)] = &[("Session", "SessionInfo")];

/// The definition, flattened.
#[derive(Debug)]
pub struct Flat {
    /// Types, each once.
    pub types: Vec<Type>,
    /// Errors of `org.virt-test.error`.
    pub errors: Vec<Failure>,
    /// What every error has.
    pub common: Vec<Field>,
    /// Calls of each object.
    pub calls: Vec<Call>,
}

/// A named type.
#[derive(Debug)]
pub struct Type {
    /// Its name, which is the only one of this name.
    pub name: String,
    /// What the definition says of it.
    pub doc: String,
    /// What it is made of.
    pub body: Body,
    /// Is it sent to the server, as a part of something perhaps?
    pub sent: bool,
    /// Is it received?
    pub received: bool,
}

/// What has methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The test.
    Test,
    /// A machine.
    Vm,
    /// A session in a guest.
    Session,
}

/// A method of an object.
#[derive(Debug)]
pub struct Call {
    /// Whose method it is.
    pub owner: Owner,
    /// Its name, in the manner of the definition: `WaitStatus`.
    pub name: String,
    /// Its full name on the wire.
    pub wire: String,
    /// What the definition says of it.
    pub doc: String,
    /// Parameters that have a place.
    pub required: Vec<Field>,
    /// Parameters that may be left out.
    pub optional: Vec<Field>,
    /// What it replies.
    pub reply: Vec<Field>,
    /// Does it offer many replies?
    pub more: bool,
    /// Is it for the hand-written part only?
    pub raw: bool,
    /// Has a call before this one the same options and reply, by the same names?
    pub repeated: bool,
}

impl Call {
    /// The only field of its reply.
    pub fn only(&self) -> Option<&Field> {
        match self.reply.as_slice() {
            [field] => Some(field),
            _ => None,
        }
    }
}

impl Flat {
    /// Flattens the definition.
    ///
    /// # Errors
    /// Two interfaces use a name for different things.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let mut flat = Self {
            types: Vec::new(),
            errors: Vec::new(),
            common: Vec::new(),
            calls: Vec::new(),
        };
        for interface in &model.interfaces {
            for item in &interface.types {
                flat.add_type(&item.name, &item.doc, &item.body)?;
            }
            for error in &interface.errors {
                flat.add_error(error);
            }
            for method in &interface.methods {
                flat.add_calls(interface, method)?;
            }
        }
        flat.rename();
        let inputs = flat.calls.iter();
        let inputs = inputs.flat_map(|call| call.required.iter().chain(&call.optional));
        let sent = flat.reached(inputs);
        let received = flat.reached(flat.calls.iter().flat_map(|call| &call.reply));
        for item in &mut flat.types {
            item.sent = sent.contains(&item.name);
            item.received = received.contains(&item.name);
        }
        Ok(flat)
    }

    /// The named type `kind` is, if it is one.
    pub fn named(&self, kind: &Kind) -> Option<&Type> {
        let Kind::Ref(name) = kind else { return None };
        self.types.iter().find(|item| item.name == *name)
    }

    /// Is `kind` an enumeration?
    pub fn is_enum(&self, kind: &Kind) -> bool {
        self.named(kind)
            .is_some_and(|item| matches!(item.body, Body::Words(_)))
    }

    fn add_type(&mut self, name: &str, doc: &str, body: &Body) -> Result<(), Error> {
        let Some(known) = self.types.iter_mut().find(|item| item.name == name) else {
            self.types.push(Type {
                name: name.to_owned(),
                doc: doc.to_owned(),
                body: body.clone(),
                sent: false,
                received: false,
            });
            return Ok(());
        };
        match (&mut known.body, body) {
            (Body::Words(words), Body::Words(further)) => {
                for word in further {
                    if !words.contains(word) {
                        words.push(word.clone());
                    }
                }
                if known.doc.is_empty() {
                    known.doc = doc.to_owned();
                }
                Ok(())
            }
            (known, body) if *known == *body => Ok(()),
            _ => Err(Error::Ambiguous(name.to_owned())),
        }
    }

    fn rename(&mut self) {
        let members = self.types.iter_mut();
        let members = members.filter_map(|item| match &mut item.body {
            Body::Fields(fields) => Some(fields),
            Body::Words(_) => None,
        });
        let calls = self.calls.iter_mut();
        let parameters =
            calls.flat_map(|call| [&mut call.required, &mut call.optional, &mut call.reply]);
        for field in members.chain(parameters).flatten() {
            rename(&mut field.kind);
        }
        for item in &mut self.types {
            item.name = renamed(&item.name);
        }
    }

    /// All errors begin with the same fields, which a test of the server's proves.
    fn add_error(&mut self, error: &Failure) {
        let mut own = error.fields.clone();
        if self.common.is_empty() {
            let until = own.iter().position(|field| field.name == "last_words");
            self.common = own[..=until.unwrap_or(0)].to_vec();
        }
        own.retain(|field| !self.common.contains(field));
        self.errors.push(Failure {
            name: error.name.clone(),
            doc: error.doc.clone(),
            fields: own,
        });
    }

    fn add_calls(&mut self, interface: &Interface, method: &Method) -> Result<(), Error> {
        let short = interface.name.rsplit('.').next().unwrap_or_default();
        let has = |name| method.input.iter().any(|field| field.name == name);
        let owners = match (has("vm"), has("session")) {
            (false, false) => vec![Owner::Test],
            (true, false) => vec![Owner::Vm],
            (false, true) => vec![Owner::Session],
            (true, true) => vec![Owner::Vm, Owner::Session],
        };
        for owner in owners {
            let name = if owner == Owner::Test && short != "test" {
                capital(short) + &method.name
            } else {
                method.name.clone()
            };
            if self
                .calls
                .iter()
                .any(|call| call.owner == owner && call.name == name)
            {
                return Err(Error::Ambiguous(name));
            }
            let wire = format!("{}.{}", interface.name, method.name);
            let rest = method.input.iter();
            let rest = rest.filter(|field| !["vm", "session"].contains(&field.name.as_str()));
            let (optional, required) = rest.cloned().partition(|field| field.optional);
            self.calls.push(Call {
                owner,
                raw: BY_HAND.contains(&wire.as_str()),
                repeated: self.calls.iter().any(|call| call.wire == wire),
                name,
                wire,
                doc: method.doc.clone(),
                required,
                optional,
                reply: method.output.clone(),
                more: method.more,
            });
        }
        Ok(())
    }

    /// The names of the types that `fields` lead to.
    fn reached<'a>(&self, fields: impl Iterator<Item = &'a Field>) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<Kind> = fields.map(|field| field.kind.clone()).collect();
        while let Some(kind) = waiting.pop() {
            match kind {
                Kind::Array(inner) | Kind::Map(inner) => waiting.push(*inner),
                Kind::Ref(name) => {
                    let known = self.types.iter().find(|item| item.name == name);
                    if let Some(Body::Fields(fields)) = known.map(|item| &item.body)
                        && !reached.contains(&name)
                    {
                        waiting.extend(fields.iter().map(|field| field.kind.clone()));
                    }
                    reached.insert(name);
                }
                _ => {}
            }
        }
        reached
    }
}

fn rename(kind: &mut Kind) {
    match kind {
        Kind::Array(inner) | Kind::Map(inner) => rename(inner),
        Kind::Ref(name) => *name = renamed(name),
        _ => {}
    }
}

fn renamed(name: &str) -> String {
    let other = RENAMED.iter().find(|(from, _)| *from == name);
    other.map_or(name, |(_, to)| to).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{BY_HAND, Flat, Owner};
    use crate::model::{Error, Model};

    fn flat(text: &str) -> Result<Flat, Error> {
        Flat::new(&Model::parse(&[text.to_owned()]).unwrap())
    }

    #[test]
    fn a_method_belongs_to_what_it_is_given() {
        let flat = flat(
            "interface org.virt-test.files\n\
             method Push(vm: ?string, session: ?string, guest: string, path: ?string) -> (size: int)\n\
             method List() -> (names: []string)\n",
        )
        .unwrap();
        let names: Vec<_> = flat
            .calls
            .iter()
            .map(|call| (call.owner, call.name.as_str()))
            .collect();
        assert_eq!(
            names,
            [
                (Owner::Vm, "Push"),
                (Owner::Session, "Push"),
                (Owner::Test, "FilesList"),
            ]
        );
        let fields = |fields: &[crate::model::Field]| -> Vec<String> {
            fields.iter().map(|field| field.name.clone()).collect()
        };
        assert_eq!(fields(&flat.calls[0].required), ["guest"]);
        assert_eq!(fields(&flat.calls[0].optional), ["path"]);
    }

    #[test]
    fn structures_of_one_name_that_differ_are_refused() {
        let one = "interface a.b\ntype T (x: int)\n".to_owned();
        let other = "interface a.c\ntype T (x: string)\n".to_owned();
        let model = Model::parse(&[one, other]).unwrap();
        assert!(matches!(Flat::new(&model), Err(Error::Ambiguous(name)) if name == "T"));
    }

    #[test]
    fn what_streams_is_wrapped_by_hand() {
        let model = Model::parse(&crate::model::shipped()).unwrap();
        for interface in &model.interfaces {
            for method in interface.methods.iter().filter(|method| method.more) {
                let wire = format!("{}.{}", interface.name, method.name);
                assert!(BY_HAND.contains(&wire.as_str()), "{wire}");
            }
        }
    }
}
