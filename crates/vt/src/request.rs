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
