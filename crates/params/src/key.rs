//! What a declaration of a key consists of.

use std::fmt;

use units::SizeUnit;

/// The unit of a duration written without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Milliseconds.
    Ms,
    /// Seconds.
    S,
    /// Minutes.
    Min,
}

impl TimeUnit {
    /// How many seconds one of this unit is.
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Ms => 0.001,
            Self::S => 1.0,
            Self::Min => 60.0,
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ms => "ms",
            Self::S => "s",
            Self::Min => "min",
        })
    }
}

/// What the values of a key look like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `yes`, `no`, `on`, `off`, `true` or `false`.
    Bool,
    /// A whole number within bounds, decimal or `0x…`.
    Integer {
        /// The smallest allowed value.
        min: i64,
        /// The largest allowed value.
        max: i64,
    },
    /// A number that may have a fraction.
    Number,
    /// An amount of memory or disk: a number and one of B K M G T.
    Size(SizeUnit),
    /// A span of time: a number and one of ms s m h d.
    Duration(TimeUnit),
    /// Any text.
    Text,
    /// Words separated by white space.
    List,
    /// The path of a file or directory.
    Path,
    /// One of a closed list of words.
    Enum(&'static [&'static str]),
    /// Any word; these are the usual ones.
    Open(&'static [&'static str]),
    /// Words separated by white space, each from a closed list.
    Set(&'static [&'static str]),
    /// The names of objects, separated by white space; each may have its own value of every key
    /// that applies [`Where`] it says.
    Objects(Where),
    /// An Ethernet address, `52:54:00:12:34:56`.
    Mac,
    /// A version interval such as `[8.0.0, )`.
    Interval,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("yes or no"),
            Self::Integer { min, max } => match (*min, *max) {
                (i64::MIN, i64::MAX) => f.write_str("integer"),
                (min, i64::MAX) => write!(f, "integer ≥ {min}"),
                (i64::MIN, max) => write!(f, "integer ≤ {max}"),
                (min, max) => write!(f, "integer {min}–{max}"),
            },
            Self::Number => f.write_str("number"),
            Self::Size(unit) => write!(f, "size ({unit})"),
            Self::Duration(unit) => write!(f, "duration ({unit})"),
            Self::Text => f.write_str("text"),
            Self::List => f.write_str("list of words"),
            Self::Path => f.write_str("path"),
            Self::Enum(words) => write!(f, "{}", words.join(" | ")),
            Self::Open(words) => write!(f, "{} | …", words.join(" | ")),
            Self::Set(words) => write!(f, "list of {}", words.join(" | ")),
            Self::Objects(scope) => write!(f, "names of {}", scope.plural()),
            Self::Mac => f.write_str("Ethernet address"),
            Self::Interval => f.write_str("version interval"),
        }
    }
}

/// What a key is a property of. A key of an object may be given for all objects (`mem = 512`) or
/// for one of them (`mem_vm1 = 1024`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Where {
    /// The whole run.
    Run,
    /// One test.
    Test,
    /// A machine named in `vms`.
    Vm,
    /// A disk named in `images`.
    Image,
    /// An optical drive named in `cdroms`.
    Cdrom,
    /// A network card named in `nics`.
    Nic,
    /// A serial port named in `serials`.
    Serial,
    /// A port named in `virtio_ports`.
    VirtioPort,
    /// A monitor named in `monitors`.
    Monitor,
}

impl Where {
    /// One of them, in words.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Test => "test",
            Self::Vm => "vm",
            Self::Image => "image",
            Self::Cdrom => "cdrom",
            Self::Nic => "nic",
            Self::Serial => "serial port",
            Self::VirtioPort => "virtio port",
            Self::Monitor => "monitor",
        }
    }

    /// Several of them, in words.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Run => "runs",
            Self::Test => "tests",
            Self::Vm => "vms",
            Self::Image => "images",
            Self::Cdrom => "cdroms",
            Self::Nic => "nics",
            Self::Serial => "serial ports",
            Self::VirtioPort => "virtio ports",
            Self::Monitor => "monitors",
        }
    }
}

/// The declaration of one key.
///
/// Made by the constructors named after the kinds, then refined:
///
/// ```
/// use params::{Key, SizeUnit, Where};
///
/// const MEM: Key = Key::size("mem", SizeUnit::M, Where::Vm, "Memory of the machine.").or("512");
/// assert_eq!(MEM.default, Some("512"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Its name, without an object's suffix.
    pub name: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// The value it has when nothing sets it.
    pub default: Option<&'static str>,
    /// What it is a property of.
    pub applies_to: Where,
    /// What it does, in one or two sentences of Markdown.
    pub doc: &'static str,
    /// Names people may look for it under. They are not read; the message about an unknown key
    /// points from them to this one.
    pub also: &'static [&'static str],
    /// Does it only inform people, tests and other tools? The framework itself does not act on such a key.
    pub informational: bool,
}

impl Key {
    const fn new(name: &'static str, kind: Kind, applies_to: Where, doc: &'static str) -> Self {
        Self {
            name,
            kind,
            default: None,
            applies_to,
            doc,
            also: &[],
            informational: false,
        }
    }

    /// A key that is on or off.
    pub const fn bool(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Bool, applies_to, doc)
    }

    /// A whole number from `min` to `max`.
    pub const fn integer(
        name: &'static str,
        min: i64,
        max: i64,
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Integer { min, max }, applies_to, doc)
    }

    /// A whole number, zero or more.
    pub const fn count(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::integer(name, 0, i64::MAX, applies_to, doc)
    }

    /// A number that may have a fraction.
    pub const fn number(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Number, applies_to, doc)
    }

    /// A size, in `unit` when written without one.
    pub const fn size(
        name: &'static str,
        unit: SizeUnit,
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Size(unit), applies_to, doc)
    }

    /// A duration, in seconds when written without a unit.
    pub const fn seconds(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Duration(TimeUnit::S), applies_to, doc)
    }

    /// A duration, in `unit` when written without one.
    pub const fn duration(
        name: &'static str,
        unit: TimeUnit,
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Duration(unit), applies_to, doc)
    }

    /// Any text.
    pub const fn text(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Text, applies_to, doc)
    }

    /// Words separated by white space.
    pub const fn list(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::List, applies_to, doc)
    }

    /// The path of a file or directory.
    pub const fn path(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Path, applies_to, doc)
    }

    /// One of `words`.
    pub const fn one_of(
        name: &'static str,
        words: &'static [&'static str],
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Enum(words), applies_to, doc)
    }

    /// Any word; `words` are the usual ones.
    pub const fn open(
        name: &'static str,
        words: &'static [&'static str],
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Open(words), applies_to, doc)
    }

    /// Some of `words`.
    pub const fn set(
        name: &'static str,
        words: &'static [&'static str],
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Set(words), applies_to, doc)
    }

    /// The names of `objects`.
    pub const fn objects(
        name: &'static str,
        objects: Where,
        applies_to: Where,
        doc: &'static str,
    ) -> Self {
        Self::new(name, Kind::Objects(objects), applies_to, doc)
    }

    /// An Ethernet address.
    pub const fn mac(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Mac, applies_to, doc)
    }

    /// A version interval.
    pub const fn interval(name: &'static str, applies_to: Where, doc: &'static str) -> Self {
        Self::new(name, Kind::Interval, applies_to, doc)
    }

    /// The same key with the value it has when nothing sets it.
    pub const fn or(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The same key with other names people may look for it under.
    pub const fn also(mut self, names: &'static [&'static str]) -> Self {
        self.also = names;
        self
    }

    /// The same key as one that only informs people, tests and other tools.
    pub const fn informational(mut self) -> Self {
        self.informational = true;
        self
    }
}
