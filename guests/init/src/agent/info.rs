//! What the guest says about its system: name, clock, users, load.

use std::fs;
use std::io;

use nix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};

use super::args::Args;
use super::error::AgentError;

/// Seconds in one tick of `/proc/stat` are 1/100 (`USER_HZ`); the schema wants milliseconds.
const MS_PER_TICK: u64 = 10;

pub fn osinfo(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let mut reply = Map::new();
    if let Ok(uname) = nix::sys::utsname::uname() {
        for (key, value) in [
            ("kernel-release", uname.release()),
            ("kernel-version", uname.version()),
            ("machine", uname.machine()),
        ] {
            reply.insert(key.to_string(), json!(value.to_string_lossy()));
        }
    }
    let release = fs::read_to_string("/etc/os-release")
        .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    for (key, member) in [
        ("ID", "id"),
        ("NAME", "name"),
        ("PRETTY_NAME", "pretty-name"),
        ("VERSION", "version"),
        ("VERSION_ID", "version-id"),
        ("VARIANT", "variant"),
        ("VARIANT_ID", "variant-id"),
    ] {
        if let Some(value) = release_value(&release, key) {
            reply.insert(member.to_string(), json!(value));
        }
    }
    Ok(Value::Object(reply))
}

/// A value of os-release(5), its quotes taken off.
fn release_value<'a>(release: &'a str, key: &str) -> Option<&'a str> {
    release.lines().find_map(|line| {
        let value = line.strip_prefix(key)?.strip_prefix('=')?.trim();
        Some(value.trim_matches(|mark| mark == '"' || mark == '\''))
    })
}

pub fn host_name(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let name = nix::unistd::gethostname()
        .map_err(|error| AgentError::system("failed to get host name", &error.into()))?;
    Ok(json!({"host-name": name.to_string_lossy()}))
}

pub fn time(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let now = clock_gettime(ClockId::CLOCK_REALTIME)
        .map_err(|error| AgentError::system("Failed to get time", &error.into()))?;
    Ok(json!(now.tv_sec() * 1_000_000_000 + now.tv_nsec()))
}

/// The tiny guest's clock is UTC.
pub fn timezone(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    Ok(json!({"zone": "UTC", "offset": 0}))
}

/// Nobody logs in by name on the tiny guest, so it keeps no login records.
pub fn users(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    Ok(json!([]))
}

pub fn load(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    let text = read("/proc/loadavg")?;
    let mut fields = text.split_whitespace().map(str::parse::<f64>);
    let mut next = || match fields.next() {
        Some(Ok(value)) => Ok(value),
        _ => Err(AgentError::generic("failed to query load average")),
    };
    Ok(json!({"load1m": next()?, "load5m": next()?, "load15m": next()?}))
}

pub fn cpu_stats(args: &Args) -> Result<Value, AgentError> {
    args.finish()?;
    Ok(parse_cpu_stats(&read("/proc/stat")?))
}

fn parse_cpu_stats(stat: &str) -> Value {
    const NAMES: [&str; 10] = [
        "user",
        "nice",
        "system",
        "idle",
        "iowait",
        "irq",
        "softirq",
        "steal",
        "guest",
        "guestnice",
    ];
    let cpus = stat.lines().filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let cpu: u64 = name.strip_prefix("cpu")?.parse().ok()?;
        let mut entry = Map::from_iter([
            ("type".to_string(), json!("linux")),
            ("cpu".to_string(), json!(cpu)),
        ]);
        for (name, ticks) in NAMES.iter().zip(rest.split_whitespace()) {
            let ticks: u64 = ticks.parse().ok()?;
            entry.insert((*name).to_string(), json!(ticks * MS_PER_TICK));
        }
        Some(Value::Object(entry))
    });
    cpus.collect()
}

/// Reads a file of `/proc` or `/sys`.
pub fn read(path: &str) -> Result<String, AgentError> {
    fs::read_to_string(path)
        .map_err(|error: io::Error| AgentError::system(format!("failed to read {path}"), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_release_values_lose_their_quotes_and_keys_match_whole() {
        let text = "VERSION_ID=\"12\"\nVERSION='1 x'\nID=tiny\n";
        assert_eq!(release_value(text, "VERSION"), Some("1 x"));
        assert_eq!(release_value(text, "ID"), Some("tiny"));
        assert_eq!(release_value(text, "NAME"), None);
    }

    #[test]
    fn cpu_ticks_become_milliseconds_and_the_sum_line_is_left_out() {
        let stats = parse_cpu_stats("cpu  9 9 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n");
        assert_eq!(stats[0]["cpu"], 0);
        assert_eq!(stats[0]["user"], 10);
        assert_eq!(stats[0]["guestnice"], 100);
        assert_eq!(stats.as_array().map(Vec::len), Some(1));
    }
}
