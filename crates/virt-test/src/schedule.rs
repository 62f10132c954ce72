//! How many tests at a time, how often and in which order: what was typed becomes a [`Schedule`].

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use harness::{Limits, Order, Rounds, Schedule};
use params::ByteSize;

use crate::args::ScheduleArgs;
use crate::history;

/// What was typed, made definite. `cache` is where the times of earlier runs are.
pub fn schedule(args: &ScheduleArgs, cache: &Path) -> Schedule {
    let jobs = args.jobs.or(args.stress);
    let mut limits = Limits::of_host(jobs, args.mem_budget.map(ByteSize::as_bytes));
    limits.keep_for_idle(args.prepared);
    if args.stress.is_some() {
        // More than there is room for is what is asked for.
        limits.cpus = u64::MAX;
    }
    let order = match &args.shuffle {
        Some(seed) if seed.is_empty() => Order::Shuffled(any_seed()),
        Some(seed) => Order::Shuffled(seed.clone()),
        None if limits.jobs == 1 => Order::AsGiven,
        None => Order::LongestFirst(history::recall(cache)),
    };
    let rounds = match (args.repeat, args.stress, args.until_fail) {
        (Some(times), ..) => Rounds::Times(times),
        (_, Some(times), _) => Rounds::Together(times),
        (.., true) => Rounds::UntilFail,
        _ => Rounds::Once,
    };
    Schedule {
        limits,
        order,
        rounds,
        max_fail: args.max_fail.or(args.fail_fast.then_some(1)),
        time: args.run_timeout,
    }
}

/// Short enough to be typed again.
fn any_seed() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanoseconds = now.map_or(0, |now| now.subsec_nanos());
    format!("{}", nanoseconds % 1_000_000)
}
