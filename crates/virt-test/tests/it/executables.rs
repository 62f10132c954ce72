//! Programs in any language as tests. All without a machine but the last ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lab::{Lab, Said, finish, signal};

/// Longer than anything here takes on a slow host.
const LIMIT: Duration = Duration::from_secs(180);

/// A folder of tests, which start no machine.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(tests: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("mine/provider.cfg", "vms =\n");
        for (name, body) in tests {
            folder.script(name, body);
        }
        folder
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("mine")
    }

    fn shown(&self) -> String {
        self.path().display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// `mine/NAME.sh`, by the shell.
    fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.write(&format!("mine/{name}.sh"), &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn config(&self, name: &str, text: &str) {
        self.write(&format!("mine/{name}.cfg"), text);
    }

    fn run(&self, lab: &Lab, options: &[&str]) -> Said {
        lab.run(&[&[&*self.shown()], options].concat())
    }
}

/// Runs one program; what comes of it, as `results.json` says it.
fn outcome(body: &str, config: &str) -> (Lab, serde_json::Value) {
    let (lab, folder) = (Lab::new(), Folder::new(&[("it", body)]));
    folder.config("it", config);
    folder.run(&lab, &[]);
    let results = fs::read(lab.latest().join("results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_slice(&results).unwrap();
    let test = results["tests"][0].clone();
    assert_eq!(results["tests"].as_array().unwrap().len(), 1, "{results}");
    (lab, test)
}

fn verdict(body: &str, config: &str) -> (String, String) {
    let (_lab, test) = outcome(body, config);
    let text = |key: &str| test[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("reason"))
}

fn dir(test: &serde_json::Value) -> &Path {
    Path::new(test["dir"].as_str().unwrap())
}

#[test]
fn the_exit_status_is_the_verdict() {
    let reasons = |verdict: &str, reason: &str| (verdict.to_owned(), reason.to_owned());
    assert_eq!(verdict("exit 0", ""), reasons("pass", ""));
    assert_eq!(
        verdict("exit 3", ""),
        reasons("fail", "it.sh exited with status 3")
    );
    assert_eq!(
        verdict("kill -SEGV $$", ""),
        reasons("fail", "it.sh was killed by SIGSEGV")
    );
    let skip = "echo no such card; exit 77";
    assert_eq!(
        verdict(skip, ""),
        reasons("fail", "it.sh exited with status 77")
    );
    assert_eq!(
        verdict(skip, "exec_skip_status = 77"),
        reasons("skip", "no such card")
    );
}

#[test]
fn what_it_said_last_is_told_and_all_it_said_is_kept() {
    let body = "for line in $(seq 100); do echo line $line; done; echo 'to stderr' >&2; exit 1";
    let (_lab, test) = outcome(body, "");
    let told = test["details"][0].as_str().unwrap();
    assert!(
        told.starts_with("last output:\nline 82\n") && told.ends_with("line 100\nto stderr"),
        "{told}"
    );
    let output = fs::read_to_string(dir(&test).join("output")).unwrap();
    assert!(
        output.starts_with("line 1\n") && output.ends_with("line 100\nto stderr\n"),
        "{output}"
    );
    let log = fs::read_to_string(dir(&test).join("debug.log")).unwrap();
    assert!(
        log.contains("output| line 1\n") && log.contains("output| to stderr\n"),
        "{log}"
    );
}

#[test]
fn it_learns_its_parameters_and_leaves_nothing_but_what_it_wants_to_keep() {
    let body = r#"
        set -e
        [ "$VT_mem" = 64 ] && [ "$VT_greeting" = 'good day' ] && [ "$*" = 'one two  three' ]
        [ -z "$VT_stale" ] && [ "$(stat -c %a .)" = 700 ]
        [ "$PWD" = "$VIRT_TEST_SCRATCH" ] && [ "$TMPDIR" = "$PWD" ]
        grep -q '"odd-key": "in the file alone"' "$VIRT_TEST_PARAMS"
        env | grep -q odd && exit 1
        case $VIRT_TEST_NAME in *.mine.it) ;; *) exit 1 ;; esac
        pwd > "$VIRT_TEST_DIR/kept"; touch lost
        [ "$(cut -d ' ' -f 6 /proc/$$/stat)" = $$ ]"#;
    let config = "mem = 64\ngreeting = good day\nodd-key = in the file alone\nexec_args = one 'two  three'\n";
    let (lab, folder) = (Lab::new(), Folder::new(&[("it", body)]));
    folder.config("it", config);
    let mut command = lab.run_command(&[&folder.shown()]);
    let said = Said::from(command.env("VT_stale", "of an outer run").output().unwrap());
    assert_eq!(said.status, 0, "{said:?}");
    let kept = fs::read_dir(fs::canonicalize(lab.latest()).unwrap()).unwrap();
    let kept: Vec<_> = kept
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("kept")).ok())
        .collect();
    assert_eq!(kept.len(), 1);
    assert!(!Path::new(kept[0].trim()).exists(), "{}", kept[0]);
}

#[test]
fn tap_is_understood_where_the_configuration_says_so() {
    let tap = "echo 1..3; echo ok 1 - one; echo diagnosis >&2; echo not ok 2 - two; echo ok 3 '# SKIP no card'";
    let (_lab, test) = outcome(tap, "exec_output = tap");
    assert_eq!(test["reason"], "1 of 3 sub-results failed: two", "{test}");
    let short = verdict("echo 1..2; echo ok", "exec_output = tap");
    assert_eq!(
        short,
        ("fail".into(), "2 sub-results were planned, 1 came".into())
    );
    let died = verdict("echo 1..1; echo ok; exit 5", "exec_output = tap");
    assert_eq!(died, ("fail".into(), "it.sh exited with status 5".into()));
    let todo = verdict(
        "echo 1..1; echo 'not ok 1 - later # TODO'",
        "exec_output = tap",
    );
    assert_eq!(todo.0, "pass");
    assert_eq!(
        verdict("echo not ok 1", "").0,
        "pass",
        "only text, unless said"
    );
}

#[test]
fn what_takes_too_long_is_asked_to_end_and_then_killed() {
    let limit = "test_timeout = 1\nexec_grace = 1\n";
    let polite = "trap 'echo tidied up; exit 0' TERM; while :; do sleep 0.05; done";
    let (_lab, test) = outcome(polite, limit);
    let told = test["details"].to_string();
    assert_eq!(test["verdict"], "fail", "{test}");
    assert!(
        told.contains("it.sh ended after SIGTERM") && told.contains("tidied up"),
        "{told}"
    );
    // What it has started is deaf as well.
    let deaf = "trap '' TERM; sh -c 'while :; do sleep 0.05; done' & while :; do sleep 0.05; done";
    let (_lab, test) = outcome(deaf, limit);
    let told = test["details"].to_string();
    assert!(
        told.contains("did not end within 1.0 s of SIGTERM and was killed"),
        "{told}"
    );
}

#[test]
fn what_is_asked_to_end_still_holds_its_machines_to_tidy_up() {
    // By a connection it has had all along, and by a new one.
    let body = r#"exec perl -MIO::Socket::UNIX -e '
        my $socket = IO::Socket::UNIX->new(Peer => $ENV{VIRT_TEST_SOCKET}) or die;
        sub ask {
            print $socket "{\"method\":\"org.virt-test.test.Info\"}\0";
            $socket->flush;
            local $/ = "\0";
            return <$socket>;
        }
        ask() =~ /"session":false/ or die;
        $SIG{TERM} = sub {
            ask() =~ /"session":false/ and system("vt warn tidied") == 0 and print "tidied up\n";
            exit 0;
        };
        sleep 1 while 1;'"#;
    let (_lab, test) = outcome(body, "test_timeout = 2\n");
    let told = test["details"].to_string();
    assert_eq!(test["verdict"], "fail", "{test}");
    assert!(
        told.contains("it.sh ended after SIGTERM") && told.contains("tidied up"),
        "{told}"
    );
}

#[test]
fn it_stands_still_with_the_run_and_goes_on_with_it() {
    let body = "echo $$ > $VIRT_TEST_DIR/pid; until [ -e $VIRT_TEST_DIR/go ]; do sleep 0.05; done";
    let (lab, folder) = (Lab::new(), Folder::new(&[("it", body)]));
    let child = lab.run_until(&[&folder.shown()], "running it.sh");
    let end = std::time::Instant::now() + LIMIT;
    let until = |what: &str, done: &dyn Fn() -> bool| {
        while !done() {
            assert!(std::time::Instant::now() < end, "waited for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let stat = |pid: &str| fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap();
    let dirs = || fs::read_dir(lab.latest()).unwrap().flatten();
    let pid = || {
        let pids = dirs().filter_map(|entry| fs::read_to_string(entry.path().join("pid")).ok());
        pids.last().unwrap_or_default()
    };
    until("the test to begin", &|| pid().ends_with('\n'));
    signal(child.id(), "TSTP");
    until("the run", &|| {
        stat(&child.id().to_string()).contains(") T ")
    });
    // It is told first, and stands still when it gets the processor.
    until("its test", &|| stat(&pid()).contains(") T "));
    let test = dirs().find(|entry| entry.path().join("pid").exists());
    fs::write(test.unwrap().path().join("go"), "").unwrap();
    signal(child.id(), "CONT");
    let said = finish(child, LIMIT);
    assert_eq!(said.status, 0, "{said:?}");
}

#[test]
fn what_it_leaves_running_is_ended_and_told() {
    // One stays in its session, one does not; a third is gone before anyone need end it.
    let body = "sleep 1000 & echo $! > $VIRT_TEST_DIR/pids; setsid sleep 1000 & echo $! >> $VIRT_TEST_DIR/pids; (sleep 0.05; echo late) &";
    let (_lab, test) = outcome(body, "");
    let reason = test["reason"].as_str().unwrap();
    assert_eq!(test["verdict"], "warn", "{test}");
    let pids = fs::read_to_string(dir(&test).join("pids")).unwrap();
    for pid in pids.lines() {
        assert!(reason.contains(&format!("sleep (pid {pid})")), "{reason}");
        // Who inherited it may not have looked yet.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
    }
    assert_eq!(reason.matches("pid").count(), 2, "{reason}");
    let output = fs::read_to_string(dir(&test).join("output")).unwrap();
    assert_eq!(output, "late\n", "what it says is heard to the end");
}

#[test]
fn an_interrupted_run_ends_it_in_order() {
    let body = "trap 'touch $VIRT_TEST_DIR/tidied; exit' TERM; echo > $VIRT_TEST_DIR/begun; while :; do sleep 0.05; done";
    let (lab, folder) = (Lab::new(), Folder::new(&[("it", body)]));
    let child = lab.run_until(&[&folder.shown()], "running it.sh");
    let test = || {
        let runs = fs::read_dir(lab.latest()).unwrap().flatten();
        let mut dirs = runs.map(|entry| entry.path()).filter(|path| path.is_dir());
        dirs.next().unwrap()
    };
    let end = std::time::Instant::now() + LIMIT;
    while !test().join("begun").exists() {
        assert!(std::time::Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(child.id(), "INT");
    let said = finish(child, LIMIT);
    assert_eq!(said.status, 8, "{said:?}");
    assert!(test().join("tidied").exists());
    assert!(!test().join("scratch").exists());
}

#[test]
fn what_cannot_be_run_is_an_error_with_a_hint() {
    let folder = Folder::new(&[]);
    folder.write("mine/no-bit.sh", "#!/bin/sh\n");
    let odd = folder.script("odd", "");
    fs::write(&odd, "#!/opt/no/such/thing\n").unwrap();
    let arm = folder.script("arm", "");
    let mut elf = vec![0; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[18] = 40;
    fs::write(&arm, elf).unwrap();
    let said = folder.run(&Lab::new(), &[]);
    assert_eq!(said.status, 1, "{said:?}");
    for told in [
        "no-bit: ERROR",
        "hint: chmod +x",
        "odd: ERROR",
        "its interpreter /opt/no/such/thing is not on this host",
        "arm: ERROR",
        "it is a program for arm",
    ] {
        assert!(said.out.contains(told), "{told} is not in {}", said.out);
    }
}

#[test]
fn a_program_or_a_folder_is_run_as_it_is_named() {
    let (lab, folder) = (
        Lab::new(),
        Folder::new(&[("first", ""), ("net/second", "")]),
    );
    let list = |path: &str| lab.say(&["run", path, "--list-tests"]);
    let usual = "kvm.virtio_blk.smp2.virtio_net.JeOS.tiny.x86_64";
    assert_eq!(
        list(&folder.shown()).out,
        format!("{usual}.mine.first\n{usual}.mine.net.second\n")
    );
    let program = format!("{}/first.sh", folder.shown());
    assert_eq!(list(&program).out, format!("{usual}.first\n"));
    let said = lab.say(&["run", "/no/such/test", "--list-tests"]);
    assert_eq!(said.status, 4);
    assert!(said.err.contains("/no/such/test"), "{}", said.err);
    let both = lab.say(&["run", &program, "-c", "x.cfg"]);
    assert_eq!(both.status, 4, "{both:?}");
}

#[test]
fn a_program_may_be_named_by_a_configuration_beside_it() {
    let (lab, folder) = (
        Lab::new(),
        Folder::new(&[("tools/check", "[ \"$1\" = \"$VT_level\" ]")]),
    );
    let config = folder.write(
        "own.cfg",
        "vms =\ntype = exec\nexec_path = mine/tools/check.sh\nvariants:\n    - low:\n        level = 1\n    - high:\n        level = 2\nexec_args = ${level}\n",
    );
    let said = lab.run(&["-c", &config.display().to_string()]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("TESTS PASSED: 2\n"), "{}", said.out);
    let said = lab.run(&[
        "-c",
        &config.display().to_string(),
        "--extra",
        "exec_path =",
    ]);
    assert!(
        said.out
            .contains("exec_path does not say which program is the test"),
        "{}",
        said.out
    );
}

#[test]
fn what_did_not_pass_in_a_folder_is_run_again() {
    let tries = "echo >> \"$VT_tries\"; [ $(wc -l < \"$VT_tries\") -ge 2 ]";
    let (lab, folder) = (
        Lab::new(),
        Folder::new(&[("good", ""), ("second-time", tries)]),
    );
    let counter = folder.write("tries", "");
    folder.config("second-time", &format!("tries = {}\n", counter.display()));
    let said = folder.run(&lab, &["-j", "1"]);
    assert_eq!(said.status, 1, "{said:?}");
    let said = lab.run(&["--rerun"]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.contains("TESTS: 1\n") && said.out.contains("mine.second-time: PASS"),
        "{}",
        said.out
    );
}

#[test]
fn folders_listed_in_virt_test_toml_are_meant_beside_what_comes_along() {
    let (lab, folder) = (Lab::new(), Folder::new(&[("first", "")]));
    folder.write(
        "virt-test.toml",
        "providers = ['mine']\n[profile.other]\nprovider = ['more']\n",
    );
    folder.write("more/second.sh", "#!/bin/sh\n");
    let usual = "kvm.virtio_blk.smp2.virtio_net.JeOS.tiny.x86_64";
    let say = |words: &[&str]| {
        Said::from(
            lab.command(words)
                .current_dir(folder.path())
                .output()
                .unwrap(),
        )
    };
    let all = say(&["run", "--list-tests"]).out;
    assert!(
        all.contains(&format!("{usual}.mine.first\n")) && all.contains(&format!("{usual}.boot\n")),
        "{all}"
    );
    let shown = say(&["run", "--show-config"]).out;
    assert!(
        shown.starts_with("include virt-test:/with:") && shown.ends_with("only mine\n"),
        "{shown}"
    );
    let both = say(&[
        "run",
        "-P",
        "other",
        "--tests",
        "second mine.first",
        "--list-tests",
    ])
    .out;
    assert_eq!(both, format!("{usual}.mine.first\n{usual}.more.second\n"));
    let listed = say(&["provider", "list"]).out;
    assert_eq!(
        listed,
        format!(
            "mine {}\n    first\n",
            fs::canonicalize(folder.path()).unwrap().display()
        )
    );
    assert!(
        say(&["config", "list", "--short"])
            .out
            .contains("mine.first\n")
    );
    folder.write("virt-test.toml", "providers = ['gone']\n");
    let gone = say(&["run", "--list-tests"]);
    assert!(gone.status == 4 && gone.err.contains("gone"), "{gone:?}");
}

#[test]
fn what_tests_need_is_built_once_where_its_line_stands() {
    let folder = Folder::new(&[
        ("good", "[ $(wc -l < ../built) = 1 ]"),
        ("also", ""),
        ("bad", ""),
    ]);
    folder.write(
        "mine/provider.cfg",
        "vms =\nbuild_command = echo built >> ../built\nexec_args = x\n",
    );
    let body = format!(
        "#!/bin/sh\n[ \"$(wc -l < {}/../built)\" = 1 ]\n",
        folder.shown()
    );
    folder.write("mine/good.sh", &body);
    folder.config("bad", "build_command = echo no such library; exit 7");
    let lab = Lab::new();
    let said = folder.run(&lab, &[]);
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.out.contains("mine.good: PASS") && said.out.contains("TESTS PASSED: 2\n"),
        "{}",
        said.out
    );
    assert!(
        said.out
            .contains("build_command `echo no such library; exit 7` exited with status 7")
            && said.out.contains("\n    no such library\n"),
        "{}",
        said.out
    );
}

#[test]
fn what_is_said_by_vt_wins_over_the_exit_status() {
    let reasons = |verdict: &str, reason: &str| (verdict.to_owned(), reason.to_owned());
    assert_eq!(
        verdict("vt skip 'no such card'; exit 3", ""),
        reasons("skip", "no such card")
    );
    assert_eq!(
        verdict("vt fail 'it is wet'", ""),
        reasons("fail", "it is wet")
    );
    assert_eq!(
        verdict("vt warn 'it is damp'", ""),
        reasons("warn", "it is damp")
    );
    let (_lab, test) = outcome(
        "vt subtest one pass; vt subtest two fail 'too wet'; vt phase drying",
        "",
    );
    assert_eq!(test["reason"], "part two (too wet) failed", "{test}");
    assert_eq!(test["sub_results"].as_array().unwrap().len(), 2, "{test}");
    let (_lab, test) = outcome(
        "echo 1..2; echo ok 1 - one; echo ok 2 '# SKIP none'",
        "exec_output = tap",
    );
    assert_eq!(test["sub_results"][1]["verdict"], "skip", "{test}");
}

#[test]
fn vt_prints_for_people_and_for_programs_and_says_what_is_wrong() {
    let body = r#"
        set -eu
        [ "$(vt param mem)" = 64 ] && [ "$(vt --json param mem)" != 64 ]
        vt --json info | grep -q '"main_vm"' && vt info | grep -q '^name: '
        [ "$(stat -c %a "$VIRT_TEST_SOCKET")" = 600 ] && [ "$(stat -c %a "$(dirname "$VIRT_TEST_SOCKET")")" = 700 ]
        for wrong in 'vm9 info' 'param no_such' 'no-such-command' 'vm1 plug teapot'; do
            status=0; vt $wrong 2> error || status=$?
            [ $status = 125 ] && [ -s error ]
        done
        vt --json vm9 info 2> error || grep -q '"error":"org.virt-test.error.NotFound"' error
        status=0; VIRT_TEST_SOCKET= vt list 2> error || status=$?
        [ $status = 125 ] && grep -q 'virt-test serve' error
        vt vm1 --help | grep -q migrate
        [ "$(bash -c 'eval "$(vt completion bash)"; COMP_WORDS=(vt vm1 mig) COMP_CWORD=2; _vt; echo "${COMPREPLY[@]}"')" = migrate ]
        [ "$(bash -c 'eval "$(vt completion bash)"; COMP_WORDS=(vt v) COMP_CWORD=1; _vt; echo "${COMPREPLY[@]}"')" = vm1 ]"#;
    let (lab, test) = outcome(body, "mem = 64\nvms = vm1\nstart_vm = no\n");
    assert_eq!(
        test["verdict"],
        "pass",
        "{test} {}",
        fs::read_to_string(dir(&test).join("output")).unwrap()
    );
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}

#[test]
fn vt_is_there_in_a_session_of_serve_too() {
    let lab = Lab::new();
    let mut command = lab.command(&["serve", "--extra", "start_vm = no", "--logs-dir"]);
    command.arg(lab.logs());
    let said = Said::from(command.args(["--", "vt", "list"]).output().unwrap());
    assert_eq!((said.status, &*said.out), (0, "vm1 absent\n"), "{said:?}");
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}

#[test]
fn its_machines_run_when_it_begins_and_are_held_by_vt() {
    let body = r#"
        set -eux
        ls "$VIRT_TEST_DIR/vm1/qmp.log"
        [ "$(vt list)" = 'vm1 running running' ]
        status=0; printf 'a\0b' | vt vm1 exec --stdin -- sh -c 'cat; echo err >&2; exit 3' > out 2> err || status=$?
        [ $status = 3 ] && [ "$(od -An -c out | tr -d ' ')" = 'a\0b' ] && [ "$(cat err)" = err ]
        vt vm1 exec --channel serial -- echo by the console | grep -q 'by the console'
        vt vm1 plug nic id=extra --guest
        vt vm1 devices | grep -q extra
        vt vm1 unplug extra
        vt vm1 pause
        vt --json vm1 qmp query-status | grep -q '"status":"paused"'
        vt vm1 resume
        vt vm1 migrate unix
        vt vm1 exec -- true
        # What is under way when it ends is cancelled.
        setsid vt vm1 exec -- sleep 1000 > /dev/null 2>&1 &"#;
    let folder = Folder::new(&[("it", body)]);
    folder.config("it", "vms = vm1\n");
    let lab = Lab::new();
    let said = folder.run(&lab, &[]);
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.out.contains("it: WARN") && said.out.contains("relieved of: vt"),
        "{}",
        said.out
    );
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}

/// Runs a program that holds a machine by `vt`; it has to pass.
fn assert_passes_with_a_machine(body: &str) {
    let config = "vms = vm1\nmem = 256\nimage_format = qcow2\n";
    let (lab, test) = outcome(&format!("set -eux\n{body}"), config);
    assert_eq!(test["verdict"], "pass", "{test}");
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}

#[test]
fn a_guest_its_consoles_and_its_power_are_held_by_vt() {
    assert_passes_with_a_machine(
        r#"
        vt vm1 type 'echo typed-$((40 + 2))'
        vt vm1 expect 'typed-42'
        vt vm1 console | grep -q typed-42
        vt vm1 agent guest-ping
        vt vm1 agent guest-exec '{"path": "/bin/true"}' | grep -q pid
        vt vm1 hmp info status | grep -q 'VM status: running'
        vt vm1 link nic1 down
        vt vm1 pause
        vt vm1 wait-status paused
        vt vm1 events --since 0 STOP | grep -q STOP
        vt vm1 resume
        vt vm1 key shift a --hold 0.1
        vt vm1 findings
        vt vm1 allow 'guest kernel warning'
        vt vm1 reset
        vt vm1 wait-event RESET
        vt vm1 exec -- true
        vt vm1 nmi
        vt vm1 stop --force
        vt --json vm1 info | grep -q '"state":"ended"'
        vt vm1 start --param mem=192 --paused
        vt --json vm1 info | grep -q "\"memory\":$((192 << 20))"
        vt vm1 resume
        vt vm1 exec -- true
        vt vm1 powerdown
        vt vm1 wait-exit
        vt log done --level info
        vt phase over"#,
    );
}

#[test]
fn images_jobs_states_and_a_cancelled_migration_are_held_by_vt() {
    assert_passes_with_a_machine(
        r#"
        vt image create a.qcow2 --size 8M
        vt image create b.qcow2 --backing a.qcow2 --backing-format qcow2
        vt image chain b.qcow2 | grep -q a.qcow2
        vt image info b.qcow2 | grep -q 8388608
        vt image convert a.qcow2 c.raw --format qcow2 --target-format raw
        vt image compare a.qcow2 c.raw --format qcow2 --other-format raw | grep -q true
        vt image resize c.raw 16M --format raw
        vt image snapshot create a.qcow2 one
        vt image check a.qcow2
        vt image commit b.qcow2 --format qcow2
        vt vm1 job start backup image1 --id copy
        vt vm1 job wait copy
        vt vm1 job start mirror image1 --id twin
        vt vm1 job wait twin --ready
        vt vm1 job list | grep -q twin
        vt vm1 job complete twin
        vt vm1 job wait twin
        vt vm1 exec -- sh -c 'echo kept > /tmp/kept'
        vt vm1 save state
        vt vm1 restore state
        vt vm1 resume
        [ "$(vt vm1 exec -- cat /tmp/kept)" = kept ]
        vt vm1 migrate unix --max-bandwidth 1M --progress > progress 2> error & migration=$!
        until grep -q active progress; do sleep 0.1; done
        vt vm1 cancel-migration
        ! wait $migration
        grep -q "the source is now running" error
        grep -q cancelled error
        vt vm1 exec -- true"#,
    );
}

#[test]
fn a_new_provider_works_as_it_is() {
    let (lab, place) = (Lab::new(), tempfile::tempdir().unwrap());
    let provider = place.path().join("mine");
    let new = lab.say(&["provider", "new", &provider.display().to_string()]);
    assert_eq!(new.status, 0, "{new:?}");
    let mut command = lab.run_command(&["-j", "2"]);
    let said = Said::from(
        command
            .current_dir(&provider)
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap(),
    );
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.out.contains("TESTS PASSED: 4\n"), "{}", said.out);
    let again = lab.say(&["provider", "new", &provider.display().to_string()]);
    assert_eq!(again.status, 4, "{again:?}");
}

#[test]
fn the_page_about_them_shows_these_very_files() {
    let page = include_str!("../../../../docs/tests-in-any-language.md");
    for file in [
        include_str!("../../provider/tests/processors.cfg"),
        "type = exec\nexec_path = check-guest.py\n",
    ] {
        assert!(
            page.contains(&format!("```\n{file}```")),
            "not shown:\n{file}"
        );
    }
    let built = include_str!("../../provider/tests/memory.cfg");
    let shown = built.lines().take(3).collect::<Vec<_>>().join("\n");
    assert!(
        page.contains(&format!("```\n{shown}\n```")),
        "not shown:\n{shown}"
    );
}
