//! `virt-test guest`: builds and finds guests.

use image::{Error, GuestStore, Rebuild, TinyGuest};

use crate::args::{DataArgs, GuestCommand};
use crate::execute::dirs;
use crate::exit::Status;
use crate::say;

pub fn guest(command: &GuestCommand) -> Status {
    let outcome = match command {
        GuestCommand::Build { name, force, data } => {
            store(data).and_then(|store| build(&store, name, *force))
        }
        GuestCommand::List { data } => store(data).and_then(|store| list(&store)),
        GuestCommand::Path { name, data } => store(data).and_then(|store| path(&store, name)),
    };
    match outcome {
        Ok(()) => Status::Passed,
        Err(status) => status,
    }
}

fn store(data: &DataArgs) -> Result<GuestStore, Status> {
    Ok(GuestStore::new(dirs(data.data_dir.as_deref())?.data()))
}

fn build(store: &GuestStore, name: &str, force: bool) -> Result<(), Status> {
    let rebuild = if force {
        Rebuild::Always
    } else {
        Rebuild::IfStale
    };
    let progress = |progress: image::Progress| say::note(progress);
    let ensured = store
        .ensure(name, rebuild, &progress)
        .map_err(|e| report(&format!("build guest {name}"), &e))?;
    let directory = directory(&ensured.guest);
    match ensured.built {
        Some(time) => say::line(format!(
            "built {name} in {:.2} s: {directory}",
            time.as_secs_f64()
        )),
        None => say::line(format!("{name} is up to date: {directory}")),
    }
    Ok(())
}

fn list(store: &GuestStore) -> Result<(), Status> {
    for status in store.list().map_err(|e| report("list guests", &e))? {
        let state = match &status.ready {
            Some(guest) => format!("ready, Linux {}", guest.kernel_release()),
            None => "not built yet".to_owned(),
        };
        say::line(format!(
            "{:13} {state}: {}",
            status.recipe.name, status.recipe.description
        ));
    }
    Ok(())
}

fn path(store: &GuestStore, name: &str) -> Result<(), Status> {
    match store
        .find(name)
        .map_err(|e| report(&format!("find guest {name}"), &e))?
    {
        Some(guest) => {
            say::line(directory(&guest));
            Ok(())
        }
        None => {
            say::error(
                format!("guest {name} is not built yet"),
                &[format!("virt-test guest build {name}")],
            );
            Err(Status::Setup)
        }
    }
}

fn directory(guest: &TinyGuest) -> String {
    guest
        .kernel
        .parent()
        .unwrap_or(&guest.kernel)
        .display()
        .to_string()
}

fn report(what: &str, error: &Error) -> Status {
    let hints: Vec<String> = error.hint().into_iter().collect();
    say::error(
        format!("failed to {what}: {}", harness::chain(error)),
        &hints,
    );
    match error {
        Error::UnknownGuest { .. } => Status::Usage,
        _ => Status::Setup,
    }
}
