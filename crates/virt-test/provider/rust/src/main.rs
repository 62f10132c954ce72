//! The guest can use the memory its machine was given. Speaks TAP: https://testanything.org.

use std::env;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: f64 = env::var("VT_mem")?.parse()?;
    let least = given * env::var("VT_least_share")?.parse::<f64>()? / 100.0;

    println!("1..2");
    let total = in_guest("MemTotal")?;
    report(1, "what the guest sees", least <= total && total <= given, total);
    let available = in_guest("MemAvailable")?;
    report(2, "what is free of it", 0.0 < available && available <= total, available);
    Ok(())
}

fn report(number: u32, what: &str, holds: bool, mebibytes: f64) {
    let result = if holds { "ok" } else { "not ok" };
    println!("{result} {number} - {what}: {mebibytes:.0} MiB");
}

/// A line of the guest's `/proc/meminfo`, in MiB.
fn in_guest(line: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let awk = format!("/^{line}:/ {{ print $2 / 1024 }}");
    let run = Command::new("vt")
        .args(["vm1", "exec", "--", "awk", &awk, "/proc/meminfo"])
        .output()?;
    if !run.status.success() {
        return Err(String::from_utf8_lossy(&run.stderr).into());
    }
    Ok(String::from_utf8(run.stdout)?.trim().parse()?)
}
