//! Where tests come from, beside those that are linked into the program: folders of executables, and single ones.

use std::collections::BTreeMap;
use std::path::PathBuf;

use exec::provider::{Provider, ProviderError};

use crate::args::RunArgs;
use crate::config::SHIPPED_PREFIX;
use crate::exit::Status;
use crate::{profile, say};

/// The root of the configuration that comes along.
const ROOT: &str = "tests.cfg";

/// Begins the part of a path that names the providers whose tests are there with ours, or instead of them.
const WITH: &str = "with:";
const ONLY: &str = "only:";

/// Tests from elsewhere.
#[derive(Debug, Default)]
pub struct Sources {
    providers: Vec<Provider>,
    /// Are the tests that are linked into the program left out?
    only: bool,
}

impl Sources {
    /// What the options name.
    ///
    /// # Errors
    /// The status where there is no test where one was said to be, which has been told.
    pub fn of(args: &RunArgs) -> Result<Self, Status> {
        let only = !args.paths.is_empty();
        let paths = if only { &args.paths } else { &args.provider };
        let sources = Self {
            providers: found(paths)?,
            only,
        };
        sources.told_apart()?;
        Ok(sources)
    }

    /// What `virt-test.toml` lists.
    ///
    /// # Errors
    /// As [`Sources::of`].
    pub fn listed() -> Result<Self, Status> {
        let paths = profile::providers().map_err(|error| {
            say::error(error, &[]);
            Status::Usage
        })?;
        Self::with(&paths)
    }

    /// The tests that are linked into the program, and these.
    ///
    /// # Errors
    /// As [`Sources::of`].
    pub fn with(paths: &[PathBuf]) -> Result<Self, Status> {
        let sources = Self {
            providers: found(paths)?,
            only: false,
        };
        sources.told_apart()?;
        Ok(sources)
    }

    /// The folders and programs.
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The file that describes all tests there are then.
    pub fn root(&self) -> String {
        if self.providers.is_empty() {
            return format!("{SHIPPED_PREFIX}{ROOT}");
        }
        let paths = self.providers.iter();
        let paths: Vec<_> = paths
            .map(|provider| provider.path.display().to_string())
            .collect();
        let which = if self.only { ONLY } else { WITH };
        format!("{SHIPPED_PREFIX}{which}{}:/{ROOT}", paths.join(":"))
    }

    /// The tests that are meant where none are named, if not all: of providers all, else `usual`.
    pub fn default_tests(&self, usual: Option<&str>) -> Option<String> {
        let names = self.providers.iter().map(|provider| provider.name.as_str());
        match usual {
            _ if self.only => None,
            Some(_) if !self.providers.is_empty() => Some(names.collect::<Vec<_>>().join(" ")),
            usual => usual.map(str::to_owned),
        }
    }

    fn told_apart(&self) -> Result<(), Status> {
        let mut seen = BTreeMap::new();
        for Provider { name, path, .. } in &self.providers {
            if let Some(other) = seen.insert(name, path) {
                let text = format!(
                    "both {} and {} are called {name}",
                    other.display(),
                    path.display()
                );
                say::error(text, &["rename one, or run one at a time".to_owned()]);
                return Err(Status::Usage);
            }
        }
        Ok(())
    }
}

fn found(paths: &[PathBuf]) -> Result<Vec<Provider>, Status> {
    let mut found = Vec::new();
    for path in paths {
        match Provider::find(path) {
            Ok(provider) if found.contains(&provider) => {}
            Ok(provider) => found.push(provider),
            Err(ProviderError { reason, hint }) => {
                say::error(reason, &Vec::from_iter(hint));
                return Err(Status::Usage);
            }
        }
    }
    Ok(found)
}

/// A file that comes along: who else has tests in it, and which file it is.
pub struct Named<'a> {
    /// The paths of providers.
    pub providers: Vec<&'a str>,
    /// Are the tests that are linked into the program left out?
    pub only: bool,
    /// The file.
    pub file: &'a str,
}

impl<'a> Named<'a> {
    /// Reads what [`Sources::root`] says, and what is beside it, without the prefix of what comes along.
    pub fn read(path: &'a str) -> Self {
        for (begin, only) in [(WITH, false), (ONLY, true)] {
            if let Some((paths, file)) = path
                .strip_prefix(begin)
                .and_then(|rest| rest.rsplit_once(":/"))
            {
                return Self {
                    providers: paths.split(':').collect(),
                    only,
                    file,
                };
            }
        }
        Self {
            providers: Vec::new(),
            only: false,
            file: path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(paths: &[&str], only: bool) -> Sources {
        let provider = |path: &&str| Provider {
            name: path.rsplit('/').next().unwrap().to_owned(),
            path: path.into(),
            tests: Vec::new(),
            alone: false,
        };
        Sources {
            providers: paths.iter().map(provider).collect(),
            only,
        }
    }

    #[test]
    fn the_root_says_where_tests_come_from_and_is_read_again() {
        assert_eq!(Sources::default().root(), "virt-test:/tests.cfg");
        let root = sources(&["/a/mine", "/b c"], false).root();
        assert_eq!(root, "virt-test:/with:/a/mine:/b c:/tests.cfg");
        let beside = root.replace("tests.cfg", "subtests.cfg");
        let named = Named::read(beside.strip_prefix(SHIPPED_PREFIX).unwrap());
        assert_eq!((named.only, named.file), (false, "subtests.cfg"));
        assert_eq!(named.providers, ["/a/mine", "/b c"]);
        let root = sources(&["/a/mine"], true).root();
        assert!(Named::read(root.strip_prefix(SHIPPED_PREFIX).unwrap()).only);
        assert_eq!(Named::read("tests/boot.cfg").file, "tests/boot.cfg");
    }

    #[test]
    fn tests_of_providers_are_meant_rather_than_the_usual_ones() {
        assert_eq!(
            sources(&["/a/mine", "/b"], false).default_tests(Some("boot")),
            Some("mine b".into())
        );
        assert_eq!(sources(&["/a"], true).default_tests(Some("boot")), None);
        assert_eq!(sources(&["/a"], false).default_tests(None), None);
        assert_eq!(
            Sources::default().default_tests(Some("boot")),
            Some("boot".into())
        );
    }
}
