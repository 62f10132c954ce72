//! `virt-test template`: the booted machines that are kept to be cloned.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use params::ByteSize;
use serde_json::json;
use templates::{Entry, Error, Limits, Pruned, Store};

use crate::args::{DataArgs, MessageFormat, TemplateCommand};
use crate::execute::dirs;
use crate::exit::Status;
use crate::say;

pub fn template(command: &TemplateCommand) -> Status {
    let outcome = match command {
        TemplateCommand::List { print, data } => {
            store(data).and_then(|store| list(&store, print.message_format))
        }
        TemplateCommand::Prune {
            all,
            older_than,
            max_size,
            print,
            data,
        } => store(data).and_then(|store| {
            let limits = limits(*all, *older_than, *max_size);
            prune(&store, &limits, print.message_format)
        }),
    };
    match outcome {
        Ok(()) => Status::Passed,
        Err(status) => status,
    }
}

fn store(data: &DataArgs) -> Result<Store, Status> {
    Ok(Store::new(dirs(data.data_dir.as_deref())?.data()))
}

fn limits(all: bool, older_than: Option<Duration>, max_size: Option<ByteSize>) -> Limits {
    if all {
        return Limits {
            size: ByteSize::bytes(0),
            age: Duration::ZERO,
        };
    }
    if older_than.is_none() && max_size.is_none() {
        return Limits::default();
    }
    Limits {
        size: max_size.unwrap_or(ByteSize::bytes(u64::MAX)),
        age: older_than.unwrap_or(Duration::MAX),
    }
}

fn list(store: &Store, format: MessageFormat) -> Result<(), Status> {
    let entries = store.list().map_err(|e| failed("list templates", &e))?;
    if format == MessageFormat::Json {
        for entry in entries {
            say::line(json!({
                "key": entry.key.as_str(),
                "about": entry.manifest.as_ref().map(|known| &known.about),
                "manner": entry.manifest.as_ref().map(|known| known.manner),
                "made": entry.manifest.as_ref().map(|known| known.made),
                "used": Timestamp::try_from(entry.used).ok(),
                "in_use": entry.in_use,
                "size": entry.size.as_bytes(),
            }));
        }
        return Ok(());
    }
    for entry in &entries {
        say::line(line(entry, SystemTime::now()));
    }
    let sum = entries.iter().map(|entry| entry.size.as_bytes()).sum();
    say::line(format!(
        "{}, {}",
        count(entries.len()),
        mib(ByteSize::bytes(sum))
    ));
    Ok(())
}

fn line(entry: &Entry, now: SystemTime) -> String {
    let used = match entry.in_use {
        true => "in use".to_owned(),
        false => format!("used {}", ago(entry.used, now)),
    };
    let size = mib(entry.size);
    let key = &entry.key;
    match &entry.manifest {
        Some(known) => {
            let made = ago(SystemTime::from(known.made), now);
            let about = &known.about;
            format!(
                "{key}  {size:>9}  {used}, made {made}: {about}, by {}",
                known.manner
            )
        }
        None => format!("{key}  {size:>9}  {used}: by another version of virt-test"),
    }
}

fn prune(store: &Store, limits: &Limits, format: MessageFormat) -> Result<(), Status> {
    let pruned = store.prune(limits);
    let pruned = pruned.map_err(|e| failed("remove templates", &e))?;
    let left = store.list().map_err(|e| failed("list templates", &e))?;
    let sum = pruned.iter().map(|pruned| pruned.size.as_bytes()).sum();
    for Pruned { key, size } in &pruned {
        say::line(match format {
            MessageFormat::Json => {
                json!({"removed": key.as_str(), "size": size.as_bytes()}).to_string()
            }
            MessageFormat::Human => format!("removed {key}  {:>9}", mib(*size)),
        });
    }
    if format == MessageFormat::Human {
        let in_use = left.iter().filter(|entry| entry.in_use).count();
        say::line(format!(
            "removed {}, {}; {} stay, {in_use} of them in use",
            count(pruned.len()),
            mib(ByteSize::bytes(sum)),
            left.len(),
        ));
    }
    Ok(())
}

fn count(templates: usize) -> String {
    match templates {
        1 => "1 template".to_owned(),
        templates => format!("{templates} templates"),
    }
}

fn mib(size: ByteSize) -> String {
    format!("{} MiB", size.as_bytes().div_ceil(1 << 20))
}

/// How long ago something was, in the largest unit that leaves a number.
fn ago(then: SystemTime, now: SystemTime) -> String {
    let seconds = now.duration_since(then).unwrap_or_default().as_secs();
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86_400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

fn failed(what: &str, error: &Error) -> Status {
    say::error(format!("failed to {what}: {}", harness::chain(error)), &[]);
    Status::Setup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_unit_that_fits() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let told = |seconds| ago(now - Duration::from_secs(seconds), now);
        assert_eq!(told(59), "59 s ago");
        assert_eq!(told(119), "1 min ago");
        assert_eq!(told(7200), "2 h ago");
        assert_eq!(told(200_000), "2 d ago");
        assert_eq!(ago(now + Duration::from_secs(5), now), "0 s ago");
    }

    #[test]
    fn only_the_limits_that_are_given_hold() {
        assert_eq!(limits(false, None, None), Limits::default());
        let aged = limits(false, Some(Duration::from_secs(60)), None);
        assert_eq!(aged.size.as_bytes(), u64::MAX);
        let sized = limits(false, None, Some(ByteSize::gib(1)));
        assert_eq!(sized.age, Duration::MAX);
        assert_eq!(limits(true, None, None).size, ByteSize::bytes(0));
    }
}
