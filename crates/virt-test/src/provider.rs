//! `virt-test provider`: folders of tests in any language.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::args::ProviderCommand;
use crate::exit::Status;
use crate::say;
use crate::sources::Sources;

/// `virt-test provider`.
pub fn provider(command: &ProviderCommand) -> Status {
    let done = match command {
        ProviderCommand::List { paths } => list(paths),
        ProviderCommand::New { path } => new(path),
    };
    match done {
        Ok(()) => Status::Passed,
        Err(status) => status,
    }
}

fn list(paths: &[PathBuf]) -> Result<(), Status> {
    let sources = match paths {
        [] => Sources::listed()?,
        paths => Sources::with(paths)?,
    };
    for provider in sources.providers() {
        say::line(format_args!(
            "{} {}",
            provider.name,
            provider.path.display()
        ));
        for test in &provider.tests {
            say::line(format_args!("    {}", test.name));
        }
    }
    Ok(())
}

/// What a new provider consists of.
static NEW: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/provider");

/// Files whose names would mean something else here: to Git, and to Cargo.
const RENAMED: [(&str, &str); 2] = [
    ("gitignore", ".gitignore"),
    ("rust/Cargo.toml.in", "rust/Cargo.toml"),
];

/// The folder of which files may be run.
const TESTS: &str = "tests";

fn new(path: &Path) -> Result<(), Status> {
    let failed = |error: io::Error| {
        say::error(format!("failed to make {}: {error}", path.display()), &[]);
        Status::Setup
    };
    let empty = match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !empty {
        say::error(
            format!("{} is there already", path.display()),
            &["name a folder that is not, or is empty".to_owned()],
        );
        return Err(Status::Usage);
    }
    write_below(&NEW, path).map_err(failed)?;
    let shown = path.display();
    say::line(format_args!("made {shown}, with three tests"));
    say::line(format_args!("hint: cd {shown} && virt-test run"));
    Ok(())
}

fn write_below(dir: &Dir<'_>, path: &Path) -> io::Result<()> {
    for file in dir.files() {
        let name = file.path();
        let renamed = RENAMED.iter().find(|(from, _)| Path::new(from) == name);
        let target = path.join(renamed.map_or(name, |(_, to)| Path::new(to)));
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&target, file.contents())?;
        let runs = file.contents().starts_with(b"#!") && name.starts_with(TESTS);
        if runs {
            // As far as whoever makes it lets others read it.
            let mode = fs::metadata(&target)?.permissions().mode();
            fs::set_permissions(
                &target,
                fs::Permissions::from_mode(mode | (mode & 0o444) >> 2),
            )?;
        }
    }
    dir.dirs().try_for_each(|dir| write_below(dir, path))
}
