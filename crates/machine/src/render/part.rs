//! One thing QEMU is given, whether on its command line or by its monitor.

use std::fmt;

use serde_json::{Value as Json, json};

use super::Opts;
use crate::argv::Argv;
use crate::capabilities::Need;

/// One thing QEMU is given: a device or what is behind one. Its command-line option and its monitor command are two
/// writings of the same options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    kind: Kind,
    opts: Opts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Blockdev,
    Netdev,
    Chardev,
    Device,
}

impl Part {
    pub(super) fn object(opts: Opts) -> Self {
        let kind = Kind::Object;
        Self { kind, opts }
    }

    pub(super) fn blockdev(opts: Opts) -> Self {
        let kind = Kind::Blockdev;
        Self { kind, opts }
    }

    pub(super) fn netdev(opts: Opts) -> Self {
        let kind = Kind::Netdev;
        Self { kind, opts }
    }

    pub(super) fn chardev(opts: Opts) -> Self {
        let kind = Kind::Chardev;
        Self { kind, opts }
    }

    pub(super) fn device(opts: Opts) -> Self {
        let kind = Kind::Device;
        Self { kind, opts }
    }

    pub(super) fn push_to(&self, argv: &mut Argv) {
        let option = match self.kind {
            Kind::Object => "-object",
            Kind::Blockdev => "-blockdev",
            Kind::Netdev => "-netdev",
            Kind::Chardev => "-chardev",
            Kind::Device => "-device",
        };
        argv.push(option, self.opts.finish());
    }

    /// Is it what the guest sees, rather than what is behind that?
    #[must_use]
    pub fn is_device(&self) -> bool {
        self.kind == Kind::Device
    }

    /// QEMU's type of the device; empty for what has none.
    #[must_use]
    pub fn driver(&self) -> &str {
        self.opts.first()
    }

    /// The name QEMU is to know it by.
    #[must_use]
    pub fn id(&self) -> String {
        let key = match self.kind {
            Kind::Blockdev => "node-name",
            _ => "id",
        };
        self.opts.get(key).unwrap_or_default()
    }

    /// What QEMU must have for it.
    #[must_use]
    pub fn need(&self) -> Option<Need> {
        let name = self.driver().to_owned();
        match self.kind {
            Kind::Object => Some(Need::Object(name)),
            Kind::Device => Some(Need::Device(name)),
            Kind::Netdev => Some(Need::Word {
                path: "netdev_add.type".to_owned(),
                word: name,
            }),
            Kind::Blockdev | Kind::Chardev => None,
        }
    }

    /// The monitor command that adds it. Properties of devices given as text are text here, too.
    #[must_use]
    pub fn command(&self) -> (&'static str, Json) {
        match self.kind {
            Kind::Object => ("object-add", self.opts.json("qom-type")),
            Kind::Blockdev => ("blockdev-add", self.opts.json("driver")),
            Kind::Netdev => ("netdev_add", self.opts.json("type")),
            Kind::Chardev => ("chardev-add", self.chardev_json()),
            Kind::Device => ("device_add", self.opts.json("driver")),
        }
    }

    /// The monitor command that takes it back. For a device that is a request only.
    #[must_use]
    pub fn undo(&self) -> (&'static str, Json) {
        let id = self.id();
        match self.kind {
            Kind::Object => ("object-del", json!({"id": id})),
            Kind::Blockdev => ("blockdev-del", json!({"node-name": id})),
            Kind::Netdev => ("netdev_del", json!({"id": id})),
            Kind::Chardev => ("chardev-remove", json!({"id": id})),
            Kind::Device => ("device_del", json!({"id": id})),
        }
    }

    /// `ChardevBackend` of the QAPI schema, which is not the command line's form.
    fn chardev_json(&self) -> Json {
        let text = |key| self.opts.get(key);
        let data = if let Some(fd) = text("fd") {
            let address = json!({"type": "fd", "data": {"str": fd}});
            json!({"addr": address, "server": true, "wait": false})
        } else {
            match (self.driver(), text("path")) {
                ("socket", Some(path)) => {
                    let address = json!({"type": "unix", "data": {"path": path}});
                    json!({"addr": address, "server": true, "wait": false})
                }
                (_, Some(path)) => json!({"out": path}),
                _ => json!({}),
            }
        };
        json!({"id": self.id(), "backend": {"type": self.driver(), "data": data}})
    }
}

/// As it stands on the command line.
impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut argv = Argv::default();
        self.push_to(&mut argv);
        f.write_str(argv.to_shell().trim_start())
    }
}
