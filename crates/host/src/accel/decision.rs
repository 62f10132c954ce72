//! From what was found to what is used.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Millions of instructions a second above which KVM counts as real. Real processors reach thousands, TCG some hundreds, a KVM that
/// interprets its guest about one.
const REAL_MIPS: f64 = 100.0;

/// What runs a guest's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accel {
    /// The processor, through `/dev/kvm`.
    Kvm,
    /// QEMU's own translator.
    Tcg,
}

/// Which accelerator is used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which.
    pub accel: Accel,
    /// Why.
    pub reason: String,
}

/// What was found about `/dev/kvm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Finding {
    /// There is none.
    Absent,
    /// We may not open it.
    Denied,
    /// It does not open.
    Unopened { error: String },
    /// It is not the interface QEMU speaks.
    Unfit { why: String },
    /// It would not build a machine.
    Failed { step: String, error: String },
    /// A loop ran.
    Ran { instructions: u64, nanoseconds: u64 },
    /// The loop never got anywhere, or the process that was to run it.
    Stuck { why: String },
    /// We cannot tell on this kind of processor; that it opens has to do.
    Unmeasured,
}

impl Accel {
    /// The word QEMU's `-accel` takes.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }
}

impl fmt::Display for Accel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.accel, self.reason)
    }
}

impl Finding {
    pub(super) fn decide(&self) -> Decision {
        let tcg = |reason: String| Decision {
            accel: Accel::Tcg,
            reason,
        };
        match self {
            Finding::Absent => tcg("no /dev/kvm".into()),
            Finding::Denied => {
                tcg("/dev/kvm: permission denied; hint: add yourself to group kvm".into())
            }
            Finding::Unopened { error } => tcg(format!("/dev/kvm: {error}")),
            Finding::Unfit { why } => tcg(format!("kvm present but unfit: {why}")),
            Finding::Failed { step, error } => {
                tcg(format!("kvm present but failed to {step}: {error}"))
            }
            Finding::Stuck { why } => tcg(format!("kvm present but stuck: {why}")),
            Finding::Unmeasured => Decision {
                accel: Accel::Kvm,
                reason: "opens; not measured".into(),
            },
            Finding::Ran {
                instructions,
                nanoseconds,
            } => {
                let mips = mips(*instructions, Duration::from_nanos(*nanoseconds));
                if mips >= REAL_MIPS {
                    Decision {
                        accel: Accel::Kvm,
                        reason: format!("{mips:.0} MIPS"),
                    }
                } else {
                    tcg(format!("kvm present but emulated: {mips:.1} MIPS"))
                }
            }
        }
    }

    /// Would it be the same a moment later? What may have been bad luck is not worth remembering.
    pub(super) fn lasts(&self) -> bool {
        !matches!(
            self,
            Finding::Stuck { .. } | Finding::Failed { .. } | Finding::Unopened { .. }
        )
    }
}

fn mips(instructions: u64, time: Duration) -> f64 {
    // A MIPS is a million a second, which is one a microsecond.
    let instructions = instructions as f64;
    instructions / (time.as_secs_f64() * 1e6).max(1e-3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(finding: &Finding) -> String {
        finding.decide().to_string()
    }

    #[test]
    fn the_speed_of_the_loop_decides() {
        let ran = |instructions, ms: u64| Finding::Ran {
            instructions,
            nanoseconds: ms * 1_000_000,
        };
        assert_eq!(said(&ran(20_000_000, 10)), "kvm (2000 MIPS)");
        assert_eq!(
            said(&ran(275_000, 250)),
            "tcg (kvm present but emulated: 1.1 MIPS)"
        );
        assert_eq!(said(&ran(25_000_000, 250)), "kvm (100 MIPS)");
        assert_eq!(
            said(&ran(0, 250)),
            "tcg (kvm present but emulated: 0.0 MIPS)"
        );
        assert_eq!(ran(1, 0).decide().accel, Accel::Kvm);
    }

    #[test]
    fn each_obstacle_is_named() {
        assert_eq!(said(&Finding::Absent), "tcg (no /dev/kvm)");
        assert_eq!(
            said(&Finding::Denied),
            "tcg (/dev/kvm: permission denied; hint: add yourself to group kvm)"
        );
        assert_eq!(
            said(&Finding::Unopened {
                error: "device busy".into()
            }),
            "tcg (/dev/kvm: device busy)"
        );
        let failed = Finding::Failed {
            step: "create a VM".into(),
            error: "EINVAL".into(),
        };
        assert_eq!(
            said(&failed),
            "tcg (kvm present but failed to create a VM: EINVAL)"
        );
    }

    #[test]
    fn bad_luck_is_not_remembered() {
        assert!(!Finding::Stuck { why: String::new() }.lasts());
        assert!(Finding::Denied.lasts());
        assert!(
            Finding::Ran {
                instructions: 1,
                nanoseconds: 1
            }
            .lasts()
        );
    }
}
