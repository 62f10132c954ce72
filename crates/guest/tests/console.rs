//! Consoles: guests scripted by the test, and real shells on a real terminal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Stdio;
use std::time::Duration;

use guest::console::{Console, ConsoleOptions, From, Login};
use guest::{Cause, Chunk, ExitStatus, Session};
use regex::Regex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::process::{Child, Command};

const LIMIT: Duration = Duration::from_secs(20);

/// A console whose guest is the test.
fn console() -> (Console, DuplexStream) {
    let (ours, theirs) = duplex(64 << 10);
    (
        Console::start(ours, ConsoleOptions::default()).unwrap(),
        theirs,
    )
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Reads what is typed until it holds a text.
async fn typed(guest: &mut DuplexStream, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        let mut byte = [0];
        guest.read_exact(&mut byte).await.unwrap();
        text.push(char::from(byte[0]));
    }
    text
}

/// The mark that a line tells a shell to answer with.
fn mark(line: &str) -> String {
    let after = line.split("vt_m=").nth(1).unwrap();
    after.split(';').next().unwrap().to_string()
}

/// Plays a shell that answers its first question.
async fn say_hello(guest: &mut DuplexStream) {
    let line = typed(guest, "done\n").await;
    let ready = format!("\r\nVT-READY-{}\r\n", mark(&line));
    guest.write_all(ready.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn patterns_are_found_across_pieces_noise_and_history() {
    let (console, mut guest) = console();
    guest
        .write_all(b"\x1b[1mfirst\x1b[0m line\r\nsec")
        .await
        .unwrap();
    let mut reader = console.reader(From::Start);
    let found = reader.expect(&regex("line"), LIMIT).await.unwrap();
    assert_eq!(
        (found.before.as_str(), found.text.as_str()),
        ("first ", "line")
    );
    guest.write_all(b"ond: a\x1b[3").await.unwrap();
    guest.write_all(b"2mb\n").await.unwrap();
    let patterns = [&regex("never"), &regex("second: (ab)")];
    let (index, found) = reader.expect_any(&patterns, LIMIT).await.unwrap();
    assert_eq!((index, found.text.as_str()), (1, "second: ab"));
}

#[tokio::test]
async fn a_pattern_that_does_not_come_is_told_with_the_last_line() {
    let (console, mut guest) = console();
    guest
        .write_all(b"Kernel panic - not syncing\r\n\r\n")
        .await
        .unwrap();
    let error = console
        .reader(From::Start)
        .expect(&regex("login:"), Duration::from_millis(50))
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(error.is_timeout());
    assert!(
        text.contains("login:") && text.contains("Kernel panic - not syncing"),
        "{text}"
    );
}

#[tokio::test]
async fn a_closed_console_ends_waits_at_once_but_what_it_said_is_still_found() {
    let (console, mut guest) = console();
    guest.write_all(b"last words").await.unwrap();
    let mut reader = console.reader(From::Start);
    drop(guest);
    reader.expect(&regex("words"), LIMIT).await.unwrap();
    let error = reader.expect(&regex("more"), LIMIT).await.unwrap_err();
    assert!(error.is_closed(), "{error}");
    console.closed().await;
    let late = console.reader(From::Now).expect(&regex("x"), LIMIT).await;
    assert!(late.unwrap_err().is_closed());
}

#[tokio::test]
async fn watchers_get_every_line_of_a_flood_and_the_history_stays_bounded() {
    let (ours, mut guest) = duplex(1 << 10);
    let options = ConsoleOptions {
        history: 10_000,
        ..ConsoleOptions::default()
    };
    let console = Console::start(ours, options).unwrap();
    let mut lines = console.lines();
    tokio::spawn(async move {
        for n in 0..20_000 {
            guest
                .write_all(format!("[{n}] flood\r\n").as_bytes())
                .await
                .unwrap();
        }
        guest.write_all(b"no end").await.unwrap();
    });
    for n in 0..20_000 {
        assert_eq!(lines.next().await.unwrap().text, format!("[{n}] flood"));
    }
    assert_eq!(lines.next().await.unwrap().text, "no end");
    assert_eq!(lines.next().await, None);
    assert!(console.history().len() <= 20_000);
    assert_eq!(console.last_line().as_deref(), Some("no end"));
}

#[tokio::test]
async fn the_log_has_every_line_with_its_time_and_unfinished_ones_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("serial.log");
    let (ours, mut guest) = duplex(1 << 10);
    let options = ConsoleOptions {
        log: Some(path.clone()),
        ..ConsoleOptions::default()
    };
    let console = Console::start(ours, options).unwrap();
    guest.write_all(b"one\r\ntw").await.unwrap();
    guest.write_all(b"o\r\n[root@tiny ~]# ").await.unwrap();
    drop(guest);
    console.closed().await;
    let text = std::fs::read_to_string(path).unwrap();
    let expected = regex(r"^[\d:.]{12} one\n[\d:.]{12} two\n[\d:.]{12} \[root@tiny ~\]# $");
    assert!(expected.is_match(&text), "{text:?}");
}

#[tokio::test]
async fn a_login_survives_the_boot_the_echo_and_a_prompt_in_pieces() {
    let (console, mut guest) = console();
    let script = tokio::spawn(async move {
        guest
            .write_all(b"[ 0.1] booting\r\nWelcome! Please do not login: yet\r\n\r\njeos log")
            .await
            .unwrap();
        guest.write_all(b"in: ").await.unwrap();
        assert_eq!(typed(&mut guest, "\n").await, "root\n");
        guest.write_all(b"root\r\nPassword: ").await.unwrap();
        assert_eq!(typed(&mut guest, "\n").await, "secret\n");
        guest
            .write_all(b"\r\nLast login: today\r\n\x1b[?2004h\x1b]0;root@jeos: ~\x07root@jeos:~# ")
            .await
            .unwrap();
        say_hello(&mut guest).await;
        guest
    });
    let login = Login::as_user("root", "secret");
    console.wait_for_login(&login, LIMIT).await.unwrap();
    script.await.unwrap();
}

#[tokio::test]
async fn a_prompt_is_waited_for_and_left_as_it_is() {
    let (console, mut guest) = console();
    guest.write_all(b"[ 0.1] booting\r\n").await.unwrap();
    let login = Login::default();
    let early = console
        .wait_for_prompt(&login, Duration::from_millis(50))
        .await;
    assert!(early.unwrap_err().is_timeout());
    guest.write_all(b"[root@tiny root]# ").await.unwrap();
    console.wait_for_prompt(&login, LIMIT).await.unwrap();
    let mut byte = [0];
    let typed = tokio::time::timeout(Duration::from_millis(50), guest.read(&mut byte));
    assert!(typed.await.is_err(), "{byte:?} was typed");
}

#[tokio::test]
async fn a_refused_login_is_told_at_once() {
    let (console, mut guest) = console();
    let script = tokio::spawn(async move {
        guest.write_all(b"jeos login: ").await.unwrap();
        typed(&mut guest, "\n").await;
        guest.write_all(b"Password: ").await.unwrap();
        typed(&mut guest, "\n").await;
        guest
            .write_all(b"\r\nLogin incorrect\r\njeos login: ")
            .await
            .unwrap();
        guest
    });
    let login = Login::as_user("root", "wrong");
    let error = console.wait_for_login(&login, LIMIT).await.unwrap_err();
    assert!(
        matches!(&*error.cause, Cause::LoginRefused(line) if line == "Login incorrect"),
        "{error}"
    );
    script.await.unwrap();
}

#[tokio::test]
async fn a_guest_that_asks_for_a_name_nobody_gave_is_told_as_that() {
    let (console, mut guest) = console();
    guest.write_all(b"jeos login: ").await.unwrap();
    let error = console
        .wait_for_login(&Login::default(), Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(
        matches!(&*error.cause, Cause::NoCredentials("user name")),
        "{error}"
    );
}

#[tokio::test]
async fn a_prompt_drowned_by_kernel_messages_is_seen() {
    let (console, mut guest) = console();
    let script = tokio::spawn(async move {
        guest
            .write_all(b"[root@tiny ~]# [    3.123456] random: crng init done\r\n")
            .await
            .unwrap();
        let line = typed(&mut guest, "done\n").await;
        assert!(line.starts_with("vt_m="), "{line:?}");
        // Nor does a message harm the answer.
        let ready = format!("\r\nVT-READY-{}\r\n", mark(&line));
        let (head, tail) = ready.split_at(6);
        let torn = format!("{head}[    3.234567] usb: new device\r\n{tail}");
        guest.write_all(torn.as_bytes()).await.unwrap();
        guest
    });
    console
        .wait_for_login(&Login::default(), LIMIT)
        .await
        .unwrap();
    script.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_prompt_lost_in_a_flood_without_end_is_called_up_again() {
    let (console, mut guest) = console();
    let flood = tokio::spawn(async move {
        let mut byte = [0];
        loop {
            tokio::select! {
                read = guest.read_exact(&mut byte) => {
                    read.unwrap();
                    assert_eq!(byte, *b"\n");
                    // It never stands at the end of what has come.
                    let prompt = b"[root@tiny ~]# [    3.123456] flood\r\n";
                    guest.write_all(prompt).await.unwrap();
                }
                () = tokio::time::sleep(Duration::from_millis(10)) => {
                    let message = b"[    3.123456] flood\r\n";
                    guest.write_all(message).await.unwrap();
                }
            }
        }
    });
    let login = Login::default();
    console.wait_for_prompt(&login, LIMIT).await.unwrap();
    flood.abort();
}

#[tokio::test]
async fn a_closing_mark_torn_by_a_kernel_message_is_asked_for_again() {
    let (console, mut guest) = console();
    let script = tokio::spawn(async move {
        say_hello(&mut guest).await;
        let line = typed(&mut guest, "vt_r\n").await;
        let name = mark(&line);
        guest
            .write_all(
                format!("\r\nVT-BEGIN-{name}\r\nout\r\n\r\nVT-END-{}", &name[..4]).as_bytes(),
            )
            .await
            .unwrap();
        guest
            .write_all(format!("[ 9.9] usb: new device\r\n{}:5:\r\n", &name[4..]).as_bytes())
            .await
            .unwrap();
        typed(&mut guest, "vt_a\n").await;
        guest
            .write_all(format!("\r\nVT-END-{}:5:\r\n", name).as_bytes())
            .await
            .unwrap();
        guest
    });
    let mut shell = console.shell(LIMIT).await.unwrap();
    let output = shell.run("anything", LIMIT).await.unwrap();
    assert_eq!(output.status, ExitStatus::Code(5));
    assert!(output.stdout.starts_with(b"out\n"), "{output:?}");
    script.await.unwrap();
}

#[tokio::test]
async fn a_guest_that_never_answers_is_given_up_in_time() {
    let (console, _guest) = console();
    let error = console.shell(Duration::from_millis(100)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.waited < Duration::from_secs(5));
}

/// A real shell on a real terminal, through script(1) of bsdutils, which every Debian has.
struct RealShell {
    console: Console,
    _child: Child,
}

fn real_shell(shell: &str) -> RealShell {
    // Whoever started the tests in the background had interrupts ignored; a login does not.
    let mut child = Command::new("env")
        .args(["--default-signal", "script", "-qfec", shell, "/dev/null"])
        .env("PS1", "[root@real ~]# ")
        .env("TERM", "vt220")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ends = tokio::io::join(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let console = Console::start(ends, ConsoleOptions::default()).unwrap();
    RealShell {
        console,
        _child: child,
    }
}

const SHELLS: [&str; 2] = ["dash -i", "bash --norc -i"];

#[tokio::test]
async fn commands_give_status_and_exactly_their_output() {
    for name in SHELLS {
        let real = real_shell(name);
        let mut shell = real
            .console
            .wait_for_login(&Login::default(), LIMIT)
            .await
            .unwrap();
        let long = "x".repeat(30_000);
        for (command, status, stdout) in [
            ("echo hello", 0, "hello\n"),
            ("printf 'no end'", 0, "no end"),
            ("true", 0, ""),
            ("exit_status() { return 42; }; exit_status", 42, ""),
            ("printf '\\n\\na\\n'", 0, "\n\na\n"),
            ("cat", 0, ""),
            (
                "echo \"it's\" '$HOME' \"a\tb\" \\\\",
                0,
                "it's $HOME a\tb \\\n",
            ),
            ("for i in 1 2\ndo\n  echo $i\ndone", 0, "1\n2\n"),
            ("cat <<E\nhere\nE", 0, "here\n"),
            ("v=kept; cd /", 0, ""),
            ("echo $v; pwd", 0, "kept\n/\n"),
            (&format!("printf %s {long}"), 0, &long),
        ] {
            let output = shell.run(command, LIMIT).await.unwrap();
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                stdout,
                "{name}: {command:.100}"
            );
            assert_eq!(
                output.status,
                ExitStatus::Code(status),
                "{name}: {command:.100}"
            );
        }
    }
}

#[tokio::test]
async fn logging_in_again_finds_the_shell_that_no_longer_prompts() {
    for name in SHELLS {
        let real = real_shell(name);
        let login = Login::default();
        let mut shell = real.console.wait_for_login(&login, LIMIT).await.unwrap();
        shell.run("v=kept", LIMIT).await.unwrap();
        drop(shell);
        let mut shell = real.console.wait_for_login(&login, LIMIT).await.unwrap();
        assert_eq!(
            shell.run("echo $v", LIMIT).await.unwrap().stdout_text(),
            "kept"
        );
    }
}

#[tokio::test]
async fn logging_in_after_a_reset_does_not_ask_the_shell_of_before() {
    let (console, mut guest) = console();
    guest.write_all(b"[root@tiny ~]# ").await.unwrap();
    let login = Login::default();
    let (shell, ()) = tokio::join!(console.wait_for_login(&login, LIMIT), say_hello(&mut guest));
    drop(shell.unwrap());
    console.restarted();
    let (shell, ()) = tokio::join!(console.wait_for_login(&login, LIMIT), async {
        let mut byte = [0];
        let typed = tokio::time::timeout(Duration::from_millis(50), guest.read(&mut byte));
        assert!(typed.await.is_err(), "{byte:?} was typed before the prompt");
        guest.write_all(b"[root@tiny ~]# ").await.unwrap();
        say_hello(&mut guest).await;
    });
    shell.unwrap();
}

#[tokio::test]
async fn logging_in_after_a_restart_waits_for_the_new_shell() {
    let (console, mut guest) = console();
    let script = tokio::spawn(async move {
        guest.write_all(b"[root@tiny ~]# ").await.unwrap();
        say_hello(&mut guest).await;
        guest
            .write_all(b"[ 9.9] reboot: Restarting system\r\n")
            .await
            .unwrap();
        guest
            .write_all(b"[ 0.0] Linux version\r\njeos login: ")
            .await
            .unwrap();
        assert_eq!(typed(&mut guest, "\n").await, "root\n");
        guest.write_all(b"Password: ").await.unwrap();
        assert_eq!(typed(&mut guest, "\n").await, "secret\n");
        guest.write_all(b"\r\n[root@jeos ~]# ").await.unwrap();
        say_hello(&mut guest).await;
        guest
    });
    console
        .wait_for_login(&Login::default(), LIMIT)
        .await
        .unwrap();
    let mut restarted = console.reader(From::Start);
    restarted.expect(&regex("jeos login"), LIMIT).await.unwrap();
    let login = Login::as_user("root", "secret");
    console.wait_for_login(&login, LIMIT).await.unwrap();
    script.await.unwrap();
}

#[tokio::test]
async fn standard_error_is_in_the_output_and_a_syntax_error_is_a_failed_command() {
    for name in SHELLS {
        let real = real_shell(name);
        let mut shell = real.console.shell(LIMIT).await.unwrap();
        let output = shell
            .run("echo oops >&2; exit_code=3; sh -c 'exit 3'", LIMIT)
            .await
            .unwrap();
        assert_eq!(
            (output.stdout_text().as_str(), output.status),
            ("oops", ExitStatus::Code(3))
        );
        let output = shell.run("if then fi (", LIMIT).await.unwrap();
        assert!(!output.status.success(), "{name}");
        let output = shell.run("echo fine", LIMIT).await.unwrap();
        assert_eq!(output.stdout_text(), "fine", "{name}");
    }
}

#[tokio::test]
async fn a_background_job_that_ends_leaves_the_shell_as_it_is() {
    let shells = ["dash -i", "bash --norc -i", "busybox sh -i"];
    for name in shells {
        if name.starts_with("busybox") && !has_busybox().await {
            eprintln!("left out: no busybox on this machine");
            continue;
        }
        let real = real_shell(name);
        let mut shell = real.console.shell(LIMIT).await.unwrap();
        shell
            .run("kept=1; (sleep 0.2; echo job is done) &", LIMIT)
            .await
            .unwrap();
        let mut history = real.console.reader(From::Start);
        history.expect(&regex("job is done"), LIMIT).await.unwrap();
        let output = shell
            .run("true; echo $kept; (exit 5)", LIMIT)
            .await
            .unwrap();
        assert_eq!(output.stdout_text(), "1", "{name}");
        assert_eq!(output.status, ExitStatus::Code(5), "{name}");
    }
}

async fn has_busybox() -> bool {
    let status = Command::new("busybox")
        .arg("true")
        .stdout(Stdio::null())
        .status();
    status.await.is_ok_and(|status| status.success())
}

#[tokio::test]
async fn large_output_comes_whole() {
    let real = real_shell("dash -i");
    let mut shell = real.console.shell(LIMIT).await.unwrap();
    let output = shell.run("seq 1 300000", LIMIT).await.unwrap();
    let text = output.stdout_text();
    assert_eq!(text.lines().count(), 300_000);
    assert!(text.lines().zip(1..).all(|(line, n)| line == n.to_string()));
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_interrupted_and_the_shell_goes_on() {
    for name in SHELLS {
        let real = real_shell(name);
        let mut shell = real.console.shell(LIMIT).await.unwrap();
        let error = shell
            .run("echo begun; sleep 1000", Duration::from_millis(500))
            .await
            .unwrap_err();
        assert!(error.is_timeout(), "{name}: {error}");
        assert!(error.to_string().contains("sleep 1000"), "{error}");
        let output = shell.run("echo alive", LIMIT).await.unwrap();
        assert_eq!(output.stdout_text(), "alive", "{name}");
    }
}

#[tokio::test]
async fn an_unbalanced_quote_cannot_take_the_shell_away() {
    let real = real_shell("dash -i");
    let mut session = Session::Console(Box::new(real.console.shell(LIMIT).await.unwrap()));
    assert_eq!(session.kind(), "console");
    let output = session.run("echo 'open", LIMIT).await.unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(
        session.run("echo x", LIMIT).await.unwrap().stdout_text(),
        "x"
    );
}

#[tokio::test]
async fn a_command_that_ends_the_shell_is_told_as_that() {
    // The one that takes its place knows nothing.
    let real = real_shell("bash --norc -c 'while :; do dash -i; done'");
    let mut shell = real.console.shell(LIMIT).await.unwrap();
    let error = shell.run("exit 3", LIMIT).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::LoggedOut), "{error}");
    let mut shell = real.console.shell(LIMIT).await.unwrap();
    let output = shell.run("(exit 3)", LIMIT).await.unwrap();
    assert_eq!(output.status, ExitStatus::Code(3));
}

#[tokio::test]
async fn exact_output_and_input_are_any_bytes_on_both_streams() {
    for name in SHELLS {
        let real = real_shell(name);
        let mut shell = real.console.shell(LIMIT).await.unwrap();
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
        let echo = guest::Command::new("cat; echo err >&2; exit 4").input(bytes.clone());
        let output = shell.run(echo.exact(), LIMIT).await.unwrap();
        assert!(output.stdout == bytes, "{name}");
        assert_eq!(output.stderr, b"err\n", "{name}");
        assert_eq!(output.status, ExitStatus::Code(4), "{name}");
        let nothing = guest::Command::new("cat").exact();
        assert!(shell.run(nothing, LIMIT).await.unwrap().stdout.is_empty());
        let lines = guest::Command::new("sort").input("b\na\n");
        let output = shell.run(lines, LIMIT).await.unwrap();
        assert_eq!(output.stdout_text(), "a\nb", "{name}");
        let unbalanced = guest::Command::new("echo 'open").exact();
        let output = shell.run(unbalanced, LIMIT).await.unwrap();
        assert!(!output.status.success() && !output.stderr.is_empty());
        let folder = shell.run("ls -d \"$vt_d\"", LIMIT).await.unwrap();
        assert!(!folder.status.success(), "files are left behind");
    }
}

#[tokio::test]
async fn exactness_survives_messages_in_the_midst_of_every_line() {
    // Messages of a kernel, as it puts them on the same terminal.
    let flood = "(while sleep 0.01; do printf '[   12.345678] flood of messages\\r\\n' >/dev/tty; done) & exec dash -i";
    let real = real_shell(&format!("dash -c \"{flood}\""));
    let mut shell = real.console.shell(LIMIT).await.unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n ^ (n >> 8)) as u8).collect();
    let echo = guest::Command::new("cat").input(bytes.clone()).exact();
    let output = shell.run(echo, LIMIT).await.unwrap();
    assert!(output.stdout == bytes);
    assert!(real.console.history().contains("flood of messages"));
}

#[tokio::test]
async fn output_of_a_command_comes_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    for name in SHELLS {
        let real = real_shell(name);
        let mut session = Session::Console(Box::new(real.console.shell(LIMIT).await.unwrap()));
        let _ = std::fs::remove_file(&go);
        let line = format!(
            "echo first; while ! [ -e {} ]; do sleep 0.01; done; echo second; (exit 5)",
            go.display()
        );
        let mut running = session.start(line, LIMIT).await.unwrap();
        let first = running.next_chunk(LIMIT).await.unwrap();
        assert_eq!(first, Some(Chunk::Stdout(b"first".to_vec())), "{name}");
        let refused = running.write(b"input", LIMIT).await.unwrap_err();
        assert!(matches!(&*refused.cause, Cause::Unsupported { .. }));
        std::fs::write(&go, "").unwrap();
        let rest = running.wait(LIMIT).await.unwrap();
        assert_eq!(rest.stdout_text().trim(), "second", "{name}");
        assert_eq!(rest.status, ExitStatus::Code(5), "{name}");

        let running = session.start("sleep 1000", LIMIT).await.unwrap();
        running.kill(LIMIT).await.unwrap();
        drop(session.start("sleep 1000", LIMIT).await.unwrap());
        let output = session.run("echo alive", LIMIT).await.unwrap();
        assert_eq!(output.stdout_text(), "alive", "{name}");
    }
}

#[tokio::test]
async fn files_are_copied_whole_over_a_console() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let real = real_shell("dash -i");
    let mut session = Session::Console(Box::new(real.console.shell(LIMIT).await.unwrap()));
    for size in [0, 1, 70_000_u32] {
        let content: Vec<u8> = (0..size).map(|n| (n * 7) as u8).collect();
        std::fs::write(at("local"), &content).unwrap();
        let guest = at("the guest's");
        let guest = guest.to_str().unwrap();
        let there = session.copy_to(&at("local"), guest, LIMIT).await.unwrap();
        let back = session.copy_from(guest, &at("back"), LIMIT).await.unwrap();
        assert_eq!((there.bytes, &there), (u64::from(size), &back));
        assert!(std::fs::read(at("back")).unwrap() == content);
    }
    let lost = session.copy_from("/no/such/file", &at("back"), LIMIT).await;
    assert!(matches!(&*lost.unwrap_err().cause, Cause::GuestFile(_)));
    let refused = session
        .copy_to(&at("back"), "/no/such/folder/file", LIMIT)
        .await;
    assert!(matches!(&*refused.unwrap_err().cause, Cause::GuestFile(_)));
    assert_eq!(std::fs::metadata(at("back")).unwrap().len(), 70_000);
}
