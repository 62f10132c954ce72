//! SSH against a client that is a script of ours: it plays `ssh` and the guest behind it on this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use guest::{Cause, Chunk, Command, ExitStatus, Session, Ssh, SshLogin};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const LIMIT: Duration = Duration::from_secs(20);

/// Tells a server's presence, then hangs up: all that is asked of it directly.
async fn greeter(greeting: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(greeting).await;
        }
    });
    address
}

struct Lab {
    folder: TempDir,
    login: SshLogin,
}

/// `master` is what the script does to connect; commands it runs itself.
async fn lab(master: &str) -> Lab {
    lab_of(b"SSH-2.0-test\r\n", master, "exec sh -c \"$last\"").await
}

/// With a server of this name, and `command` as what the script does to run a command.
async fn lab_of(server: &'static [u8], master: &str, command: &str) -> Lab {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("ssh");
    let script = format!(
        "#!/bin/sh\nfor word; do last=$word; case $word in -N) master=1;; esac; done\n\
         if [ \"$master\" ]; then\n{master}\nfi\n{command}\n"
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let login = SshLogin {
        program,
        ..SshLogin::new(greeter(server).await, "root", folder.path())
    };
    Lab { folder, login }
}

const CONNECT: &str = "echo connected; exec sleep 1000";

async fn connected() -> (Session, TempDir) {
    let lab = lab(CONNECT).await;
    let ssh = Ssh::connect(lab.login, None, LIMIT).await.unwrap();
    (Session::Ssh(ssh), lab.folder)
}

#[tokio::test]
async fn commands_give_status_and_both_streams_exactly() {
    let (mut session, _folder) = connected().await;
    assert_eq!(session.kind(), "ssh");
    for (line, status, stdout, stderr) in [
        ("echo out; echo err >&2", 0, "out\n", "err\n"),
        ("exit 255", 255, "", ""),
        ("kill -9 $$", 137, "", ""),
        ("printf 'no end'", 0, "no end", ""),
        ("echo \"it's\" '$HOME'", 0, "it's $HOME\n", ""),
        ("cat", 0, "", ""),
    ] {
        let output = session.run(line, LIMIT).await.unwrap();
        assert_eq!(output.status, ExitStatus::Code(status), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), stdout, "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), stderr, "{line}");
    }
    let syntax = session.run("if then (", LIMIT).await.unwrap();
    assert!(!syntax.status.success() && !syntax.stderr.is_empty());
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n * 7) as u8).collect();
    let echo = Command::new("cat").input(bytes.clone());
    assert!(session.run(echo, LIMIT).await.unwrap().stdout == bytes);
    let deaf = Command::new("true").input(bytes);
    assert!(session.run(deaf, LIMIT).await.unwrap().status.success());
}

#[tokio::test]
async fn a_background_process_that_holds_the_streams_does_not_hold_the_command() {
    let (mut session, _folder) = connected().await;
    let started = Instant::now();
    let output = session.run("sleep 30 & echo $!", LIMIT).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    let pid: i32 = output.stdout_text().parse().unwrap();
    session.run(format!("kill {pid}"), LIMIT).await.unwrap();
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_it_started() {
    let (mut session, folder) = connected().await;
    let pids = folder.path().join("pids");
    let line = format!(
        "trap '' INT TERM HUP; sleep 1000 & echo $$ $! >{}; wait",
        pids.display()
    );
    let error = session.run(line, Duration::from_secs(1)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_gone(&pids).await;
}

/// Waits until none of the processes named in a file runs.
async fn assert_gone(file: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let deadline = Instant::now() + LIMIT;
    for pid in text.split_whitespace() {
        loop {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            if stat.is_empty() || stat.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < deadline, "process {pid} still runs");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
async fn output_comes_while_the_command_runs_and_input_reaches_it() {
    let (mut session, _folder) = connected().await;
    let line = "echo ready; while read line; do echo got $line; done; echo last >&2; exit 4";
    let mut running = session.start(line, LIMIT).await.unwrap();
    let ready = running.next_chunk(LIMIT).await.unwrap();
    assert_eq!(ready, Some(Chunk::Stdout(b"ready\n".to_vec())));
    running.write(b"one\n", LIMIT).await.unwrap();
    let got = running.next_chunk(LIMIT).await.unwrap();
    assert_eq!(got, Some(Chunk::Stdout(b"got one\n".to_vec())));
    let nothing = running.next_chunk(Duration::from_millis(50)).await;
    assert!(nothing.unwrap_err().is_timeout());
    running.write(b"two\n", LIMIT).await.unwrap();
    let rest = running.wait(LIMIT).await.unwrap();
    assert_eq!(rest.stdout_text(), "got two");
    assert_eq!(
        (rest.stderr_text().as_str(), rest.status),
        ("last", ExitStatus::Code(4))
    );
}

#[tokio::test]
async fn a_running_command_is_killed_on_demand_and_when_it_is_forgotten() {
    let (mut session, folder) = connected().await;
    for forget in [false, true] {
        let pids = folder.path().join(format!("pids-{forget}"));
        let line = format!("echo $$ >{}; echo begun; sleep 1000; true", pids.display());
        let mut running = session.start(line, LIMIT).await.unwrap();
        running.next_chunk(LIMIT).await.unwrap();
        match forget {
            true => drop(running),
            false => running.kill(LIMIT).await.unwrap(),
        }
        assert_gone(&pids).await;
    }
}

/// Dropbear before 2024.86 closes a channel that is being opened when it hears of the end of another's command.
#[tokio::test]
async fn nothing_is_asked_of_a_dropbear_before_the_command_before_has_parted() {
    let lingering = "sh -c \"$last\"; ended=$?; sleep 0.3; touch ${0%/*}/parted; exit $ended";
    let lab = lab_of(b"SSH-2.0-dropbear_2022.83\r\n", CONNECT, lingering).await;
    let mut session = Session::Ssh(Ssh::connect(lab.login, None, LIMIT).await.unwrap());
    let parted = lab.folder.path().join("parted");
    for (end, limit) in [("true", LIMIT), ("sleep 1000", Duration::from_millis(500))] {
        let first = format!("rm -f {}; {end}", parted.display());
        let first = session.run(first, limit).await;
        assert_eq!(first.is_err(), limit < LIMIT);
        let second = format!("cat {}", parted.display());
        let second = session.run(second, LIMIT).await.unwrap();
        assert!(second.status.success(), "{}", second.stderr_text());
    }
}

#[tokio::test]
async fn copies_are_whole_checked_and_keep_their_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let (mut session, folder) = connected().await;
    let at = |name: &str| folder.path().join(name);
    for size in [0, 1, 3_000_017] {
        let content: Vec<u8> = (0..size).map(|n: u32| ((n * 31) >> 3) as u8).collect();
        std::fs::write(at("local"), &content).unwrap();
        std::fs::set_permissions(at("local"), PermissionsExt::from_mode(0o750)).unwrap();
        let guest = at("the guest's");
        let guest = guest.to_str().unwrap();
        let there = session.copy_to(&at("local"), guest, LIMIT).await.unwrap();
        let back = session.copy_from(guest, &at("back"), LIMIT).await.unwrap();
        assert_eq!((there.bytes, &there), (u64::from(size), &back));
        assert!(std::fs::read(at("back")).unwrap() == content);
        let mode = std::fs::metadata(guest).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
    }
}

#[tokio::test]
async fn a_copy_that_fails_leaves_what_was_there_and_nothing_else() {
    let (mut session, folder) = connected().await;
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("kept"), "old").unwrap();
    let missing = at("missing");
    let error = session
        .copy_from(missing.to_str().unwrap(), &at("kept"), LIMIT)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    assert_eq!(std::fs::read(at("kept")).unwrap(), b"old");
    std::fs::create_dir(at("directory")).unwrap();
    let directory = at("directory");
    for target in [directory.to_str().unwrap(), "/nowhere/at/all"] {
        let error = session
            .copy_to(&at("kept"), target, LIMIT)
            .await
            .unwrap_err();
        assert!(matches!(&*error.cause, Cause::GuestFile(_)), "{error}");
    }
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["directory", "kept", "ssh"]);
}

#[tokio::test]
async fn a_refused_login_is_told_at_once_and_a_server_that_hangs_up_is_tried_again() {
    let refusing = lab("echo 'root@guest: Permission denied (publickey).' >&2; exit 255").await;
    let error = Ssh::connect(refusing.login, None, LIMIT).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::LoginRefused(_)), "{error}");

    let starting = "if ! [ -e \"$0.tried\" ]; then : >\"$0.tried\"; echo 'Connection reset by peer' >&2; exit 255; fi\n";
    let starting = lab(&format!("{starting}{CONNECT}")).await;
    Ssh::connect(starting.login, None, LIMIT).await.unwrap();

    let never = lab("echo 'Connection reset by peer' >&2; exit 255").await;
    let error = Ssh::connect(never.login, None, Duration::from_millis(500)).await;
    let error = error.unwrap_err();
    assert!(
        error.is_timeout() && error.to_string().contains("reset by peer"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_that_does_not_greet_is_waited_for_and_given_up_in_time() {
    let lab = lab(CONNECT).await;
    let login = SshLogin {
        address: greeter(b"").await,
        ..lab.login
    };
    let error = Ssh::connect(login, None, Duration::from_millis(300))
        .await
        .unwrap_err();
    assert!(error.is_timeout() && error.waited < LIMIT, "{error}");
}

#[tokio::test]
async fn a_password_reaches_the_client_by_askpass_only() {
    let check = "for word; do case $word in *secret*) exit 1;; esac; done\n\
                 [ \"$(\"$SSH_ASKPASS\" 'Password:')\" = 'my secret' ] && [ \"$SSH_ASKPASS_REQUIRE\" = force ] || exit 1\n";
    let lab = lab(&format!("{check}{CONNECT}")).await;
    let login = SshLogin {
        password: Some("my secret".to_owned()),
        ..lab.login
    };
    assert!(!format!("{login:?}").contains("my secret"));
    Ssh::connect(login, None, LIMIT).await.unwrap();
}

#[tokio::test]
async fn a_host_without_ssh_is_told_the_package() {
    let lab = lab(CONNECT).await;
    let login = SshLogin {
        program: "/nowhere/ssh".into(),
        ..lab.login
    };
    let error = Ssh::connect(login, None, LIMIT).await.unwrap_err();
    assert!(matches!(&*error.cause, Cause::NoProgram { .. }), "{error}");
    assert!(error.to_string().contains("openssh-client"), "{error}");
}
