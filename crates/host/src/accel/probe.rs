//! Finding out in a process of its own, once a boot.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Decision;
use super::decision::Finding;
use super::kvm::PREFIX;
use crate::process::boot_id;
use crate::run::run;

/// When the process is killed, should it not heed its own timer.
const LIMIT: Duration = Duration::from_secs(1);

const DEVICE: &str = "/dev/kvm";

/// Raised when what is kept changes its meaning.
const FORMAT: u32 = 1;

/// What is kept of a probe, and what it depends on.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    format: u32,
    circumstances: Circumstances,
    finding: Finding,
}

/// What has to be the same for an old finding to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Circumstances {
    boot_id: String,
    /// Device number, inode, owner, group and mode of `/dev/kvm`.
    device: [u64; 5],
    user: u32,
    groups: Vec<u32>,
}

/// Decides on the accelerator: recalls what was found since the machine was started, or finds out, which takes at most a little over a
/// second and usually a tenth of that.
///
/// `program` is started with `arguments` and must call [`super::kvm_probe_child`] at once: usually our own binary with a hidden command.
/// `cache` is where findings are kept.
#[must_use]
pub fn probe(program: &Path, arguments: &[&str], cache: &Path) -> Decision {
    let Ok(device) = fs::metadata(DEVICE) else {
        return Finding::Absent.decide();
    };
    let file = cache.join("accel.json");
    let circumstances = Circumstances::now(&device).ok();
    if let Some(finding) = circumstances.as_ref().and_then(|now| recall(&file, now)) {
        return finding.decide();
    }
    let finding = ask(program, arguments);
    if let Some(circumstances) = circumstances.filter(|_| finding.lasts()) {
        // A cache that cannot be written costs time at every start, nothing else.
        let _ = crate::cache::store(
            &file,
            &Kept {
                format: FORMAT,
                circumstances,
                finding: finding.clone(),
            },
        );
    }
    finding.decide()
}

impl Circumstances {
    fn now(device: &fs::Metadata) -> io::Result<Self> {
        let mut groups: Vec<u32> = rustix::process::getgroups()?
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect();
        groups.push(rustix::process::getegid().as_raw());
        groups.sort_unstable();
        Ok(Circumstances {
            boot_id: boot_id()?,
            device: [
                device.rdev(),
                device.ino(),
                device.uid().into(),
                device.gid().into(),
                device.mode().into(),
            ],
            user: rustix::process::geteuid().as_raw(),
            groups,
        })
    }
}

fn recall(file: &Path, now: &Circumstances) -> Option<Finding> {
    let kept: Kept = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (kept.format == FORMAT && kept.circumstances == *now).then_some(kept.finding)
}

fn ask(program: &Path, arguments: &[&str]) -> Finding {
    let mut command = Command::new(program);
    command.args(arguments);
    let finished = match run(command, LIMIT) {
        Ok(finished) => finished,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return Finding::Stuck {
                why: format!("the probe did not end within {LIMIT:?}"),
            };
        }
        Err(error) => {
            return Finding::Stuck {
                why: format!("the probe did not start: {error}"),
            };
        }
    };
    let line = finished
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(PREFIX));
    let finding = line.and_then(|line| serde_json::from_str(line).ok());
    let said = finished
        .stderr
        .lines()
        .last()
        .map(|line| format!(": {line}"))
        .unwrap_or_default();
    finding.unwrap_or_else(|| Finding::Stuck {
        why: format!("the probe {}{said}", finished.exit),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circumstances() -> Circumstances {
        Circumstances {
            boot_id: "b".into(),
            device: [1, 2, 3, 4, 5],
            user: 6,
            groups: vec![7],
        }
    }

    #[test]
    fn a_finding_holds_only_under_the_circumstances_it_was_made_in() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("cache/accel.json");
        assert_eq!(recall(&file, &circumstances()), None);
        let finding = Finding::Ran {
            instructions: 3,
            nanoseconds: 4,
        };
        crate::cache::store(
            &file,
            &Kept {
                format: FORMAT,
                circumstances: circumstances(),
                finding: finding.clone(),
            },
        )
        .unwrap();
        assert_eq!(recall(&file, &circumstances()), Some(finding));
        for change in [
            |c: &mut Circumstances| c.boot_id.push('x'),
            |c: &mut Circumstances| c.device[4] = 0,
            |c: &mut Circumstances| c.user += 1,
            |c: &mut Circumstances| c.groups.push(8),
        ] {
            let mut other = circumstances();
            change(&mut other);
            assert_eq!(recall(&file, &other), None);
        }
        fs::write(&file, "half").unwrap();
        assert_eq!(recall(&file, &circumstances()), None);
    }

    fn asked(script: &str) -> String {
        ask(Path::new("sh"), &["-c", script]).decide().to_string()
    }

    #[test]
    fn a_probe_that_hangs_or_dies_means_tcg() {
        assert_eq!(
            asked("sleep 1000"),
            "tcg (kvm present but stuck: the probe did not end within 1s)"
        );
        assert_eq!(
            asked("kill -KILL $$"),
            "tcg (kvm present but stuck: the probe was killed by SIGKILL)"
        );
        assert_eq!(
            asked("echo nothing of use"),
            "tcg (kvm present but stuck: the probe exited with status 0)"
        );
    }

    #[test]
    fn the_finding_is_told_among_other_output() {
        assert_eq!(
            asked("echo noise; echo 'kvm-probe \"denied\"'; echo"),
            Finding::Denied.decide().to_string()
        );
    }
}
