//! What may come next on the command line, for the shell's Tab.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};
use serde_json::Value;

use crate::args::{General, OneMachine};
use crate::client::{Client, Parameters};
use crate::print;

/// What Bash calls: the words typed so far, the last of which may be unfinished or empty.
pub(crate) const COMMAND: &str = "__complete";

/// Makes Bash complete `vt`.
pub(crate) const BASH: &str = r#"_vt() {
    local IFS=$'\n'
    COMPREPLY=($(vt __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _vt vt
"#;

/// Options that have a value of their own, behind them.
const WITH_VALUE: [&str; 2] = ["--timeout", "--socket"];

/// The first word that is no option of `vt` itself.
pub(crate) fn positional<S: AsRef<str>>(words: impl Iterator<Item = S>) -> Option<String> {
    let mut is_value = false;
    for word in words {
        let word = word.as_ref();
        if std::mem::take(&mut is_value) {
            continue;
        }
        if !word.starts_with('-') {
            return Some(word.to_owned());
        }
        is_value = WITH_VALUE.contains(&word);
    }
    None
}

/// Prints what may stand in the place of the last of `words`.
pub(crate) fn complete(words: &[OsString]) {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    for candidate in candidates(&words, machines) {
        // Whoever went away has what they wanted.
        let _ = print::line(&candidate);
    }
}

fn candidates(words: &[String], machines: impl Fn() -> Vec<String>) -> Vec<String> {
    let Some((unfinished, before)) = words.split_last() else {
        return Vec::new();
    };
    let general = General::command();
    let mut found = match positional(before.iter()) {
        None => {
            let mut found = names(&general);
            found.extend(machines());
            found.extend(options(&general));
            found
        }
        Some(first) => {
            let is_general = general
                .get_subcommands()
                .any(|command| command.get_name() == first);
            let (command, skip) = match is_general {
                true => (general, 0),
                false => (OneMachine::command(), 1),
            };
            within(&command, before, skip)
        }
    };
    found.retain(|word| {
        word.starts_with(&**unfinished) && !(word.starts_with('-') && unfinished.is_empty())
    });
    found
}

/// What may stand behind `before` in `command`, of which the first `skip` plain words are no commands.
fn within(command: &Command, before: &[String], skip: usize) -> Vec<String> {
    let mut here = command.clone();
    let mut plain = 0;
    let mut value_of: Option<Arg> = None;
    for word in before {
        if value_of.take().is_some() {
            continue;
        }
        if word == "--" {
            return Vec::new();
        }
        if word.starts_with('-') {
            let option = here
                .get_arguments()
                .find(|arg| arg.get_long() == word.strip_prefix("--"));
            value_of = option
                .filter(|option| option.get_action().takes_values())
                .cloned();
            continue;
        }
        plain += 1;
        if plain <= skip {
            continue;
        }
        let inner = here
            .get_subcommands()
            .find(|inner| inner.get_name() == word)
            .cloned();
        match inner {
            Some(inner) => (here, plain) = (inner, skip),
            // The name of the command itself, or the value of an argument.
            None if here.get_name() == command.get_name() => return Vec::new(),
            None => {}
        }
    }
    if let Some(option) = value_of {
        return values(&option);
    }
    let mut found = names(&here);
    let place = plain.saturating_sub(skip);
    let argument = here
        .get_positionals()
        .nth(place)
        .or(here.get_positionals().last());
    found.extend(argument.map(values).unwrap_or_default());
    found.extend(options(&here));
    found
}

fn names(command: &Command) -> Vec<String> {
    let commands = command
        .get_subcommands()
        .filter(|command| command.get_name() != "help");
    commands
        .map(|command| command.get_name().to_owned())
        .collect()
}

fn options(command: &Command) -> Vec<String> {
    let options = command.get_arguments().filter_map(Arg::get_long);
    options.map(|name| format!("--{name}")).collect()
}

fn values(argument: &Arg) -> Vec<String> {
    let values = argument.get_possible_values();
    let hidden =
        argument.get_action().takes_values() && values.iter().any(|value| value.is_hide_set());
    let values = values.iter().filter(|_| !hidden);
    values.map(|value| value.get_name().to_owned()).collect()
}

/// The machines of the test, where one runs.
fn machines() -> Vec<String> {
    let listed = || {
        let answer = Client::connect(None)?.call("org.virt-test.vm.List", Parameters::new())?;
        Ok::<_, crate::client::Error>(answer)
    };
    let answer = listed().unwrap_or_default();
    let machines = answer.get("machines").and_then(Value::as_array).cloned();
    let machines = machines.unwrap_or_default().into_iter();
    machines
        .filter_map(|machine| {
            machine
                .get("name")
                .and_then(Value::as_str)
                .map(str::to_owned)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(line: &str) -> Vec<String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        candidates(&words, || vec!["vm1".to_owned(), "vm2".to_owned()])
    }

    #[test]
    fn commands_and_machines_come_first() {
        assert_eq!(next("p"), ["param", "phase"]);
        assert_eq!(next("vm"), ["vm1", "vm2"]);
        assert_eq!(next("--json v"), ["vm1", "vm2"]);
        assert_eq!(next("--timeout 3 vm1 wak"), ["wakeup"]);
    }

    #[test]
    fn behind_a_machine_come_its_commands_and_what_they_take() {
        assert_eq!(
            next("vm1 re"),
            ["reset", "resume", "resize-memory", "restore"]
        );
        assert_eq!(
            next("vm1 plug usb_"),
            [
                "usb_controller",
                "usb_hub",
                "usb_tablet",
                "usb_mouse",
                "usb_keyboard"
            ]
        );
        assert_eq!(next("vm1 link nic1 "), ["up", "down"]);
        assert_eq!(next("vm1 exec --ch"), ["--channel"]);
        assert_eq!(next("vm1 exec --channel s"), ["serial", "ssh"]);
        assert_eq!(next("vm1 snapshot l"), ["load", "list"]);
        assert_eq!(next("vm1 exec -- un"), [""; 0]);
        assert_eq!(next("subtest name f"), ["fail"]);
    }
}
