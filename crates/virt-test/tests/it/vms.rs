//! Machines that stay up until they are stopped.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use crate::lab::Lab;

/// `virt-test vm` with logs in this lab.
fn start(lab: &Lab, options: &[&str]) -> crate::lab::Said {
    let logs = lab.logs().display().to_string();
    lab.say(&[&["vm", "start", "--logs-dir", &logs], options].concat())
}

#[test]
fn a_machine_stays_up_until_it_is_stopped_and_is_found_by_its_name() {
    let lab = Lab::new();
    let said = start(&lab, &[]);
    assert_eq!((said.status, &*said.out), (0, "vm\n"), "{said:?}");
    let said = start(&lab, &["--name", "other", "--extra", "vga = std"]);
    assert_eq!((said.status, &*said.out), (0, "other\n"), "{said:?}");
    assert_eq!(lab.qemus().len(), 2);

    let said = start(&lab, &["--name", "vm"]);
    assert_eq!(said.status, 4, "{said:?}");
    assert!(
        said.err.contains("there is a machine vm already"),
        "{}",
        said.err
    );

    let list = lab.say(&["vm", "list"]).out;
    assert!(
        list.starts_with("other  vm1") && list.contains("\nvm     vm1"),
        "{list}"
    );
    let said = lab.say(&["vm", "exec", "vm", "--", "sh", "-c", "uname -s; exit 3"]);
    assert_eq!((said.status, &*said.out), (3, "Linux\n"), "{said:?}");
    let said = lab.say(&["vm", "exec", "vm/vm2", "true"]);
    assert!(
        said.status == 125 && said.err.contains("vm2"),
        "a machine it does not have: {said:?}"
    );
    let said = lab.say(&["vm", "qmp", "vm", "query-status"]);
    assert!(said.out.contains("\"status\":\"running\""), "{said:?}");
    let picture = lab.logs().join("picture.png");
    let said = lab.say(&["vm", "screenshot", "other", &picture.display().to_string()]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));

    let said = lab.say(&["vm", "stop", "vm"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(lab.qemus().len(), 1, "it ends before the command does");
    let said = lab.say(&["vm", "exec", "vm", "true"]);
    assert!(
        said.status == 4 && said.err.contains("there are: other"),
        "{said:?}"
    );
    assert_eq!(lab.say(&["vm", "stop", "--all"]).status, 0);
    assert_eq!(lab.say(&["vm", "list"]).out, "");
    lab.assert_no_qemu_is_left();
}

#[test]
fn a_machine_that_cannot_be_started_says_why_and_leaves_no_name_behind() {
    let lab = Lab::new();
    let said = start(&lab, &["--qemu", "/nonexistent"]);
    assert!(
        said.status == 2 && said.err.contains("/nonexistent"),
        "{said:?}"
    );
    assert_eq!(lab.say(&["vm", "list"]).out, "");
    let said = lab.say(&["vm", "exec", "vm", "true"]);
    assert!(said.err.contains("there is none"), "{said:?}");
}

#[test]
fn a_shell_is_a_console_of_a_machine_that_ends_with_it() {
    let lab = Lab::new();
    let logs = lab.logs().display().to_string();
    let mut shell = lab
        .command(&["shell", "--logs-dir", &logs])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut keyboard, mut screen) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    let mut shown = String::new();
    let mut until = |text: &str| {
        let mut bytes = [0; 1024];
        while !shown.contains(text) {
            let count = screen.read(&mut bytes).unwrap();
            assert!(count > 0, "no {text} in {shown}");
            shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    };
    until("]# ");
    keyboard.write_all(b"echo $((40 + 2))\r").unwrap();
    until("42\n");
    // Ctrl-]
    keyboard.write_all(b"\x1d").unwrap();
    assert!(shell.wait().unwrap().success());
    lab.assert_no_qemu_is_left();
}

#[test]
fn a_shell_over_ssh_is_on_the_terminal_and_leaves_no_session_behind() {
    let lab = Lab::new();
    let said = start(&lab, &["--extra", "shell_client = ssh"]);
    assert_eq!(said.status, 0, "{said:?}");
    let said = lab.say(&["vm", "ssh", "vm", "--", "uname -s; exit 3"]);
    assert_eq!((said.status, &*said.out), (3, "Linux\n"), "{said:?}");

    // script(1) has a terminal for it, and hands on its status.
    let ours = lab.command(&["vm", "ssh", "vm"]);
    let line = format!("{} vm ssh vm", ours.get_program().display());
    let mut command = std::process::Command::new("script");
    command.args(["-qefc", &line, "/dev/null"]);
    let ours = ours.get_envs();
    command.envs(ours.filter_map(|(name, value)| Some((name, value?))));
    let mut shell = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut keyboard, mut screen) = (shell.stdin.take().unwrap(), shell.stdout.take().unwrap());
    keyboard
        .write_all(b"test -t 0 && echo terminal $((40 + 2)); exit 5\r")
        .unwrap();
    let mut shown = String::new();
    screen.read_to_string(&mut shown).unwrap();
    assert_eq!(shell.wait().unwrap().code(), Some(5), "{shown}");
    assert!(shown.contains("terminal 42"), "{shown}");

    let socket = lab.say(&["vm", "socket", "vm"]).out;
    let list = ["call", "org.virt-test.session.List"];
    let mut vt = lab.command(&[&list[..], &["--socket", socket.trim()]].concat());
    let said: crate::lab::Said = vt.arg0("vt").output().unwrap().into();
    assert_eq!(said.out.trim(), "sessions: []", "{said:?}");
    assert_eq!(lab.say(&["vm", "stop", "vm"]).status, 0);
    lab.assert_no_qemu_is_left();
}

#[test]
fn a_profile_that_is_named_counts_for_machines_too() {
    let lab = Lab::new();
    let elsewhere = tempfile::tempdir().unwrap();
    for words in [&["serve"][..], &["shell"], &["vm", "start"]] {
        let mut command = lab.command(&[words, &["-P", "nosuch"]].concat());
        let said: crate::lab::Said = command.current_dir(&elsewhere).output().unwrap().into();
        assert!(
            said.status == 4 && said.err.contains("a profile nosuch"),
            "{words:?}: {said:?}"
        );
    }
}

#[test]
fn the_default_profile_says_what_machines_are_like_but_not_which_tests_there_are() {
    let lab = Lab::new();
    let project = tempfile::tempdir().unwrap();
    let text =
        "[profile.default]\ntests = 'boot reboot'\nfilter = ['nosuch']\nqemu = '/nonexistent'\n";
    std::fs::write(project.path().join("virt-test.toml"), text).unwrap();
    for words in [&["serve"][..], &["shell"], &["vm", "start"]] {
        let mut command = lab.command(&[words, &["--logs-dir"]].concat());
        command.arg(lab.logs()).current_dir(&project);
        let said: crate::lab::Said = command.output().unwrap().into();
        assert!(
            said.status == 2 && said.err.contains("/nonexistent"),
            "{words:?}: {said:?}"
        );
    }
}
