//! Profiles: options kept under a name in `virt-test.toml`, for this project and those who work on it.
//!
//! The keys of a profile are the long options of `virt-test run`, and its values what would be typed; so there is one table of options, and
//! the schema of the file is made of it.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, CommandFactory, Parser};
use serde::Deserialize;
use serde_json::{Map, json};
use toml::Value;

use crate::args::{Cli, ProfileCommand, RunArgs};
use crate::exit::Status;
use crate::say;

/// Looked for in the current directory and those above it.
const FILE: &str = "virt-test.toml";

/// The profile that is meant where none is named.
const DEFAULT: &str = "default";

/// Key by which a profile names the one it builds upon.
const INHERITS: &str = "inherits";

/// Options that make no sense in a profile.
const NEVER: [&str; 7] = [
    "help",
    "profile",
    "rerun",
    "list-tests",
    "list-guests",
    "show-config",
    "version",
];

/// Options that choose tests, and say nothing of a machine.
const CHOICES: [&str; 6] = [
    "config",
    "filter",
    "no",
    "provider",
    "tests",
    "type-specific",
];

/// What the command line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Tests are run.
    Tests,
    /// Machines of one are brought up: the default profile chooses no tests for that.
    Machines,
}

/// Profiles that build upon one another.
const DEPTH: usize = 20;

type Profile = BTreeMap<String, Value>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    /// Folders of tests that are there beside those that come along.
    #[serde(default)]
    providers: Vec<PathBuf>,
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// The file, read.
struct Profiles {
    path: PathBuf,
    contents: Contents,
}

/// The command line with the options of its profile before those that were typed, which win.
///
/// # Errors
/// What is wrong with file or profile, in words.
pub fn applied(
    words: &[OsString],
    args: &RunArgs,
    wanted: Wanted,
) -> Result<Vec<OsString>, String> {
    let Some(profiles) = Profiles::find()? else {
        return match &args.profile {
            Some(name) => Err(format!(
                "there is no {FILE} here or above that could have a profile {name}"
            )),
            None => Ok(words.to_vec()),
        };
    };
    let options = match &args.profile {
        Some(name) => profiles.options(name)?,
        // A run is repeated as it was.
        None if args.rerun.is_some() || !profiles.contents.profile.contains_key(DEFAULT) => {
            Vec::new()
        }
        None => {
            let options = profiles.options(DEFAULT)?.into_iter();
            let fits = |word: &OsString| wanted == Wanted::Tests || !chooses_tests(word);
            options.filter(fits).collect()
        }
    };
    // Where it is said what is run, it is that.
    let said = args.rerun.is_some() || args.config.is_some() || !args.paths.is_empty();
    let providers = match said || options.iter().any(names_configuration) {
        true => Vec::new(),
        false => profiles.providers(),
    };
    let providers = providers.into_iter().map(|path| {
        let mut word = OsString::from("--provider=");
        word.push(path);
        word
    });
    // The program, `run`, the file's, the profile's, the user's.
    let (before, typed) = words.split_at(words.len().min(2));
    Ok([before, &providers.collect::<Vec<_>>(), &options, typed].concat())
}

fn chooses_tests(word: &OsString) -> bool {
    let word = word.to_string_lossy();
    let option = word.strip_prefix("--").unwrap_or_default();
    CHOICES.contains(&option.split('=').next().unwrap_or_default())
}

fn names_configuration(word: &OsString) -> bool {
    word.to_string_lossy().starts_with("--config=")
}

/// The folders of tests that `virt-test.toml` lists, if there is one.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn providers() -> Result<Vec<PathBuf>, String> {
    let profiles = Profiles::find()?;
    Ok(profiles.map_or_else(Vec::new, |profiles| profiles.providers()))
}

/// `virt-test profile`.
pub fn profile(command: &ProfileCommand) -> Status {
    let done = match command {
        ProfileCommand::List => list(),
        ProfileCommand::Show { name } => show(name),
        ProfileCommand::Schema => {
            say::line(schema());
            Ok(())
        }
    };
    match done {
        Ok(()) => Status::Passed,
        Err(error) => {
            say::error(error, &[]);
            Status::Usage
        }
    }
}

fn list() -> Result<(), String> {
    if let Some(profiles) = Profiles::find()? {
        for name in profiles.contents.profile.keys() {
            say::line(name);
        }
    }
    Ok(())
}

fn show(name: &str) -> Result<(), String> {
    let profiles = Profiles::find()?;
    let profiles = profiles.ok_or_else(|| format!("there is no {FILE} here or above"))?;
    for word in profiles.options(name)? {
        say::line(word.to_string_lossy());
    }
    Ok(())
}

impl Profiles {
    fn find() -> Result<Option<Self>, String> {
        let here = std::env::current_dir()
            .map_err(|error| format!("failed to find the current directory: {error}"))?;
        let path = here.ancestors().map(|dir| dir.join(FILE));
        match path.into_iter().find(|path| path.is_file()) {
            Some(path) => Self::read(&path).map(Some),
            None => Ok(None),
        }
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("failed to read {}: {error}", path.display()))?;
        let contents =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            contents,
        })
    }

    /// The folders of tests that are listed, relative to the file.
    fn providers(&self) -> Vec<PathBuf> {
        let dir = self.path.parent().unwrap_or(Path::new(""));
        let listed = self.contents.providers.iter();
        listed.map(|path| dir.join(path)).collect()
    }

    /// A profile as what would be typed, checked.
    fn options(&self, name: &str) -> Result<Vec<OsString>, String> {
        let place = format!("{}: profile {name}", self.path.display());
        let mut words = Vec::new();
        for (key, value) in self.merged(name)? {
            let value = self.beside(&key, value);
            words.extend(typed(&key, &value).map_err(|error| format!("{place}: {error}"))?);
        }
        let line = ["virt-test", "run"].into_iter().map(OsString::from);
        match Cli::try_parse_from(line.chain(words.iter().cloned())) {
            Ok(_) => Ok(words),
            Err(error) => {
                let error = error.to_string();
                let first = error.lines().next().unwrap_or_default();
                Err(format!("{place}: {}", first.trim_start_matches("error: ")))
            }
        }
    }

    /// A path of something that lies beside the file means that, wherever below it virt-test is started.
    fn beside(&self, key: &str, value: Value) -> Value {
        let is_path = |option: Arg| option.get_value_parser().type_id() == TypeId::of::<PathBuf>();
        let option = options().find(|option| option.get_long() == Some(key));
        let Some(dir) = self.path.parent().filter(|_| option.is_some_and(is_path)) else {
            return value;
        };
        let settled = |value: Value| match value {
            Value::String(path) if dir.join(&path).exists() => {
                Value::String(dir.join(path).display().to_string())
            }
            value => value,
        };
        match value {
            Value::Array(values) => Value::Array(values.into_iter().map(settled).collect()),
            value => settled(value),
        }
    }

    /// A profile with all it builds upon.
    fn merged(&self, name: &str) -> Result<Profile, String> {
        let mut merged = Profile::new();
        let mut next = Some(name.to_owned());
        for _ in 0..DEPTH {
            let Some(name) = next else {
                return Ok(merged);
            };
            let Some(profile) = self.contents.profile.get(&name) else {
                let known: Vec<&str> = self.contents.profile.keys().map(String::as_str).collect();
                let known = known.join(", ");
                return Err(format!(
                    "{} has no profile {name}; it has: {known}",
                    self.path.display()
                ));
            };
            for (key, value) in profile {
                merged.entry(key.clone()).or_insert_with(|| value.clone());
            }
            next = merged.remove(INHERITS).map(|value| match value {
                Value::String(name) => name,
                other => other.to_string(),
            });
        }
        Err(format!(
            "{}: profile {name} builds upon itself",
            self.path.display()
        ))
    }
}

/// An entry as what would be typed.
fn typed(key: &str, value: &Value) -> Result<Vec<OsString>, String> {
    if !options().any(|option| option.get_long() == Some(key)) {
        return Err(format!("'{key}' is no option a profile can have"));
    }
    let one = |value: &Value| match value {
        Value::String(text) => Ok(format!("--{key}={text}").into()),
        Value::Integer(number) => Ok(format!("--{key}={number}").into()),
        Value::Float(number) => Ok(format!("--{key}={number}").into()),
        _ => Err(format!("'{key}' cannot be {value}")),
    };
    match value {
        Value::Boolean(true) => Ok(vec![format!("--{key}").into()]),
        Value::Boolean(false) => Ok(Vec::new()),
        Value::Array(values) => values.iter().map(one).collect(),
        value => Ok(vec![one(value)?]),
    }
}

/// The options a profile can have.
fn options() -> impl Iterator<Item = Arg> {
    let mut cli = Cli::command();
    let run = cli.find_subcommand_mut("run").map(std::mem::take);
    let options: Vec<Arg> = run
        .iter()
        .flat_map(clap::Command::get_arguments)
        .cloned()
        .collect();
    let fit = |option: &Arg| option.get_long().is_some_and(|name| !NEVER.contains(&name));
    options.into_iter().filter(fit)
}

/// The JSON Schema of the file, for editors.
pub fn schema() -> String {
    let mut keys = Map::new();
    for option in options() {
        let Some(name) = option.get_long() else {
            continue;
        };
        let words: Vec<String> = option
            .get_possible_values()
            .iter()
            .map(|value| value.get_name().to_owned())
            .collect();
        let mut key = match option.get_action() {
            ArgAction::SetTrue => json!({ "type": "boolean" }),
            ArgAction::Append => json!({ "type": "array", "items": { "type": "string" } }),
            _ if words.is_empty() => json!({ "type": ["string", "number"] }),
            _ => json!({ "enum": words }),
        };
        if let Some(help) = option.get_help() {
            key["description"] = help.to_string().into();
        }
        keys.insert(name.to_owned(), key);
    }
    keys.insert(
        INHERITS.to_owned(),
        json!({ "type": "string", "description": "The profile this one builds upon" }),
    );
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "virt-test.toml",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "providers": {
                "type": "array",
                "items": { "type": "string" },
                "description": "Folders of tests in any language, relative to this file, that are there beside those that come along",
            },
            "profile": {
                "type": "object",
                "description": "Options of virt-test run by the name --profile takes; those of default are always meant",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": keys,
                },
            },
        },
    });
    format!("{schema:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(text: &str) -> Profiles {
        Profiles {
            path: FILE.into(),
            contents: toml::from_str(text).unwrap(),
        }
    }

    const TEXT: &str = r#"
        [profile.base]
        jobs = 2
        fail-fast = true
        extra = ["mem = 1024", "smp = 2"]
        [profile.ci]
        inherits = "base"
        fail-fast = false
        retries = 2
        test-timeout = 1.5
        [profile.round]
        inherits = "round"
    "#;

    #[test]
    fn a_profile_is_what_would_be_typed_with_what_it_builds_upon() {
        let profiles = profiles(TEXT);
        assert_eq!(
            profiles.options("base").unwrap(),
            [
                "--extra=mem = 1024",
                "--extra=smp = 2",
                "--fail-fast",
                "--jobs=2"
            ]
        );
        assert_eq!(
            profiles.options("ci").unwrap(),
            [
                "--extra=mem = 1024",
                "--extra=smp = 2",
                "--jobs=2",
                "--retries=2",
                "--test-timeout=1.5"
            ]
        );
        assert!(
            profiles
                .options("round")
                .unwrap_err()
                .contains("upon itself")
        );
        assert!(
            profiles
                .options("none")
                .unwrap_err()
                .contains("base, ci, round")
        );
    }

    #[test]
    fn what_cannot_be_is_told_with_its_profile() {
        for (line, told) in [
            ("job = 2", "'job' is no option"),
            ("jobs = \"many\"", "many"),
            ("fail-fast = 3", "fail-fast"),
            ("jobs = { a = 1 }", "'jobs' cannot be"),
            ("list-tests = true", "no option a profile can have"),
        ] {
            let error = profiles(&format!("[profile.x]\n{line}"))
                .options("x")
                .unwrap_err();
            assert!(
                error.contains("profile x") && error.contains(told),
                "{error}"
            );
        }
    }

    #[test]
    fn the_schema_that_is_shipped_is_that_of_the_options() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/virt-test.schema.json");
        let schema = format!("{}\n", schema());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        let shipped = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            shipped == schema,
            "hint: UPDATE_DOCS=1 cargo test -p virt-test schema"
        );
    }
}
