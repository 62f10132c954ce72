//! Every query that needs no argument is answered in the form its schema promises, or refused in words; some whose answer is
//! known answer that; and the monitor says so when it does not know what it is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use virt_test::{Stop, Test, TestResult, Vm, check};
use vm::qmp::QmpError;

/// Fewer queries than this answered: something is wrong with the list, or with QEMU.
const AT_LEAST: usize = 40;

#[virt_test::test(type_specific)]
async fn qmp_command(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    test.phase("asking all there is to ask");
    let schema = Schema::of(&vm).await?;
    let (mut answered, mut refused) = (0, Vec::new());
    for query in schema.queries() {
        match vm.qmp().execute(query, json!({})).await {
            Ok(answer) => {
                let promised = schema.answer_of(query);
                check!(
                    kind(&answer) == promised,
                    "{query} answers {answer}, and the schema says {promised}"
                );
                answered += 1;
            }
            Err(QmpError::Refused { desc, .. }) if !desc.is_empty() => refused.push(query),
            Err(error) => return Err(error.into()),
        }
    }
    test.phase(format!(
        "{answered} queries answered, refused {}",
        refused.join(" ")
    ));
    check!(answered >= AT_LEAST, "only {answered} queries are answered");

    for (command, arguments, place, wanted) in known(&vm) {
        let answer = vm.qmp().execute(command, arguments.clone()).await?;
        check!(
            answer.pointer(place) == Some(&wanted),
            "{command} {arguments} answers {answer}, not {wanted} at '{place}'"
        );
    }
    for (command, arguments, wanted) in [
        ("no-such-command", json!({}), "CommandNotFound"),
        ("query-status", json!({"x": 1}), "GenericError"),
        ("qom-list", json!({}), "GenericError"),
        (
            "qom-list",
            json!({"path": "/no/such/path"}),
            "DeviceNotFound",
        ),
    ] {
        match vm.qmp().execute(command, arguments.clone()).await {
            Err(QmpError::Refused { class, desc, .. }) if class == wanted && !desc.is_empty() => {}
            other => {
                return Err(Stop::fail(format!(
                    "{command} {arguments} is answered with {other:?}"
                )));
            }
        }
    }
    Ok(())
}

/// Commands, their arguments, and what must be where in their answers.
fn known(vm: &Vm) -> Vec<(&'static str, Value, &'static str, Value)> {
    let spec = vm.spec();
    let mut known = vec![
        ("query-status", json!({}), "/status", json!("prelaunch")),
        ("query-status", json!({}), "/running", json!(false)),
        ("query-name", json!({}), "/name", json!(spec.name)),
        ("query-cpus-fast", json!({}), "/0/cpu-index", json!(0)),
        (
            "query-memory-size-summary",
            json!({}),
            "/base-memory",
            json!(spec.memory.size.as_bytes()),
        ),
        (
            "human-monitor-command",
            json!({"command-line": "info name"}),
            "",
            json!(format!("{}\r\n", spec.name)),
        ),
    ];
    for nic in &spec.nics {
        let path = format!("/machine/peripheral/{}", nic.id);
        let mac = json!({"path": path, "property": "mac"});
        known.push(("qom-get", mac, "", json!(nic.mac.to_string())));
    }
    known
}

/// What QEMU says of its own commands and types (`SchemaInfo` of its QAPI reference).
struct Schema {
    entries: BTreeMap<String, Value>,
    commands: BTreeSet<String>,
}

impl Schema {
    async fn of(vm: &Vm) -> TestResult<Self> {
        let entries: Vec<Value> = vm.qmp().query("query-qmp-schema", json!({})).await?;
        let list: Vec<Value> = vm.qmp().query("query-commands", json!({})).await?;
        let name = |entry: &Value| entry["name"].as_str().unwrap_or_default().to_owned();
        let commands: BTreeSet<String> = list.iter().map(name).collect();
        let described = entries
            .iter()
            .filter(|entry| entry["meta-type"] == "command");
        let described: BTreeSet<String> = described.map(name).collect();
        check!(
            commands == described,
            "query-commands and query-qmp-schema differ in {:?}",
            commands.symmetric_difference(&described)
        );
        let entries = entries
            .into_iter()
            .map(|entry| (name(&entry), entry))
            .collect();
        Ok(Self { entries, commands })
    }

    fn entry(&self, name: &Value) -> &Value {
        let entry = name.as_str().and_then(|name| self.entries.get(name));
        entry.unwrap_or(&Value::Null)
    }

    /// Queries that need no argument.
    fn queries(&self) -> impl Iterator<Item = &str> {
        let queries = self.commands.iter().map(String::as_str);
        queries.filter(|name| {
            let members = &self.entry(&self.entries[*name]["arg-type"])["members"];
            let mut members = members.as_array().into_iter().flatten();
            // A member with a default, be it null, may be left out.
            name.starts_with("query-") && members.all(|member| member.pointer("/default").is_some())
        })
    }

    /// What kind of JSON value a command promises to return.
    fn answer_of(&self, command: &str) -> &str {
        let answer = self.entry(&self.entries[command]["ret-type"]);
        match answer["meta-type"].as_str() {
            Some("builtin") => answer["json-type"].as_str().unwrap_or_default(),
            Some("enum") => "string",
            Some(meta_type) => meta_type,
            None => "nothing",
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
