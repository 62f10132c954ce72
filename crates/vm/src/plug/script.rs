//! Random sequences of plugging and unplugging: made from a seed, followed by a model, and shrunk when they find something.
//!
//! Nothing here touches a machine. A test carries out the steps, compares what there is with the [`Model`] after each, and lets a [`Shrinker`]
//! find the few steps that matter.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A kind of device that sequences plug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A network card with a user network.
    Nic,
    /// A virtio-blk disk.
    Disk,
    /// A random number generator.
    Rng,
    /// A SCSI controller.
    ScsiController,
    /// A virtio port.
    VirtioPort,
    /// A thread for block devices.
    IoThread,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Nic,
        Self::Disk,
        Self::Rng,
        Self::ScsiController,
        Self::VirtioPort,
        Self::IoThread,
    ];

    /// Does it need a PCI slot?
    #[must_use]
    pub fn is_pci(self) -> bool {
        !matches!(self, Self::VirtioPort | Self::IoThread)
    }
}

/// One step of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Plug a device of this kind, by this number.
    Plug(Kind, u32),
    /// Unplug the device of this number.
    Unplug(u32),
    /// Pause the machine.
    Pause,
    /// Let it go on.
    Resume,
    /// Reset it, and boot its guest again.
    Reset,
    /// Let it move to another QEMU.
    Migrate,
    /// Let QEMU lose the device of this number, behind the model's back: what a sequence that finds something can be tried out with. Never
    /// generated.
    Lose(u32),
}

/// A line of a script.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plug(kind, number) => write!(f, "plug {kind:?} d{number}"),
            Self::Unplug(number) => write!(f, "unplug d{number}"),
            Self::Pause => f.write_str("pause"),
            Self::Resume => f.write_str("resume"),
            Self::Reset => f.write_str("reset"),
            Self::Migrate => f.write_str("migrate"),
            Self::Lose(number) => write!(f, "lose d{number}"),
        }
    }
}

/// A line that is no step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no step (hint: write plug KIND dN, unplug dN, pause, resume, reset, migrate or lose dN)"
)]
pub struct StepError(String);

/// Reads a line as it is written.
impl FromStr for Step {
    type Err = StepError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let error = || StepError(line.trim().to_owned());
        let number = |word: &str| {
            word.strip_prefix('d')
                .and_then(|number| number.parse().ok())
        };
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["pause"] => Ok(Self::Pause),
            ["resume"] => Ok(Self::Resume),
            ["reset"] => Ok(Self::Reset),
            ["migrate"] => Ok(Self::Migrate),
            ["unplug", device] => number(device).map(Self::Unplug).ok_or_else(error),
            ["lose", device] => number(device).map(Self::Lose).ok_or_else(error),
            ["plug", kind, device] => {
                let mut kinds = Kind::ALL.into_iter();
                let kind = kinds.find(|known| format!("{known:?}") == kind);
                let step = kind.zip(number(device));
                step.map(|(kind, number)| Self::Plug(kind, number))
                    .ok_or_else(error)
            }
            _ => Err(error()),
        }
    }
}

/// What should be there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Devices by number.
    pub devices: BTreeMap<u32, Kind>,
    /// Does the machine stand still?
    pub paused: bool,
}

impl Model {
    /// Can the step be carried out now? Steps that cannot, as those they need were left out, are passed over.
    #[must_use]
    pub fn takes(&self, step: &Step, slots: usize) -> bool {
        match step {
            Step::Plug(kind, number) => {
                let taken = self.devices.values().filter(|kind| kind.is_pci());
                !self.devices.contains_key(number) && (!kind.is_pci() || taken.count() < slots)
            }
            // A guest that stands still lets go of nothing.
            Step::Unplug(number) | Step::Lose(number) => {
                !self.paused && self.devices.contains_key(number)
            }
            Step::Pause | Step::Reset => !self.paused,
            Step::Resume => self.paused,
            Step::Migrate => true,
        }
    }

    /// What is there after the step.
    pub fn follow(&mut self, step: &Step) {
        match step {
            Step::Plug(kind, number) => {
                self.devices.insert(*number, *kind);
            }
            Step::Unplug(number) => {
                self.devices.remove(number);
            }
            Step::Pause => self.paused = true,
            Step::Resume => self.paused = false,
            Step::Reset | Step::Migrate | Step::Lose(_) => {}
        }
    }
}

/// A sequence of so many steps, always the same for the same seed.
#[must_use]
pub fn generate(seed: u64, length: usize, slots: usize) -> Vec<Step> {
    let mut random = SplitMix(seed);
    let mut model = Model::default();
    let mut steps = Vec::new();
    let mut number = 0;
    while steps.len() < length {
        let step = match random.below(11) {
            0 if model.paused => Step::Resume,
            0 => Step::Pause,
            // A guest takes seconds to boot again.
            1 if random.below(3) == 0 => Step::Reset,
            1..=3 if model.paused => Step::Resume,
            10 => Step::Migrate,
            2..=5 if !model.devices.is_empty() => {
                let chosen = random.below(model.devices.len());
                let device = model.devices.keys().nth(chosen);
                Step::Unplug(device.copied().unwrap_or_default())
            }
            _ => {
                number += 1;
                Step::Plug(Kind::ALL[random.below(Kind::ALL.len())], number)
            }
        };
        if model.takes(&step, slots) {
            model.follow(&step);
            steps.push(step);
        }
    }
    steps
}

/// Leaves out of a sequence that fails what it fails without: ever smaller parts of it, as long as its budget of attempts allows. Whoever
/// uses it carries each [attempt](Shrinker::attempt) out on a machine of its own, and tells [what it came to](Shrinker::came_to).
#[derive(Debug, Clone)]
pub struct Shrinker {
    smallest: Vec<Step>,
    /// Steps left out at once, and from where.
    part: usize,
    start: usize,
    /// Whether something was left out since the start was last at the beginning.
    shorter: bool,
    budget: usize,
}

impl Shrinker {
    /// Begins with a sequence that fails.
    #[must_use]
    pub fn new(steps: Vec<Step>, budget: usize) -> Self {
        Self {
            part: steps.len() / 2,
            smallest: steps,
            start: 0,
            shorter: false,
            budget,
        }
    }

    /// The next sequence to try; none when there is nothing left to leave out, or no attempt.
    pub fn attempt(&mut self) -> Option<Vec<Step>> {
        if self.start >= self.smallest.len() {
            self.start = 0;
            // A step that was needed before may not be any more, now that others are gone.
            if self.part > 1 || !self.shorter {
                self.part /= 2;
            }
            self.shorter = false;
        }
        if self.budget == 0 || self.part == 0 || self.smallest.len() < 2 {
            return None;
        }
        self.budget -= 1;
        let mut attempt = self.smallest.clone();
        attempt.drain(self.part());
        Some(attempt)
    }

    /// Whether the attempt failed as the whole did.
    pub fn came_to(&mut self, failed: bool) {
        if failed {
            let part = self.part();
            self.smallest.drain(part);
            self.shorter = true;
            self.part = self.part.min(self.smallest.len() / 2).max(1);
        } else {
            self.start += self.part;
        }
    }

    /// The smallest sequence known to fail.
    #[must_use]
    pub fn smallest(&self) -> &[Step] {
        &self.smallest
    }

    fn part(&self) -> Range<usize> {
        self.start..(self.start + self.part).min(self.smallest.len())
    }
}

/// The generator SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOTS: usize = 4;

    #[test]
    fn a_seed_makes_one_sequence_and_every_step_of_it_can_be_taken() {
        for seed in 0..200 {
            let steps = generate(seed, 30, SLOTS);
            assert_eq!(steps, generate(seed, 30, SLOTS));
            let mut model = Model::default();
            for step in &steps {
                assert!(model.takes(step, SLOTS), "seed {seed}: {step} in {steps:?}");
                model.follow(step);
                let pci = model.devices.values().filter(|kind| kind.is_pci());
                assert!(pci.count() <= SLOTS);
            }
        }
        assert_ne!(generate(1, 30, SLOTS), generate(2, 30, SLOTS));
    }

    #[test]
    fn a_step_reads_back_as_it_was_written() {
        let steps: Vec<Step> = (0..8).flat_map(|seed| generate(seed, 50, SLOTS)).collect();
        assert!(steps.contains(&Step::Migrate) && steps.contains(&Step::Reset));
        for step in steps {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        assert_eq!("lose d7".parse(), Ok(Step::Lose(7)));
        assert_eq!(Step::Lose(7).to_string(), "lose d7");
        assert!("plug Toaster d1".parse::<Step>().is_err());
    }

    /// A machine that loses disks in a reset.
    fn loses_a_disk(steps: &[Step]) -> bool {
        let mut model = Model::default();
        for step in steps {
            if !model.takes(step, SLOTS) {
                continue;
            }
            model.follow(step);
            let has_disk = model.devices.values().any(|kind| *kind == Kind::Disk);
            if *step == Step::Reset && has_disk {
                return true;
            }
        }
        false
    }

    fn shrunk(steps: Vec<Step>, budget: usize) -> (Vec<Step>, usize) {
        let mut shrinker = Shrinker::new(steps, budget);
        let mut attempts = 0;
        while let Some(attempt) = shrinker.attempt() {
            attempts += 1;
            shrinker.came_to(loses_a_disk(&attempt));
        }
        (shrinker.smallest().to_vec(), attempts)
    }

    #[test]
    fn a_sequence_that_finds_a_bug_is_shrunk_to_the_steps_that_matter() {
        let mut found = 0;
        for seed in 0..200 {
            let steps = generate(seed, 40, SLOTS);
            if !loses_a_disk(&steps) {
                continue;
            }
            found += 1;
            let (smallest, _) = shrunk(steps, 1000);
            let [Step::Plug(Kind::Disk, _), Step::Reset] = smallest[..] else {
                panic!("seed {seed}: {smallest:?}");
            };
        }
        assert!(found > 20, "only {found} sequences find it");
    }

    #[test]
    fn shrinking_ends_with_its_budget_and_still_fails() {
        let mut steps = (0..200).map(|seed| generate(seed, 40, SLOTS));
        let steps = steps.find(|steps| loses_a_disk(steps)).unwrap();
        let (smallest, attempts) = shrunk(steps, 3);
        assert!(attempts <= 3);
        assert!(loses_a_disk(&smallest));
    }
}
