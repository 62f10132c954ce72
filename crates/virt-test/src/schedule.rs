//! How many tests at a time, how often and in which order: what was typed becomes a [`Schedule`].

use std::time::{SystemTime, UNIX_EPOCH};

use harness::{Durations, Limits, Order, Plan, Schedule};
use params::ByteSize;

use crate::args::ScheduleArgs;

/// What was typed, made definite.
pub struct Chosen {
    /// The tests, as often as they are run.
    pub plan: Plan,
    /// How they are run.
    pub schedule: Schedule,
}

impl Chosen {
    /// `once` is each test once.
    pub fn new(args: &ScheduleArgs, once: &Plan) -> Self {
        let plan = match args.repeat {
            Some(times) if times > 1 => once.repeated(times),
            _ => once.clone(),
        };
        let limits = Limits::of_host(args.jobs, args.mem_budget.map(ByteSize::as_bytes));
        let order = match &args.shuffle {
            Some(seed) if seed.is_empty() => Order::Shuffled(any_seed()),
            Some(seed) => Order::Shuffled(seed.clone()),
            None if limits.jobs == 1 => Order::AsGiven,
            None => Order::LongestFirst(Durations::new()),
        };
        Self {
            plan,
            schedule: Schedule { limits, order },
        }
    }
}

/// Short enough to be typed again.
fn any_seed() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.map_or(0, |now| now.subsec_nanos());
    format!("{}", nanoseconds % 1_000_000)
}
