//! How does a shell hold a machine?
//!
//! `vt` is a client of a test's socket (`docs/control.md`): each command is one call, and what comes back is printed for people, for other
//! commands of the shell, or as JSON.

mod args;
mod attach;
mod client;
mod complete;
mod print;
mod request;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::{CommandFactory, FromArgMatches, Parser};
use serde_json::{Value, json};

use args::{Common, General, GeneralCommand, MachineCommand, OneMachine, Shell};
use client::{Client, Error, Parameters};
use request::Request;

/// The name under which a program is this one.
pub const NAME: &str = "vt";

/// The status where a command of the guest was not even run, or anything else failed: that of `env(1)` and its like.
const FAILED: u8 = 125;

/// The status where this QEMU or this host lacks what was asked for.
const LACKING: u8 = 77;

/// What was typed.
enum Typed {
    General(General),
    OneMachine(OneMachine),
}

/// Does what the command line says.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().skip(1).collect();
    if words.first().is_some_and(|word| word == complete::COMMAND) {
        complete::complete(&words[1..]);
        return ExitCode::SUCCESS;
    }
    let typed = match read(&words) {
        Ok(typed) => typed,
        Err(error) => {
            // Nobody is left to tell if the output is closed.
            let _ = error.print();
            return match error.exit_code() {
                0 => ExitCode::SUCCESS,
                _ => FAILED.into(),
            };
        }
    };
    match run(&typed) {
        Ok(status) => status.into(),
        Err(error) => {
            let common = match &typed {
                Typed::General(general) => &general.common,
                Typed::OneMachine(machine) => &machine.common,
            };
            print::error(&error, common.json);
            match error.is_skip() {
                true => LACKING.into(),
                false => FAILED.into(),
            }
        }
    }
}

/// A command of the test's comes by itself; anything else that stands there is a machine.
fn read(words: &[OsString]) -> Result<Typed, clap::Error> {
    let general = General::command();
    let is_general = |word: &str| {
        word == "help"
            || general
                .get_subcommands()
                .any(|command| command.get_name() == word)
    };
    let named = complete::positional(words.iter().map(|word| word.to_string_lossy()));
    match named {
        Some(name) if !is_general(&name) => {
            let mut command = OneMachine::command();
            command = command.bin_name(NAME);
            let matches = command.try_get_matches_from(words)?;
            OneMachine::from_arg_matches(&matches).map(Typed::OneMachine)
        }
        _ => {
            let name = OsString::from(NAME);
            General::try_parse_from([&name].into_iter().chain(words)).map(Typed::General)
        }
    }
}

fn run(typed: &Typed) -> Result<u8, Error> {
    match typed {
        Typed::General(General {
            command: GeneralCommand::Completion { shell: Shell::Bash },
            ..
        }) => print::text(complete::BASH),
        Typed::General(General { common, command }) => {
            let Some(request) = Request::general(command, common) else {
                return Ok(0);
            };
            let key = match command {
                GeneralCommand::Param { key: Some(key), .. } => Some(&**key),
                _ => None,
            };
            call(&request, key, common)?;
        }
        Typed::OneMachine(OneMachine {
            common,
            vm,
            command,
        }) => {
            let request = Request::machine(vm, command, common).map_err(io::Error::other)?;
            if let MachineCommand::Attach { .. } = command {
                attach::attach(common.socket.as_deref(), vm, &request)?;
                return Ok(0);
            }
            if let MachineCommand::Ssh = command {
                return ssh(request, common);
            }
            if let MachineCommand::Exec { channel, stdin, .. } = command {
                let channel = channel.as_ref().map(args::word);
                return exec(request, channel, *stdin, common);
            }
            call(&request, None, common)?;
        }
    }
    Ok(0)
}

/// Calls, and prints what comes back; of a dictionary only `key`, where one is named.
fn call(request: &Request, key: Option<&str>, common: &Common) -> Result<(), Error> {
    let Request {
        method,
        parameters,
        more,
        field,
        columns,
    } = request;
    let mut client = Client::connect(common.socket.as_deref())?;
    let show = |answer: Parameters| {
        if common.json {
            return print::line(&Value::Object(answer).to_string());
        }
        let value = match field {
            Some(field) => answer.get(*field).cloned().unwrap_or_default(),
            None => Value::Object(answer),
        };
        match key {
            None if !columns.is_empty() => print::table(&value, columns),
            None => print::value(&value),
            Some(key) => match value.get(key) {
                Some(value) => print::value(value),
                None => Err(io::Error::other(format!("there is no parameter {key}"))),
            },
        }
    };
    match more {
        true => client.call_more(method, parameters.clone(), show),
        false => Ok(show(client.call(method, parameters.clone())?)?),
    }
}

/// Runs a command in the guest; its output is ours, and so is its status.
fn exec(
    mut request: Request,
    channel: Option<String>,
    stdin: bool,
    common: &Common,
) -> Result<u8, Error> {
    let json = common.json;
    let mut client = Client::connect(common.socket.as_deref())?;
    let mut opened = None;
    if let Some(channel) = channel {
        let vm = request.parameters.remove("vm");
        let parameters = Parameters::from_iter([
            ("vm".to_owned(), json!(vm)),
            ("channel".to_owned(), json!(channel)),
        ]);
        let answer = client.call("org.virt-test.session.Open", parameters)?;
        let id = answer.get("session").and_then(|session| session.get("id"));
        opened = id.cloned();
        request
            .parameters
            .insert("session".to_owned(), json!(opened));
    }
    if stdin {
        let mut input = Vec::new();
        io::stdin().lock().read_to_end(&mut input)?;
        request
            .parameters
            .insert("input".to_owned(), BASE64.encode(input).into());
    }
    if json && !stdin {
        request
            .parameters
            .insert("encoding".to_owned(), json!("text"));
    }
    let mut output = Value::Null;
    let mut take = |mut answer: Parameters| {
        if let (false, Some(chunk)) = (json, answer.get("chunk").filter(|chunk| !chunk.is_null())) {
            copy(
                chunk.get("stderr") == Some(&Value::Bool(true)),
                chunk.get("data"),
            )?;
        }
        if let Some(end) = answer.remove("output").filter(|output| !output.is_null()) {
            output = end;
        }
        Ok(())
    };
    // A command that gets input cannot be streamed everywhere; one whose output is printed as a whole need not be.
    match stdin || json {
        true => take(client.call(&request.method, request.parameters)?)?,
        false => client.call_more(&request.method, request.parameters, take)?,
    }
    if let Some(id) = opened {
        let parameters = Parameters::from_iter([("session".to_owned(), id)]);
        client.call("org.virt-test.session.Close", parameters)?;
    }
    if json {
        print::line(&output.to_string())?;
    } else {
        copy(false, output.get("stdout"))?;
        copy(true, output.get("stderr"))?;
    }
    Ok(status(&output))
}

/// A shell in the guest on this terminal, by the host's `ssh`, which is told how by the other end.
fn ssh(request: Request, common: &Common) -> Result<u8, Error> {
    let mut client = Client::connect(common.socket.as_deref())?;
    let answer = client.call(&request.method, request.parameters)?;
    if common.json {
        print::line(&Value::Object(answer).to_string())?;
        return Ok(0);
    }
    let words = answer.get("command").and_then(Value::as_array);
    let mut words = words.into_iter().flatten().filter_map(Value::as_str);
    let Some(program) = words.next() else {
        return Err(io::Error::other("the answer has no command of ssh").into());
    };
    let ended = Command::new(program).args(words).status();
    let session = answer.get("session").and_then(|session| session.get("id"));
    let close = Parameters::from_iter([("session".to_owned(), json!(session))]);
    // Where the machine is gone meanwhile, so is the session, and how ssh ended says more.
    let _ = client.call("org.virt-test.session.Close", close);
    let ended = ended.map_err(|error| io::Error::other(format!("{program}: {error}")))?;
    let status = ended.code().or_else(|| Some(128 + ended.signal()?));
    Ok(status
        .and_then(|status| u8::try_from(status).ok())
        .unwrap_or(FAILED))
}

/// Output of the guest, as it was.
fn copy(stderr: bool, data: Option<&Value>) -> io::Result<()> {
    let bytes = BASE64.decode(data.and_then(Value::as_str).unwrap_or_default());
    let bytes = bytes.map_err(io::Error::other)?;
    if stderr {
        io::stderr().lock().write_all(&bytes)
    } else {
        let mut out = io::stdout().lock();
        out.write_all(&bytes)?;
        out.flush()
    }
}

/// As a shell would tell it.
fn status(output: &Value) -> u8 {
    let number = |key: &str| output.get(key).and_then(Value::as_u64);
    let status = number("status").or_else(|| Some(128 + number("signal")?));
    status
        .and_then(|status| u8::try_from(status).ok())
        .unwrap_or(FAILED)
}
