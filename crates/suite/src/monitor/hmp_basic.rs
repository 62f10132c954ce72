//! The human monitor answers every `info` that needs no argument and describes every command in its help; what it does not know
//! or cannot do it says in words and goes on; and it tells the same as QMP does.

use std::time::Duration;

use virt_test::{Test, TestResult, check};

/// Fewer than this: something is wrong with the list, or with QEMU.
const AT_LEAST: usize = 40;

#[virt_test::test(type_specific)]
async fn hmp_basic(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut monitor = vm.human_monitor("hmp1").await?;
    check!(
        monitor.greeting().contains("QEMU"),
        "it greets with '{}'",
        monitor.greeting()
    );

    let help = monitor.run("help info").await?;
    let infos: Vec<(&str, &str)> = help.lines().filter_map(usage).collect();
    check!(
        infos.len() >= AT_LEAST,
        "help info lists only {}: {help}",
        infos.len()
    );
    test.phase(format!("asking for {} infos", infos.len()));
    let mut silent = Vec::new();
    for (name, _) in infos.iter().filter(|(_, arguments)| !mandatory(arguments)) {
        let answer = monitor.run(name).await?;
        check!(
            !answer.contains("unknown command"),
            "'{name}' is answered with '{answer}'"
        );
        if answer.is_empty() {
            silent.push(*name);
        }
    }
    test.phase(format!("nothing to say of {}", silent.join(", ")));
    check!(
        silent.len() * 2 < infos.len(),
        "nothing is said to {silent:?}"
    );

    test.phase("reading the help");
    let help = monitor.run("help").await?;
    let commands: Vec<(&str, &str)> = help.lines().filter_map(usage).collect();
    check!(
        commands.len() >= AT_LEAST,
        "help lists only {}: {help}",
        commands.len()
    );
    for (name, _) in &commands {
        let one = monitor.run(&format!("help {name}")).await?;
        check!(
            !one.is_empty() && !one.contains("unknown command"),
            "'help {name}' says '{one}'"
        );
    }

    test.phase("doing wrong");
    for (line, word) in [
        ("no-such-command", "unknown command"),
        ("info no-such-thing", "unknown command"),
        ("stop now", "extraneous characters"),
        ("device_del", "expected"),
        ("device_del no-such-device", "not found"),
        ("memsave 0", "unexpected end of expression"),
    ] {
        let answer = monitor.run(line).await?;
        check!(
            answer.contains(word),
            "'{line}' is answered with '{answer}', not '{word}'"
        );
    }
    let limit = Duration::from_secs(10);
    for (line, status) in [("cont", "running"), ("stop", "paused")] {
        monitor.run(line).await?;
        vm.wait_for_status(status.to_owned().into(), limit).await?;
        let told = monitor.run("info status").await?;
        check!(
            told.contains(status),
            "after '{line}' it says '{told}', and QMP '{status}'"
        );
        let by_qmp = vm.hmp("info status").await?.replace("\r\n", "\n");
        check!(
            by_qmp == told,
            "by QMP it says '{by_qmp}', by itself '{told}'"
        );
    }
    Ok(())
}

/// Name and arguments of what a line of help describes: `info name [argument] -- description`; the first of several names.
fn usage(line: &str) -> Option<(&str, &str)> {
    let (usage, _) = line.split_once(" -- ")?;
    // A usage may go on in a second line.
    usage
        .starts_with(|first: char| first.is_ascii_alphabetic())
        .then_some(())?;
    let of_info = |rest: &str| rest.starts_with(|first: char| first.is_ascii_alphabetic());
    let words = 1 + usize::from(usage.strip_prefix("info ").is_some_and(of_info));
    let end = usage.match_indices(' ').nth(words - 1);
    let end = end.map_or(usage.len(), |(at, _)| at);
    let (name, arguments) = usage.split_at(end);
    Some((name.split('|').next().unwrap_or(name), arguments))
}

/// Is there an argument that cannot be left out?
fn mandatory(arguments: &str) -> bool {
    arguments
        .split_whitespace()
        .any(|argument| !argument.starts_with(['[', '-']) && !argument.ends_with(']'))
}
