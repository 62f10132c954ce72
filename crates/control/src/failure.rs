//! Errors in the words of the interface.

use std::error::Error;

use events::Verdict;
use guest::{Cause, GuestError};
use harness::{Stop, chain};
use params::ParamError;
use serde_json::{Map, Value, json};
use vm::migrate::{self, MigrateError};
use vm::qmp::QmpError;
use vm::{Blame, PlugError, VmError};

use crate::generated::error::{self, Kind};

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of `org.virt-test.error`.
    Ours(Box<Ours>),
    /// An error of `org.varlink.service`: its last word, the member that names what is wrong, and that.
    Service(&'static str, &'static str, String),
    /// A parameter is not as the interface says: which, and what is wrong with it.
    Parameter(String, String),
}

/// What all errors of ours say, and what only this kind does.
#[derive(Debug)]
pub(crate) struct Ours {
    message: String,
    hint: Option<String>,
    place: Option<String>,
    blame: Blame,
    last_words: Option<String>,
    kind: Kind,
}

impl Failure {
    pub(crate) fn new(kind: Kind, blame: Blame, message: impl Into<String>) -> Self {
        let (message, hint) = split_hint(message.into());
        Self::Ours(Box::new(Ours {
            message,
            hint,
            place: None,
            blame,
            last_words: None,
            kind,
        }))
    }

    /// What is asked for cannot be.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid {}, Blame::Host, message)
    }

    /// There is none of that name.
    pub(crate) fn not_found(what: &str, name: &str, known: Vec<String>) -> Self {
        let all = match known.is_empty() {
            true => "there are none".to_owned(),
            false => format!("there are {}", known.join(", ")),
        };
        let message = format!("there is no {what} \"{name}\" (hint: {all})");
        let name = name.to_owned();
        Self::new(Kind::NotFound { name, known }, Blame::Host, message)
    }

    /// Our side failed.
    pub(crate) fn host(what: &str, error: &(dyn Error + 'static)) -> Self {
        let message = format!("failed to {what}: {}", chain(error));
        Self::new(Kind::HostFailed {}, Blame::Host, message)
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        if let Self::Ours(ours) = &mut self {
            ours.place.get_or_insert(place.into());
        }
        self
    }

    fn last_words(mut self, words: Option<String>) -> Self {
        if let Self::Ours(ours) = &mut self {
            ours.last_words = words.filter(|words| !words.is_empty());
        }
        self
    }

    pub(crate) fn hint(mut self, hint: Option<&str>) -> Self {
        if let (Self::Ours(ours), Some(hint)) = (&mut self, hint) {
            ours.hint.get_or_insert(hint.to_owned());
        }
        self
    }

    /// Its full name and its parameters.
    pub(crate) fn told(&self) -> (String, Value) {
        match self {
            Self::Service(name, member, what) => (
                format!("org.varlink.service.{name}"),
                json!({*member: what}),
            ),
            Self::Parameter(parameter, message) => (
                "org.varlink.service.InvalidParameter".to_owned(),
                json!({"parameter": parameter, "message": message}),
            ),
            Self::Ours(ours) => ours.told(),
        }
    }
}

impl Ours {
    fn told(&self) -> (String, Value) {
        let mut members = Map::new();
        members.insert("message".to_owned(), json!(self.message));
        for (name, text) in [
            ("hint", &self.hint),
            ("where", &self.place),
            ("last_words", &self.last_words),
        ] {
            if let Some(text) = text {
                members.insert(name.to_owned(), json!(text));
            }
        }
        let verdict = match self.blame {
            Blame::Machine => error::Verdict::Fail,
            Blame::Host => error::Verdict::Error,
            Blame::Unsupported => error::Verdict::Skip,
        };
        members.insert("verdict".to_owned(), json!(verdict));
        let mut name = String::new();
        // A kind is written as {"Name": {its own members}}.
        if let Ok(Value::Object(kind)) = serde_json::to_value(&self.kind) {
            for (kind, own) in kind {
                name = kind;
                members.extend(own.as_object().cloned().unwrap_or_default());
            }
        }
        (
            format!("org.virt-test.error.{name}"),
            Value::Object(members),
        )
    }
}

/// Takes the hint out of a sentence such as `no card (hint: add one)`, if there is one.
fn split_hint(message: String) -> (String, Option<String>) {
    const BEGIN: &str = " (hint: ";
    let Some(at) = message.find(BEGIN) else {
        return (message, None);
    };
    let rest = &message[at + BEGIN.len()..];
    let mut depth = 1;
    let end = rest.char_indices().find_map(|(at, letter)| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    });
    match end {
        Some(end) => {
            let without = format!("{}{}", &message[..at], &rest[end + 1..]);
            (without, Some(rest[..end].to_owned()))
        }
        None => (message, None),
    }
}

impl From<VmError> for Failure {
    fn from(error: VmError) -> Self {
        (&error).into()
    }
}

impl From<&VmError> for Failure {
    fn from(error: &VmError) -> Self {
        let words = error.last_words().map(ToString::to_string);
        let kind = vm_kind(error);
        let failure = Self::new(kind, error.blame(), chain(error)).last_words(words);
        match name_of(error) {
            Some(name) => failure.at(name),
            None => failure,
        }
    }
}

fn vm_kind(error: &VmError) -> Kind {
    if error.blame() == Blame::Unsupported {
        return Kind::Unsupported {};
    }
    match error {
        VmError::Machine { .. } | VmError::NotForwarded { .. } | VmError::NotDetachable { .. } => {
            Kind::Invalid {}
        }
        VmError::Start { stderr, .. } => Kind::StartFailed {
            stderr: stderr.clone(),
        },
        VmError::Monitor { source, .. } => monitor_kind(source),
        VmError::Guest { source, .. } => guest_kind(source),
        VmError::Wait {
            awaited, waited, ..
        } => Kind::TimedOut {
            awaited: awaited.clone(),
            waited: waited.as_secs_f64(),
        },
        VmError::Unwell { finding, .. } => Kind::Unwell {
            finding: finding.kind.to_string(),
        },
        VmError::Ended { exit, .. } => Kind::Ended {
            exit: exit.to_string(),
        },
        VmError::Job { id, .. } => Kind::JobFailed { job: id.clone() },
        VmError::NoChannel { channel, known, .. } => Kind::NotFound {
            name: channel.clone(),
            known: known.split(", ").map(str::to_owned).collect(),
        },
        VmError::Plug { source, .. } => match &**source {
            PlugError::Unknown { id, known } => Kind::NotFound {
                name: id.clone(),
                known: known.split(", ").map(str::to_owned).collect(),
            },
            PlugError::Machine { .. } | PlugError::Twice { .. } => Kind::Invalid {},
            source => Kind::PlugFailed {
                refused: matches!(source, PlugError::GuestRefused(_)),
            },
        },
        _ => Kind::HostFailed {},
    }
}

fn name_of(error: &VmError) -> Option<&str> {
    match error {
        VmError::Machine { vm, .. }
        | VmError::Start { vm, .. }
        | VmError::Monitor { vm, .. }
        | VmError::Guest { vm, .. }
        | VmError::Event { vm, .. }
        | VmError::Wait { vm, .. }
        | VmError::Unwell { vm, .. }
        | VmError::Ended { vm, .. }
        | VmError::Job { vm, .. }
        | VmError::NoChannel { vm, .. }
        | VmError::NotForwarded { vm, .. }
        | VmError::Plug { vm, .. }
        | VmError::NotDetachable { vm } => Some(vm),
        _ => None,
    }
}

fn monitor_kind(error: &QmpError) -> Kind {
    let (class, description) = match error {
        QmpError::Refused { class, desc, .. } => (Some(class.clone()), Some(desc.clone())),
        _ => (None, None),
    };
    Kind::MonitorFailed { class, description }
}

fn guest_kind(error: &GuestError) -> Kind {
    match &*error.cause {
        Cause::TimedOut { awaited } => Kind::TimedOut {
            awaited: awaited.clone(),
            waited: error.waited.as_secs_f64(),
        },
        Cause::Agent { class, .. } => Kind::GuestFailed {
            agent_class: Some(class.clone()),
        },
        Cause::Unsupported { .. } => Kind::Invalid {},
        Cause::LocalFile { .. } => Kind::HostFailed {},
        Cause::NoProgram { .. } => Kind::Unsupported {},
        _ => Kind::GuestFailed { agent_class: None },
    }
}

impl From<QmpError> for Failure {
    fn from(error: QmpError) -> Self {
        Self::new(monitor_kind(&error), Blame::Machine, chain(&error))
    }
}

impl From<GuestError> for Failure {
    fn from(error: GuestError) -> Self {
        let kind = guest_kind(&error);
        let blame = match kind {
            Kind::Unsupported {} => Blame::Unsupported,
            Kind::Invalid {} | Kind::HostFailed {} => Blame::Host,
            _ => Blame::Machine,
        };
        Self::new(kind, blame, chain(&error))
    }
}

impl From<MigrateError> for Failure {
    fn from(error: MigrateError) -> Self {
        (&error).into()
    }
}

impl From<&MigrateError> for Failure {
    fn from(error: &MigrateError) -> Self {
        let kind = match &*error.cause {
            migrate::Cause::Unsupported(_) => Kind::Unsupported {},
            migrate::Cause::Invalid { .. } => Kind::Invalid {},
            _ => Kind::MigrationFailed {
                phase: error.phase.to_string(),
                source: error.sides.source.clone(),
                destination: error.sides.destination.clone(),
                source_state: error.sides.source_state.as_ref().map(ToString::to_string),
            },
        };
        Self::new(kind, error.blame(), chain(error)).at(error.vm.clone())
    }
}

impl From<ParamError> for Failure {
    fn from(error: ParamError) -> Self {
        let key = error.key().to_owned();
        Self::invalid(chain(&error)).at(key)
    }
}

impl From<image::Error> for Failure {
    fn from(error: image::Error) -> Self {
        let hint = error.hint();
        Self::host("use an image", &error).hint(hint.as_deref())
    }
}

/// What a test of ours would have ended with; of what it was made of, where that is known.
impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        let hints = stop.details.iter();
        let hint = hints
            .clone()
            .find_map(|detail| detail.strip_prefix("hint: "));
        let failure = match stop.cause() {
            Some(cause) => typed(cause),
            None => None,
        };
        let failure = failure.unwrap_or_else(|| {
            let (kind, blame) = match stop.verdict {
                Verdict::Skip => (Kind::Unsupported {}, Blame::Unsupported),
                Verdict::Fail => (Kind::GuestFailed { agent_class: None }, Blame::Machine),
                _ => (Kind::HostFailed {}, Blame::Host),
            };
            Self::new(kind, blame, stop.reason.clone())
        });
        failure.hint(hint)
    }
}

fn typed(cause: &(dyn Error + 'static)) -> Option<Failure> {
    let vm = cause.downcast_ref::<VmError>().map(Failure::from);
    let migrate = || cause.downcast_ref::<MigrateError>().map(Failure::from);
    vm.or_else(migrate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_becomes_a_member_of_its_own() {
        let split = |text: &str| split_hint(text.to_owned());
        let hint = Some("write f(x) so".to_owned());
        assert_eq!(
            split("no f (hint: write f(x) so): none"),
            ("no f: none".to_owned(), hint)
        );
        assert_eq!(split("no f"), ("no f".to_owned(), None));
        assert_eq!(split("no f (hint: x"), ("no f (hint: x".to_owned(), None));
    }

    #[test]
    fn an_error_says_what_all_say_and_what_it_alone_does() {
        let failure = Failure::not_found("machine", "vm7", vec!["vm1".to_owned()]).at("vm7");
        let (name, members) = failure.told();
        assert_eq!(name, "org.virt-test.error.NotFound");
        assert_eq!(
            members,
            json!({
                "message": "there is no machine \"vm7\"", "hint": "there are vm1", "where": "vm7", "verdict": "error",
                "name": "vm7", "known": ["vm1"],
            })
        );
    }

    #[test]
    fn what_a_test_would_be_skipped_for_is_unsupported() {
        let stop = Stop::skip("no device nvme").detail("hint: install it");
        let (name, members) = Failure::from(stop).told();
        assert_eq!(name, "org.virt-test.error.Unsupported");
        assert_eq!(members["verdict"], "skip");
        assert_eq!(members["hint"], "install it");
    }
}
