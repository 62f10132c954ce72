//! What was typed as the method it means.

use serde_json::{Map, Value, json};

use crate::args::{
    Cable, Common, DeviceKind, GeneralCommand, ImageCommand, JobCommand, MachineCommand,
    SnapshotCommand, bytes, word,
};
use crate::client::Parameters;

/// A call, and what of its answer is printed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub method: String,
    pub parameters: Parameters,
    /// Are all replies wanted that may come?
    pub more: bool,
    /// Field of the answer that is printed; all of it where there is none.
    pub field: Option<&'static str>,
    /// Of the objects of a list only these fields, by themselves; everything where there are none.
    pub columns: &'static [&'static str],
}

impl Request {
    /// `method` without `org.virt-test.`. What is null is as good as absent.
    fn new(method: &str, parameters: Value) -> Self {
        let parameters = match parameters {
            Value::Object(parameters) => parameters,
            _ => Map::new(),
        };
        Self {
            method: format!("org.virt-test.{method}"),
            parameters,
            more: false,
            field: None,
            columns: &[],
        }
    }

    fn print(mut self, field: &'static str) -> Self {
        self.field = Some(field);
        self
    }

    fn more(mut self, more: bool) -> Self {
        self.more = more;
        self
    }

    fn within(mut self, common: &Common) -> Self {
        if let Some(timeout) = common.timeout {
            self.parameters.insert("timeout".to_owned(), json!(timeout));
        }
        self
    }

    /// The call for a command of the test; none for one that calls nothing.
    pub(crate) fn general(command: &GeneralCommand, common: &Common) -> Option<Self> {
        use GeneralCommand as G;
        let request = match command {
            G::List => Self {
                columns: &["name", "state", "status"],
                ..Self::new("vm.List", json!({})).print("machines")
            },
            G::Info => Self::new("test.Info", json!({})).print("info"),
            G::Param { objects, .. } => {
                Self::new("test.Params", json!({ "objects": objects })).print("params")
            }
            G::Phase { text } => Self::new("test.Phase", json!({ "phase": text })),
            G::Log { text, level } => Self::new(
                "test.Log",
                json!({ "message": text, "level": level.as_ref().map(word) }),
            ),
            G::Warn { text } => Self::new("test.Warn", json!({ "message": text })),
            G::Skip { reason } => Self::new("test.Skip", json!({ "reason": reason })),
            G::Fail { reason } => Self::new("test.Fail", json!({ "reason": reason })),
            G::Error { reason } => Self::new("test.Error", json!({ "reason": reason })),
            G::Subtest {
                name,
                verdict,
                reason,
            } => Self::new(
                "test.Subtest",
                json!({ "name": name, "verdict": word(verdict), "reason": reason }),
            ),
            G::Image(command) => image(command),
            G::Network { name } => Self::new("network.Info", json!({ "network": name })),
            G::Call {
                method,
                parameters,
                more,
            } => Self {
                method: method.clone(),
                ..Self::new("", parameters.clone()).more(*more)
            }
            .within(common),
            G::End => Self::new("test.End", json!({})),
            G::Completion { .. } => return None,
        };
        Some(request)
    }

    /// The call for a command of machine `vm`.
    ///
    /// # Errors
    /// What is wrong with what was typed, in words.
    pub(crate) fn machine(
        vm: &str,
        command: &MachineCommand,
        common: &Common,
    ) -> Result<Self, String> {
        let request = control(vm, command)
            .or_else(|| guest(vm, command))
            .or_else(|| monitor(vm, command))
            .or_else(|| movement(vm, command));
        let mut request = match (request, command) {
            (Some(request), _) => request,
            (
                None,
                MachineCommand::Plug {
                    kind,
                    properties,
                    guest,
                },
            ) => {
                let device = device(*kind, properties)?;
                Self::new("vm.Plug", json!({ "device": device, "guest": guest })).print("device")
            }
            (None, _) => return Err("this command is not known".to_owned()),
        };
        request.parameters.insert("vm".to_owned(), json!(vm));
        Ok(match takes_timeout(command) {
            true => request.within(common),
            false => request,
        })
    }
}

fn takes_timeout(command: &MachineCommand) -> bool {
    use MachineCommand as M;
    matches!(
        command,
        M::Suspend { .. }
            | M::WaitExit
            | M::WaitStatus { .. }
            | M::WaitEvent { .. }
            | M::Qmp { .. }
            | M::Agent { .. }
            | M::Exec { .. }
            | M::Expect { .. }
            | M::Push { .. }
            | M::Pull { .. }
            | M::Plug { .. }
            | M::Unplug { .. }
            | M::Migrate { .. }
            | M::Snapshot(
                SnapshotCommand::Save { .. }
                    | SnapshotCommand::Load { .. }
                    | SnapshotCommand::Delete { .. }
            )
            | M::Job(JobCommand::Wait { .. })
    )
}

/// Its power and state.
fn control(vm: &str, command: &MachineCommand) -> Option<Request> {
    use MachineCommand as M;
    let plain = |method: &str| Request::new(method, json!({ "vm": vm }));
    Some(match command {
        M::Info => plain("vm.Info").print("machine"),
        M::Start { params, paused } => {
            let params: Map<String, Value> = params
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect();
            Request::new("vm.Start", json!({ "params": params, "paused": paused })).print("machine")
        }
        M::Stop { force } => Request::new("vm.Stop", json!({ "force": force })),
        M::Powerdown => plain("vm.Powerdown"),
        M::Reset => plain("vm.Reset"),
        M::Pause => plain("vm.Pause"),
        M::Resume => plain("vm.Resume"),
        M::Suspend { to } => Request::new("vm.Suspend", json!({ "to": to.as_ref().map(word) })),
        M::Wakeup => plain("vm.Wakeup"),
        M::Nmi => plain("vm.Nmi"),
        M::WaitExit => plain("vm.WaitExit").print("exit"),
        M::WaitStatus { status } => Request::new("vm.WaitStatus", json!({ "status": status })),
        M::Findings => plain("vm.Findings").print("findings"),
        M::Allow { finding } => Request::new("vm.Allow", json!({ "finding": finding })),
        M::Screendump { file } => {
            Request::new("vm.Screendump", json!({ "file": file })).print("file")
        }
        M::Key { keys, hold } => Request::new("vm.SendKey", json!({ "keys": keys, "hold": hold })),
        M::Address { nic } => {
            Request::new("network.Address", json!({ "nic": nic })).print("address")
        }
        M::Port { port } => {
            Request::new("network.ForwardedPort", json!({ "port": port })).print("port")
        }
        M::Link { nic, state } => {
            let up = matches!(state, Cable::Up);
            Request::new("network.SetLink", json!({ "nic": nic, "up": up }))
        }
        _ => return None,
    })
}

/// What goes to its guest.
fn guest(vm: &str, command: &MachineCommand) -> Option<Request> {
    use MachineCommand as M;
    Some(match command {
        M::Exec { words, .. } => {
            let (line, argv) = match &words[..] {
                [line] => (Some(line), None),
                words => (None, Some(words)),
            };
            // Any bytes may come and go.
            let parameters = json!({ "command": line, "argv": argv, "encoding": "base64" });
            Request::new("session.Exec", parameters).more(true)
        }
        M::Console { console, follow } => {
            Request::new("session.Console", json!({ "console": console }))
                .more(*follow)
                .print("text")
        }
        M::Attach { console } => {
            Request::new("session.Console", json!({ "console": console })).more(true)
        }
        M::Ssh => Request::new("session.Ssh", json!({})),
        M::Type { text, console, raw } => {
            let text = if *raw {
                text.clone()
            } else {
                format!("{text}\n")
            };
            Request::new(
                "session.ConsoleSend",
                json!({ "console": console, "text": text }),
            )
        }
        M::Expect {
            pattern,
            console,
            from_now,
        } => Request::new(
            "session.ConsoleExpect",
            json!({ "console": console, "pattern": pattern, "from_now": from_now }),
        )
        .print("text"),
        M::Push { host, guest } => Request::new(
            "files.Push",
            json!({ "vm": vm, "path": host, "guest": guest }),
        ),
        M::Pull { guest, host } => Request::new(
            "files.Pull",
            json!({ "vm": vm, "path": host, "guest": guest }),
        ),
        M::Agent { command, arguments } => Request::new(
            "session.Agent",
            json!({ "command": command, "arguments": arguments }),
        )
        .print("reply"),
        _ => return None,
    })
}

/// What goes to QEMU, but for what moves the machine.
fn monitor(vm: &str, command: &MachineCommand) -> Option<Request> {
    use MachineCommand as M;
    Some(match command {
        M::Qmp { command, arguments } => Request::new(
            "vm.Qmp",
            json!({ "command": command, "arguments": arguments }),
        )
        .print("reply"),
        M::Hmp { line } => {
            Request::new("vm.Hmp", json!({ "line": line.join(" ") })).print("output")
        }
        M::Events {
            names,
            since,
            follow,
        } => {
            let names = (!names.is_empty()).then_some(names);
            Request::new("vm.Events", json!({ "since": since, "names": names }))
                .more(*follow)
                .print(if *follow { "event" } else { "events" })
        }
        M::WaitEvent {
            name,
            since,
            matching,
        } => Request::new(
            "vm.WaitEvent",
            json!({ "name": name, "since": since, "match": matching }),
        )
        .print("event"),
        M::Unplug { id, guest } => {
            Request::new("vm.Unplug", json!({ "id": id, "guest": guest })).print("took")
        }
        M::Devices => Request::new("vm.Devices", json!({ "vm": vm })).print("devices"),
        M::ResizeMemory { id, size } => {
            Request::new("vm.ResizeMemory", json!({ "id": id, "size": size }))
        }
        M::Snapshot(command) => match command {
            SnapshotCommand::Save { name } => {
                Request::new("vm.SaveSnapshot", json!({ "name": name }))
            }
            SnapshotCommand::Load { name } => {
                Request::new("vm.LoadSnapshot", json!({ "name": name }))
            }
            SnapshotCommand::Delete { name } => {
                Request::new("vm.DeleteSnapshot", json!({ "name": name }))
            }
            SnapshotCommand::List => Request::new("vm.ListSnapshots", json!({})).print("snapshots"),
        },
        M::Job(command) => job(command),
        _ => return None,
    })
}

fn job(command: &JobCommand) -> Request {
    let act = |id: &str, action: &str| {
        Request::new("vm.ControlJob", json!({ "id": id, "action": action }))
    };
    match command {
        JobCommand::Start {
            kind,
            disk,
            id,
            target,
            speed,
        } => Request::new(
            "vm.StartJob",
            json!({ "disk": disk, "kind": word(kind), "id": id, "target": target, "speed": speed }),
        )
        .print("id"),
        JobCommand::List => Request::new("vm.ListJobs", json!({})).print("jobs"),
        JobCommand::Wait { id, ready } => {
            Request::new("vm.WaitJob", json!({ "id": id, "ready": ready })).print("end")
        }
        JobCommand::Complete { id } => act(id, "complete"),
        JobCommand::Cancel { id } => act(id, "cancel"),
        JobCommand::Pause { id } => act(id, "pause"),
        JobCommand::Resume { id } => act(id, "resume"),
    }
}

/// What takes it elsewhere.
fn movement(vm: &str, command: &MachineCommand) -> Option<Request> {
    use MachineCommand as M;
    Some(match command {
        M::Migrate {
            transport,
            capabilities,
            postcopy,
            downtime_limit,
            max_bandwidth,
            progress,
        } => {
            let capabilities = (!capabilities.is_empty()).then_some(capabilities);
            let limited = downtime_limit.is_some() || max_bandwidth.is_some();
            let parameters =
                json!({ "downtime_limit": downtime_limit, "max_bandwidth": max_bandwidth });
            let parameters = json!({
                "vm": vm,
                "transport": transport,
                "capabilities": capabilities,
                "postcopy": postcopy,
                "parameters": limited.then_some(parameters),
            });
            Request::new("vm.Migrate", parameters).more(*progress)
        }
        M::CancelMigration => Request::new("vm.CancelMigration", json!({})),
        M::Save { file } => Request::new("vm.Save", json!({ "file": file })).print("figures"),
        M::Restore { file } => Request::new("vm.Restore", json!({ "file": file })).print("machine"),
        _ => return None,
    })
}

/// A device as the interface has it: sizes are numbers there, and what QEMU alone knows has a place of its own.
fn device(kind: DeviceKind, properties: &[(String, String)]) -> Result<Value, String> {
    let mut device = Map::from_iter([("kind".to_owned(), json!(word(&kind)))]);
    let mut further = Map::new();
    for (key, value) in properties {
        let value = match &**key {
            "size" | "requested" => json!(bytes(value)?),
            "readonly" => json!(matches!(&**value, "yes" | "on" | "true")),
            "id" | "path" | "format" | "bus" | "controller" | "cache" | "serial" | "model"
            | "mac" | "network" | "driver" => json!(value),
            _ => {
                further.insert(key.clone(), json!(value));
                continue;
            }
        };
        device.insert(key.clone(), value);
    }
    if !further.is_empty() {
        device.insert("properties".to_owned(), Value::Object(further));
    }
    Ok(Value::Object(device))
}

fn image(command: &ImageCommand) -> Request {
    match command {
        ImageCommand::Create {
            path,
            size,
            format,
            backing,
            backing_format,
        } => Request::new(
            "image.Create",
            json!({ "path": path, "size": size, "format": format, "backing": backing, "backing_format": backing_format }),
        )
        .print("image"),
        ImageCommand::Info { path } => Request::new("image.Info", json!({ "path": path })).print("image"),
        ImageCommand::Chain { path } => Request::new("image.Chain", json!({ "path": path })).print("images"),
        ImageCommand::Check { path } => Request::new("image.Check", json!({ "path": path })).print("report"),
        ImageCommand::Convert {
            path,
            target,
            format,
            target_format,
        } => Request::new(
            "image.Convert",
            json!({ "path": path, "target": target, "format": format, "target_format": target_format }),
        )
        .print("image"),
        ImageCommand::Resize {
            path,
            size,
            format,
            shrink,
        } => Request::new(
            "image.Resize",
            json!({ "path": path, "size": size, "format": format, "shrink": shrink }),
        )
        .print("image"),
        ImageCommand::Snapshot { action, path, name } => Request::new(
            "image.Snapshot",
            json!({ "path": path, "action": word(action), "name": name }),
        )
        .print("image"),
        ImageCommand::Commit { path, format } => {
            Request::new("image.Commit", json!({ "path": path, "format": format }))
        }
        ImageCommand::Compare {
            path,
            other,
            format,
            other_format,
        } => Request::new(
            "image.Compare",
            json!({ "path": path, "other": other, "format": format, "other_format": other_format }),
        )
        .print("same"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use clap::Parser;

    use super::*;
    use crate::args::{General, OneMachine};

    /// A command line for each method there is, with all that can be said.
    const LINES: &[(&str, &str)] = &[
        ("test.Info", "info"),
        ("test.Params", "param mem --of vm1"),
        ("test.Phase", "phase x"),
        ("test.Log", "log x --level warn"),
        ("test.Warn", "warn x"),
        ("test.Skip", "skip x"),
        ("test.Fail", "fail x"),
        ("test.Error", "error x"),
        ("test.Subtest", "subtest x pass why"),
        ("test.End", "end"),
        ("vm.List", "list"),
        ("vm.Info", "vm1 info"),
        ("vm.Start", "vm1 start --param mem=64 --paused"),
        ("vm.Stop", "vm1 stop --force"),
        ("vm.Powerdown", "vm1 powerdown"),
        ("vm.Reset", "vm1 reset"),
        ("vm.Pause", "vm1 pause"),
        ("vm.Resume", "vm1 resume"),
        ("vm.Suspend", "vm1 suspend ram --timeout 9"),
        ("vm.Wakeup", "vm1 wakeup"),
        ("vm.Nmi", "vm1 nmi"),
        ("vm.WaitExit", "vm1 wait-exit --timeout 9"),
        ("vm.WaitStatus", "vm1 wait-status paused --timeout 9"),
        ("vm.Findings", "vm1 findings"),
        ("vm.Allow", "vm1 allow oops"),
        ("vm.Events", "vm1 events STOP --since 3 --follow"),
        (
            "vm.WaitEvent",
            "vm1 wait-event STOP --since 3 --match {} --timeout 9",
        ),
        ("vm.Qmp", "vm1 qmp stop {} --timeout 9"),
        ("vm.Hmp", "vm1 hmp info status"),
        (
            "vm.Plug",
            "vm1 plug disk size=1M bus=usb id=a iops=3 --guest --timeout 9",
        ),
        ("vm.Unplug", "vm1 unplug a --guest --timeout 9"),
        ("vm.Devices", "vm1 devices"),
        ("vm.ResizeMemory", "vm1 resize-memory a 64M"),
        (
            "vm.Migrate",
            "vm1 migrate tcp --capability xbzrle --postcopy --downtime-limit 1 --max-bandwidth 9M --progress --timeout 9",
        ),
        ("vm.CancelMigration", "vm1 cancel-migration"),
        ("vm.Save", "vm1 save x"),
        ("vm.Restore", "vm1 restore x"),
        ("vm.SaveSnapshot", "vm1 snapshot save x --timeout 9"),
        ("vm.LoadSnapshot", "vm1 snapshot load x --timeout 9"),
        ("vm.DeleteSnapshot", "vm1 snapshot delete x --timeout 9"),
        ("vm.ListSnapshots", "vm1 snapshot list"),
        (
            "vm.StartJob",
            "vm1 job start mirror disk1 --id a --target x --speed 1M",
        ),
        ("vm.ListJobs", "vm1 job list"),
        ("vm.WaitJob", "vm1 job wait a --ready --timeout 9"),
        ("vm.ControlJob", "vm1 job complete a"),
        ("vm.Screendump", "vm1 screendump x"),
        ("vm.SendKey", "vm1 key a b --hold 1"),
        ("session.Exec", "vm1 exec --timeout 9 -- a b"),
        ("session.Ssh", "vm1 ssh"),
        ("session.Console", "vm1 console serial0 --follow"),
        ("session.ConsoleSend", "vm1 type x --console serial0"),
        (
            "session.ConsoleExpect",
            "vm1 expect x --console serial0 --from-now --timeout 9",
        ),
        ("session.Agent", "vm1 agent guest-ping {} --timeout 9"),
        ("files.Push", "vm1 push a b --timeout 9"),
        ("files.Pull", "vm1 pull a b --timeout 9"),
        (
            "image.Create",
            "image create a --size 1M --format raw --backing b --backing-format raw",
        ),
        ("image.Info", "image info a"),
        ("image.Chain", "image chain a"),
        ("image.Check", "image check a"),
        (
            "image.Convert",
            "image convert a b --format raw --target-format qcow2",
        ),
        (
            "image.Compare",
            "image compare a b --format raw --other-format raw",
        ),
        ("image.Resize", "image resize a 2M --format raw --shrink"),
        ("image.Snapshot", "image snapshot create a one"),
        ("image.Commit", "image commit a --format qcow2"),
        ("network.Address", "vm1 address nic1"),
        ("network.ForwardedPort", "vm1 port 22"),
        ("network.SetLink", "vm1 link nic1 down"),
        ("network.Info", "network lan"),
    ];

    /// What a shell has no command for but `vt call`: it needs no sessions, since each command opens what it needs.
    const CALLED: [&str; 3] = ["session.Open", "session.List", "session.Close"];

    fn request(line: &str) -> Request {
        let words: Vec<&str> = line.split(' ').collect();
        if words[0] == "vm1" {
            let typed = OneMachine::try_parse_from(&words).unwrap();
            Request::machine(&typed.vm, &typed.command, &typed.common).unwrap()
        } else {
            let typed = General::try_parse_from(["vt"].iter().chain(&words)).unwrap();
            Request::general(&typed.command, &typed.common).unwrap()
        }
    }

    /// The fields that each method takes and gives, and whether it may answer many times.
    fn interface() -> BTreeMap<String, (Vec<String>, Vec<String>, bool)> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings/interface.json");
        let text = std::fs::read_to_string(path).unwrap();
        let all: Value = serde_json::from_str(&text).unwrap();
        let mut methods = BTreeMap::new();
        for interface in all["interfaces"].as_array().unwrap() {
            for method in interface["methods"].as_array().unwrap() {
                let name = format!(
                    "{}.{}",
                    interface["name"].as_str().unwrap(),
                    method["name"].as_str().unwrap()
                );
                let fields = |side: &str| {
                    let fields = method[side].as_array().unwrap().iter();
                    fields
                        .map(|field| field["name"].as_str().unwrap().to_owned())
                        .collect()
                };
                methods.insert(name, (fields("in"), fields("out"), method["more"] == true));
            }
        }
        methods
    }

    #[test]
    fn what_is_called_is_what_the_interface_has() {
        let methods = interface();
        for (method, line) in LINES {
            let request = request(line);
            assert_eq!(request.method, format!("org.virt-test.{method}"), "{line}");
            let (takes, gives, more) = &methods[&request.method];
            for key in request.parameters.keys() {
                assert!(takes.contains(key), "{line}: {method} takes no {key}");
            }
            assert!(*more || !request.more, "{line}: {method} answers once");
            if let Some(field) = request.field {
                assert!(
                    gives.iter().any(|given| given == field),
                    "{line}: {method} gives no {field}"
                );
            }
        }
    }

    #[test]
    fn there_is_a_command_for_every_method() {
        let known: Vec<&str> = LINES
            .iter()
            .map(|(method, _)| *method)
            .chain(CALLED)
            .collect();
        for method in interface().keys() {
            let short = method.strip_prefix("org.virt-test.").unwrap();
            assert!(known.contains(&short), "{short}");
        }
    }

    #[test]
    fn a_device_has_sizes_in_bytes_and_hands_on_what_only_qemu_knows() {
        let request = request("vm1 plug disk size=1M readonly=yes iops=3");
        assert_eq!(
            request.parameters["device"],
            json!({ "kind": "disk", "size": 1 << 20, "readonly": true, "properties": { "iops": "3" } })
        );
        let bad = OneMachine::try_parse_from(["vm1", "plug", "disk", "size=large"]).unwrap();
        let told = Request::machine("vm1", &bad.command, &bad.common).unwrap_err();
        assert!(told.contains("'large' is no size"), "{told}");
    }
}
