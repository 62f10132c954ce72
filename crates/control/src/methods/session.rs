//! `org.virt-test.session`: sessions that calls share, commands, consoles.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use guest::console::From as Since;
use guest::{Chunk as Piece, Command, Console, ExitStatus, Output as Told};
use harness::Client;
use machine::shell_quote;
use regex::Regex;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use vm::{Blame, Vm};

use crate::call::{Call, limit};
use crate::failure::Failure;
use crate::generated::error::Kind;
use crate::generated::session::*;

/// Base time for a command unless a call says otherwise.
const LIMIT: Duration = Duration::from_secs(30);

/// As long as a machine may live.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// A session that is open.
pub(crate) struct Open {
    vm: Weak<Vm>,
    name: String,
    session: Mutex<vm::Session>,
    channel: &'static str,
}

impl Open {
    fn new(vm: &Arc<Vm>, session: vm::Session) -> Arc<Self> {
        Arc::new(Self {
            vm: Arc::downgrade(vm),
            name: vm.name().to_owned(),
            channel: session.kind(),
            session: Mutex::new(session),
        })
    }

    /// Is it with the machine that runs, and not with one before it?
    fn is_with(&self, vm: &Arc<Vm>) -> bool {
        Weak::as_ptr(&self.vm) == Arc::as_ptr(vm)
    }
}

/// A session that may not be open yet; whoever holds the lock opens it.
type Slot = Arc<Mutex<Option<Arc<Open>>>>;

/// The sessions there are.
#[derive(Default)]
pub(crate) struct Sessions {
    named: StdMutex<BTreeMap<String, Arc<Open>>>,
    /// Those of machines, which are opened when they are first needed: for commands, and for files.
    standard: StdMutex<BTreeMap<(String, bool), Slot>>,
}

fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    fn slot(&self, vm: &str, files: bool) -> Slot {
        let mut standard = lock(&self.standard);
        Arc::clone(standard.entry((vm.to_owned(), files)).or_default())
    }
}

impl Call<'_> {
    /// The session a call is about: one that was opened, or the machine's own.
    pub(crate) async fn session(
        &self,
        vm: Option<&str>,
        session: Option<&str>,
        files: bool,
    ) -> Result<(Arc<Vm>, Arc<Open>), Failure> {
        if let Some(id) = session {
            let open = self.named(id)?;
            let vm = self.vm(&open.name)?;
            if !open.is_with(&vm) {
                lock(&self.state.sessions.named).remove(id);
                let message =
                    format!("session \"{id}\" has ended with its machine (hint: open another)");
                return Err(Failure::invalid(message).at(&open.name));
            }
            return Ok((vm, open));
        }
        let Some(name) = vm else {
            return Err(Failure::Parameter(
                "vm".to_owned(),
                "neither vm nor session is given".to_owned(),
            ));
        };
        let vm = self.vm(name)?;
        let slot = self.state.sessions.slot(name, files);
        let mut slot = slot.lock().await;
        match &*slot {
            Some(open) if open.is_with(&vm) => return Ok((vm, Arc::clone(open))),
            _ => {}
        }
        let session = match files {
            true => self.test.file_transfer(&vm).await?,
            false => self.open(&vm, Channel::Standard, None).await?,
        };
        let open = Open::new(&vm, session);
        *slot = Some(Arc::clone(&open));
        Ok((vm, open))
    }

    fn named(&self, id: &str) -> Result<Arc<Open>, Failure> {
        let named = lock(&self.state.sessions.named);
        named
            .get(id)
            .cloned()
            .ok_or_else(|| Failure::not_found("session", id, named.keys().cloned().collect()))
    }

    async fn open(
        &self,
        vm: &Arc<Vm>,
        channel: Channel,
        base: Option<Duration>,
    ) -> Result<vm::Session, Failure> {
        let client = match channel {
            Channel::Standard => {
                let configured = self.test.params_of(vm.name()).get("shell_client").is_some();
                if configured || !vm.spec().agent {
                    return Ok(self.test.session(vm).await?);
                }
                Client::Agent
            }
            Channel::Serial => Client::Serial,
            Channel::VirtioConsole => Client::VirtioConsole,
            Channel::Agent => Client::Agent,
            Channel::Ssh => Client::Ssh,
        };
        Ok(self.test.session_over(vm, client, base).await?)
    }

    pub(crate) async fn session_open(&self, it: OpenCall) -> Result<OpenReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = it.timeout.map(|time| limit(Some(time), Duration::ZERO));
        let channel = it.channel.unwrap_or(Channel::Standard);
        let session = self.open(&vm, channel, base.transpose()?).await?;
        let session = self.keep(&it.vm, Open::new(&vm, session));
        Ok(OpenReply { session })
    }

    pub(crate) async fn session_ssh(&self, it: SshCall) -> Result<SshReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = it.timeout.map(|time| limit(Some(time), Duration::ZERO));
        let session = self.open(&vm, Channel::Ssh, base.transpose()?).await?;
        let words = session.ssh_command().ok_or_else(|| {
            let message = format!("a session over {} has no command", session.kind());
            Failure::new(Kind::HostFailed {}, Blame::Host, message)
        })?;
        let words = words.into_iter().map(OsString::into_string);
        let command: Result<Vec<String>, _> = words.collect();
        let command = command.map_err(|word| {
            let message = format!("a path of this run is no UTF-8: {}", word.display());
            Failure::new(Kind::HostFailed {}, Blame::Host, message)
        })?;
        let session = self.keep(&it.vm, Open::new(&vm, session));
        Ok(SshReply { session, command })
    }

    /// Gives a session a name.
    fn keep(&self, vm: &str, open: Arc<Open>) -> Session {
        let id = format!("{vm}-session{}", self.state.number());
        let session = told(&id, &open);
        lock(&self.state.sessions.named).insert(id, open);
        session
    }

    pub(crate) async fn session_list(&self, _: ListCall) -> Result<ListReply, Failure> {
        let named = lock(&self.state.sessions.named);
        let sessions = named.iter().map(|(id, open)| told(id, open)).collect();
        Ok(ListReply { sessions })
    }

    pub(crate) async fn session_close(&self, it: CloseCall) -> Result<CloseReply, Failure> {
        self.named(&it.session)?;
        lock(&self.state.sessions.named).remove(&it.session);
        Ok(CloseReply {})
    }

    pub(crate) async fn session_exec(&self, it: ExecCall) -> Result<ExecReply, Failure> {
        let line = line(it.command, it.argv, it.env)?;
        let base = limit(it.timeout, LIMIT)?;
        let encoding = it.encoding.unwrap_or(Encoding::Text);
        let mut command = Command::new(line);
        if let Some(input) = it.input {
            command = command.input(decoded("input", input, encoding)?);
        }
        let (vm, open) = self
            .session(it.vm.as_deref(), it.session.as_deref(), false)
            .await?;
        let mut one_at_a_time = open.session.lock().await;
        let mut another = one_at_a_time.another();
        let session = match &mut another {
            Some(another) => {
                drop(one_at_a_time);
                another
            }
            None => &mut *one_at_a_time,
        };
        let began = Instant::now();
        let told = match self.more {
            true => self.stream(&vm, session, command, base, encoding).await?,
            false => session.run_within(base, command.exact()).await?,
        };
        Ok(ExecReply {
            chunk: None,
            output: Some(output(told, encoding, began.elapsed())),
        })
    }

    /// Runs a command and sends its output as it comes; what is returned has only what came last.
    async fn stream(
        &self,
        vm: &Arc<Vm>,
        session: &mut vm::Session,
        command: Command,
        base: Duration,
        encoding: Encoding,
    ) -> Result<Told, Failure> {
        let mut running = session.start(command).await?;
        let mut pieces = [Pieces::new(encoding), Pieces::new(encoding)];
        let deadline = self.test.deadlines().start(base);
        let outcome = loop {
            let next = running.next_chunk(base);
            let left = deadline.remaining();
            match tokio::time::timeout(left, next).await {
                Ok(Ok(Some(piece))) => {
                    let (stderr, bytes) = match piece {
                        Piece::Stdout(bytes) => (false, bytes),
                        Piece::Stderr(bytes) => (true, bytes),
                    };
                    let data = pieces[usize::from(stderr)].text(bytes);
                    self.send(stderr, data).await?;
                }
                Ok(Ok(None)) => break Ok(()),
                Ok(Err(error)) => break Err(Failure::from(error)),
                Err(_) => {
                    let waited = deadline.elapsed().as_secs_f64();
                    let awaited = "end of the command".to_owned();
                    let message =
                        format!("the command did not end within {waited:.1} s and was killed");
                    let kind = crate::generated::error::Kind::TimedOut { awaited, waited };
                    break Err(Failure::new(kind, vm::Blame::Machine, message).at(vm.name()));
                }
            }
        };
        match outcome {
            Ok(()) => {
                for (stderr, pieces) in [false, true].into_iter().zip(&mut pieces) {
                    self.send(stderr, pieces.rest()).await?;
                }
                Ok(running.wait(base).await?)
            }
            Err(failure) => {
                // The first failure is the one to tell.
                let _ = running.kill(LIMIT).await;
                Err(failure)
            }
        }
    }

    async fn send(&self, stderr: bool, data: String) -> Result<(), Failure> {
        if data.is_empty() {
            return Ok(());
        }
        let chunk = Some(Chunk { stderr, data });
        self.reply(&ExecReply {
            chunk,
            output: None,
        })
        .await
    }

    pub(crate) async fn session_console(&self, it: ConsoleCall) -> Result<ConsoleReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let console = console(&vm, it.console.as_deref())?;
        let from_now = it.from_now.unwrap_or(false);
        if !self.more {
            let text = match from_now {
                true => String::new(),
                false => console.history(),
            };
            return Ok(ConsoleReply { text });
        }
        let anything = pattern("(?s).+")?;
        let mut reader = console.reader(since(from_now));
        // It is closed when the machine ends.
        while let Ok(found) = reader.expect(&anything, FOR_EVER).await {
            self.reply(&ConsoleReply { text: found.text }).await?;
        }
        Ok(ConsoleReply {
            text: String::new(),
        })
    }

    pub(crate) async fn session_console_send(
        &self,
        it: ConsoleSendCall,
    ) -> Result<ConsoleSendReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let sent = console(&vm, it.console.as_deref())?.send(it.text.as_bytes(), vm.limit(LIMIT));
        let sent = vm.wait("a console to take text", LIMIT, sent).await?;
        sent.map_err(|error| Failure::from(error).at(it.vm))?;
        Ok(ConsoleSendReply {})
    }

    pub(crate) async fn session_console_expect(
        &self,
        it: ConsoleExpectCall,
    ) -> Result<ConsoleExpectReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = limit(it.timeout, LIMIT)?;
        let wanted = pattern(&it.pattern)?;
        let console = console(&vm, it.console.as_deref())?;
        let mut reader = console.reader(since(it.from_now.unwrap_or(false)));
        let found = reader.expect(&wanted, vm.limit(base));
        let awaited = format!("/{}/ on a console", it.pattern);
        let found = vm.wait(&awaited, base, found).await?;
        let found = found.map_err(|error| Failure::from(error).at(it.vm))?;
        Ok(ConsoleExpectReply {
            before: found.before,
            text: found.text,
        })
    }

    pub(crate) async fn session_agent(&self, it: AgentCall) -> Result<AgentReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = limit(it.timeout, LIMIT)?;
        let agent = vm.wait_for_agent(base).await?;
        let arguments = Value::Object(it.arguments.unwrap_or_default());
        let asked = agent.execute(&it.command, arguments, vm.limit(base));
        let asked = vm.wait("an answer of the agent", base, asked).await?;
        let returned = asked.map_err(|error| Failure::from(error).at(it.vm))?;
        let mut reply = Map::new();
        reply.insert("return".to_owned(), returned);
        Ok(AgentReply { reply })
    }
}

impl Open {
    /// Another session over its channel, or the session itself for as long as it is held.
    pub(crate) async fn hold(&self) -> tokio::sync::MutexGuard<'_, vm::Session> {
        self.session.lock().await
    }
}

fn told(id: &str, open: &Open) -> Session {
    Session {
        id: id.to_owned(),
        vm: open.name.clone(),
        channel: open.channel.to_owned(),
    }
}

fn console<'a>(vm: &'a Vm, id: Option<&str>) -> Result<&'a Console, Failure> {
    Ok(match id {
        Some(id) => vm.console_of(id)?,
        None => vm.console()?,
    })
}

fn since(now: bool) -> Since {
    if now { Since::Now } else { Since::Start }
}

fn pattern(text: &str) -> Result<Regex, Failure> {
    let wrong = |error: regex::Error| Failure::Parameter("pattern".to_owned(), error.to_string());
    Regex::new(text).map_err(wrong)
}

/// A line of shell for what a call is to run.
fn line(
    command: Option<String>,
    argv: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
) -> Result<String, Failure> {
    let line = match (command, argv) {
        (Some(command), None) => command,
        (None, Some(argv)) if !argv.is_empty() => {
            let words: Vec<String> = argv.iter().map(|word| shell_quote(word)).collect();
            words.join(" ")
        }
        _ => {
            return Err(Failure::Parameter(
                "command".to_owned(),
                "either command or argv is to be given".to_owned(),
            ));
        }
    };
    let mut exports = String::new();
    for (name, value) in env.unwrap_or_default() {
        let is_name = |name: &str| {
            let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
            name.chars().all(fits)
                && !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
        };
        if !is_name(&name) {
            let message = format!("'{name}' is no name of a variable");
            return Err(Failure::Parameter("env".to_owned(), message));
        }
        exports.push_str(&format!("export {name}={}\n", shell_quote(&value)));
    }
    Ok(exports + &line)
}

pub(crate) fn decoded(field: &str, text: String, encoding: Encoding) -> Result<Vec<u8>, Failure> {
    match encoding {
        Encoding::Text => Ok(text.into_bytes()),
        Encoding::Base64 => BASE64.decode(text).map_err(|error| {
            Failure::Parameter(field.to_owned(), format!("this is no base64: {error}"))
        }),
    }
}

pub(crate) fn encoded(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Text => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Base64 => BASE64.encode(bytes),
    }
}

fn output(told: Told, encoding: Encoding, elapsed: Duration) -> Output {
    let (status, signal) = match told.status {
        ExitStatus::Code(code) => (Some(code.into()), None),
        ExitStatus::Signal(signal) => (None, Some(signal.into())),
    };
    Output {
        status,
        signal,
        stdout: encoded(&told.stdout, encoding),
        stderr: encoded(&told.stderr, encoding),
        truncated: told.truncated,
        elapsed: elapsed.as_secs_f64(),
    }
}

/// Bytes that come in pieces, some cut within a character.
struct Pieces {
    encoding: Encoding,
    rest: Vec<u8>,
}

impl Pieces {
    fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            rest: Vec::new(),
        }
    }

    /// What is whole of what has come.
    fn text(&mut self, bytes: Vec<u8>) -> String {
        if self.encoding == Encoding::Base64 {
            return encoded(&bytes, self.encoding);
        }
        self.rest.extend(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            // The end may be the beginning of a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => match self.rest.utf8_chunks().last() {
                Some(last) if is_cut(last.invalid()) => self.rest.len() - last.invalid().len(),
                _ => self.rest.len(),
            },
            Ok(_) => self.rest.len(),
        };
        let rest = self.rest.split_off(whole);
        let whole = std::mem::replace(&mut self.rest, rest);
        encoded(&whole, self.encoding)
    }

    /// What is left at the end.
    fn rest(&mut self) -> String {
        encoded(&std::mem::take(&mut self.rest), self.encoding)
    }
}

/// Is it the beginning of a character, of which more may come?
fn is_cut(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_come_in_pieces_are_put_together() {
        let mut pieces = Pieces::new(Encoding::Text);
        assert_eq!(pieces.text(b"a\xc3".to_vec()), "a");
        assert_eq!(pieces.text(b"\xa4\xff\xe2\x82".to_vec()), "ä\u{fffd}");
        assert_eq!(pieces.text(b"\xac".to_vec()), "€");
        assert_eq!(pieces.text(b"\xe2\x82".to_vec()), "");
        assert_eq!(pieces.rest(), "\u{fffd}");
        let mut pieces = Pieces::new(Encoding::Base64);
        assert_eq!(pieces.text(b"\xff\0".to_vec()), "/wA=");
        assert_eq!(pieces.rest(), "");
    }

    #[test]
    fn words_are_run_as_they_are_and_lines_by_the_shell() {
        let line_of = |command: Option<&str>, argv: Option<&[&str]>| {
            let argv = argv.map(|argv| argv.iter().map(ToString::to_string).collect());
            line(command.map(str::to_owned), argv, None)
        };
        assert_eq!(line_of(Some("echo $HOME"), None).unwrap(), "echo $HOME");
        let words = line_of(None, Some(&["echo", "$HOME", "it's"])).unwrap();
        let said = std::process::Command::new("sh")
            .arg("-c")
            .arg(&words)
            .output()
            .unwrap();
        assert_eq!(said.stdout, b"$HOME it's\n");
        for (command, argv) in [
            (None, None),
            (None, Some(&[][..])),
            (Some("a"), Some(&["a"][..])),
        ] {
            assert!(line_of(command, argv).is_err());
        }
    }

    #[test]
    fn variables_are_given_whatever_is_in_them() {
        let env = |name: &str| Some([(name.to_owned(), "a 'b' $c".to_owned())].into());
        let line_with = |name: &str| line(Some("echo \"$X1\"".to_owned()), None, env(name));
        let line = line_with("X1").unwrap();
        let said = std::process::Command::new("sh")
            .arg("-c")
            .arg(&line)
            .output()
            .unwrap();
        assert_eq!(said.stdout, b"a 'b' $c\n");
        for name in ["", "1X", "a b", "a;reboot"] {
            assert!(line_with(name).is_err(), "{name}");
        }
    }
}
