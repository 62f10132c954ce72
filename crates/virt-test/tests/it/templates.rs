//! Machines that are cloned instead of booted.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::lab::Lab;

/// Every file of the template a test's machine was cloned from, with its time and what it holds.
fn template(lab: &Lab, test: &str) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let command = directory(lab, test).join("vm1/qemu-command.txt");
    let command = std::fs::read_to_string(command).unwrap();
    let words = shell_words::split(&command.replace("\\\n", " ")).unwrap();
    let mut told = words.iter().flat_map(|word| word.split(','));
    let ram = told.find_map(|word| word.strip_prefix("mem-path="));
    let template = Path::new(ram.unwrap()).parent().unwrap();
    let files = std::fs::read_dir(template).unwrap();
    let files = files.map(|file| {
        let path = file.unwrap().path();
        let modified = path.metadata().unwrap().modified().unwrap();
        let content = std::fs::read(&path).unwrap();
        (path, (modified, content))
    });
    files.collect()
}

fn directory(lab: &Lab, test: &str) -> PathBuf {
    let tests = std::fs::read_dir(lab.latest()).unwrap().flatten();
    let mut tests = tests.filter(|entry| entry.file_name().to_string_lossy().ends_with(test));
    tests.next().unwrap().path()
}

fn log(lab: &Lab, test: &str) -> String {
    std::fs::read_to_string(directory(lab, test).join("debug.log")).unwrap()
}

#[test]
fn a_machine_is_booted_once_and_cloned_from_then_on() {
    let lab = Lab::new();
    // A template of no other test's: its memory is of an odd size.
    let fork = ["-m", "300", "-j", "1"];
    let args = [
        &fork[..],
        &["--tests", "system_powerdown shutdown.by_shell"],
    ]
    .concat();
    let said = lab.run(&args);
    assert_eq!(said.status, 0, "{said:?}");
    let made = template(&lab, "system_powerdown");
    assert!(
        made.keys().any(|file| file.ends_with("ram")),
        "{:?}",
        made.keys()
    );

    let said = lab.run(&args);
    assert_eq!(said.status, 0, "{said:?}");
    for test in ["system_powerdown", "shutdown.by_shell"] {
        let log = log(&lab, test);
        assert!(log.contains("cloning vm1"), "{log}");
        assert!(!log.contains("booting a template"), "{log}");
    }
    let now = template(&lab, "system_powerdown");
    assert!(now.keys().eq(made.keys()), "{:?}", now.keys());
    for (file, before) in made {
        assert!(
            now.get(&file) == Some(&before),
            "{} was changed by a clone",
            file.display()
        );
    }
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}

/// A QEMU that does not start with arguments that match one of these patterns of the shell's.
fn qemu_without(directory: &Path, pattern: &str) -> String {
    let path = directory.join("qemu");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in {pattern}) echo 'not today' >&2; exit 1;; esac\nexec qemu-system-x86_64 \"$@\"\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn run_with(lab: &Lab, qemu: &str, tests: &str) -> String {
    let said = lab.run(&["-m", "300", "-j", "1", "--qemu", qemu, "--tests", tests]);
    assert_eq!(said.status, 0, "{said:?}");
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
    said.out
}

#[test]
fn a_qemu_that_cannot_share_memory_clones_by_stream_and_one_that_cannot_either_boots() {
    let lab = Lab::new();
    let directory = tempfile::tempdir().unwrap();
    let told = |out: &str, what: &str| out.matches(what).count();

    let qemu = qemu_without(directory.path(), "*share=off*");
    let out = run_with(&lab, &qemu, "system_powerdown");
    assert_eq!(
        told(&out, "cannot clone machines by shared memory"),
        1,
        "{out}"
    );
    assert_eq!(told(&out, "NOTE"), 1, "{out}");
    let log = log(&lab, "system_powerdown");
    assert!(
        log.contains("(stream)") && log.contains("cloning vm1"),
        "{log}"
    );

    let qemu = qemu_without(directory.path(), "*-incoming*");
    let out = run_with(&lab, &qemu, "system_powerdown shutdown.by_shell");
    assert_eq!(
        told(&out, "cannot clone machines by shared memory"),
        1,
        "{out}"
    );
    assert_eq!(told(&out, "cannot clone machines by stream"), 1, "{out}");
    assert_eq!(
        told(&out, "machines boot instead of being cloned"),
        1,
        "{out}"
    );
}

#[test]
fn a_clone_that_fails_keeps_its_logs_and_the_machine_boots() {
    let lab = Lab::new();
    let directory = tempfile::tempdir().unwrap();
    let broken = directory.path().join("broken");
    let pattern = format!(
        "*share=off*) test -e {} || exec qemu-system-x86_64 \"$@\"; echo 'not today' >&2; exit 1;; never",
        broken.display()
    );
    let qemu = qemu_without(directory.path(), &pattern);
    let first = run_with(&lab, &qemu, "system_powerdown");
    std::fs::write(broken, "").unwrap();
    let out = run_with(&lab, &qemu, "system_powerdown");
    assert_eq!(
        out.matches("could not be cloned").count(),
        1,
        "{first}\n{out}"
    );
    let test = self::directory(&lab, "system_powerdown");
    let stderr =
        |machine: &str| std::fs::read_to_string(test.join(machine).join("qemu-stderr.log"));
    assert!(stderr("vm1-not-cloned").unwrap().contains("not today"));
    assert!(!stderr("vm1").unwrap().contains("not today"));
}

#[test]
fn templates_are_listed_and_removed() {
    let (lab, data) = (Lab::new(), tempfile::tempdir().unwrap());
    let template = |args: &[&str]| {
        let data = ["--data-dir", data.path().to_str().unwrap()];
        lab.say(&[&["template"], args, &data].concat())
    };
    let said = template(&["list"]);
    assert_eq!((said.status, &*said.out), (0, "0 templates, 0 MiB\n"));
    let key = "0123456789abcdef0123456789abcdef";
    let kept = data.path().join("templates").join(key);
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("ram"), vec![1; 3 << 20]).unwrap();
    std::fs::write(
        data.path().join("templates").join(format!("{key}.lock")),
        "",
    )
    .unwrap();
    let said = template(&["list"]);
    assert!(
        said.out.contains(key) && said.out.contains("1 template, 3 MiB"),
        "{said:?}"
    );
    let said = template(&["list", "--message-format", "json"]);
    let listed: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&listed["key"], &listed["in_use"]),
        (&key.into(), &false.into())
    );
    for (limit, left) in [
        ("--older-than=1h", true),
        ("--max-size=4M", true),
        ("--max-size=2M", false),
    ] {
        let said = template(&["prune", limit]);
        assert_eq!((said.status, kept.exists()), (0, left), "{limit}: {said:?}");
    }
    assert!(
        template(&["prune", "--all"])
            .out
            .starts_with("removed 0 templates")
    );
    assert_eq!(template(&["prune", "--older-than", "soon"]).status, 4);
}

#[test]
fn a_prepared_machine_becomes_the_next_clone_and_none_is_left() {
    let lab = Lab::new();
    let many = [
        "--prepared",
        "1",
        "--repeat",
        "3",
        "-j",
        "1",
        "-m",
        "300",
        "--tests",
        "system_powerdown",
    ];
    let said = lab.run(&many);
    assert_eq!(said.status, 0, "{said:?}");
    let third = directory(&lab, "system_powerdown").with_file_name("prepared");
    assert!(third.is_dir(), "{said:?}");
    let links = std::fs::read_dir(lab.latest()).unwrap().flatten();
    let links = links.filter(|test| test.path().join("vm1").is_symlink());
    let links: Vec<_> = links.map(|test| test.path().join("vm1/qmp.log")).collect();
    assert!(
        !links.is_empty() && links.iter().all(|log| log.is_file()),
        "{links:?}"
    );
    let prepared = std::fs::read_dir(&third).unwrap().count();
    assert_eq!(prepared, links.len(), "what was not used is gone");
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}

#[test]
fn a_prepared_machine_ends_with_a_run_that_is_interrupted() {
    let lab = Lab::new();
    let args = [
        "--prepared",
        "1",
        "-j",
        "1",
        "-m",
        "300",
        "--tests",
        "stop_continue",
        "--extra",
        "pause_time = 60",
    ];
    let mut child = lab.run_until(&args, "cloned vm1");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(8));
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}
