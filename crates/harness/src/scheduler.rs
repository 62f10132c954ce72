//! Which test may start now? Pure: no clock, no task, no machine. It is told what has ended and says what comes next.
//!
//! Jobs are taken in the order in which they were added, but one that finds no room is overtaken by those that do; not for ever,
//! so that a big one gets its turn.

use std::collections::BTreeSet;

/// Jobs that may overtake one that waits for room.
const PATIENCE: usize = 16;

/// What can be used at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    /// Jobs.
    pub jobs: usize,
    /// Virtual CPUs.
    pub cpus: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Memory in huge pages, in bytes.
    pub huge_pages: u64,
}

/// What a job uses, and what it waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Job {
    /// Virtual CPUs.
    pub cpus: u64,
    /// Memory, in bytes.
    pub memory: u64,
    /// Memory in huge pages, in bytes.
    pub huge_pages: u64,
    /// Things only one job at a time may use.
    pub exclusive: BTreeSet<String>,
    /// Is everything such a thing?
    pub alone: bool,
    /// Jobs that must have passed before.
    pub needs: Vec<JobId>,
}

/// A job: the number of jobs added before it.
pub(crate) type JobId = usize;

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start this job.
    Start(JobId),
    /// This job will never start, for this one, the first of those it needs, has not passed. It counts as ended without passing.
    Skip(JobId, JobId),
    /// This job will never start, for this one that it needs is one of those that wait for one another, or for those that do.
    Stuck(JobId, JobId),
    /// Nothing until a job has ended.
    Wait,
    /// All jobs have ended.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting { overtaken: usize },
    Running,
    Ended { passed: bool },
}

/// Decides which job starts when.
#[derive(Debug)]
pub(crate) struct Scheduler {
    capacity: Capacity,
    jobs: Vec<(Job, State)>,
    /// Waiting, in order.
    waiting: Vec<JobId>,
    running: Vec<JobId>,
    /// Told of as stuck.
    stuck: Vec<JobId>,
}

impl Scheduler {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            jobs: Vec::new(),
            waiting: Vec::new(),
            running: Vec::new(),
            stuck: Vec::new(),
        }
    }

    /// Adds a job behind all others. What it needs may be added later.
    pub(crate) fn add(&mut self, job: Job) -> JobId {
        let id = self.jobs.len();
        self.jobs.push((job, State::Waiting { overtaken: 0 }));
        self.waiting.push(id);
        id
    }

    /// Does nothing wait, though one more job may run?
    pub(crate) fn has_idle_room(&self) -> bool {
        self.waiting.is_empty() && self.running.len() < self.capacity.jobs
    }

    /// What comes next. A job that is said to be started runs from now on.
    pub(crate) fn next(&mut self) -> Next {
        let mut no_room: Vec<JobId> = Vec::new();
        let mut found = None;
        for (place, &id) in self.waiting.iter().enumerate() {
            match self.readiness(id) {
                Readiness::Never(needed) => {
                    self.waiting.remove(place);
                    self.jobs[id].1 = State::Ended { passed: false };
                    return Next::Skip(id, needed);
                }
                Readiness::NotYet => {}
                Readiness::NoRoom { impatient: true } => break,
                Readiness::NoRoom { impatient: false } => no_room.push(id),
                Readiness::Now => {
                    found = Some((place, id));
                    break;
                }
            }
        }
        if let Some((place, id)) = found {
            self.waiting.remove(place);
            self.jobs[id].1 = State::Running;
            self.running.push(id);
            for overtaken in no_room {
                if let State::Waiting { overtaken } = &mut self.jobs[overtaken].1 {
                    *overtaken += 1;
                }
            }
            return Next::Start(id);
        }
        match (self.running.is_empty(), self.waiting.first()) {
            (false, _) => Next::Wait,
            (true, None) => Next::Done,
            (true, Some(&id)) => {
                self.waiting.remove(0);
                let needs = self.jobs[id].0.needs.iter().copied();
                let missing = needs.clone().find(|&needed| !self.has_passed(needed));
                self.stuck.push(id);
                if self.waiting.is_empty() {
                    // Only now, so that all of them are told of as stuck.
                    for id in std::mem::take(&mut self.stuck) {
                        self.jobs[id].1 = State::Ended { passed: false };
                    }
                }
                Next::Stuck(id, missing.unwrap_or(id))
            }
        }
    }

    fn has_passed(&self, id: JobId) -> bool {
        let state = self.jobs.get(id).map(|(_, state)| *state);
        state == Some(State::Ended { passed: true })
    }

    /// A job that was started has ended.
    pub(crate) fn ended(&mut self, id: JobId, passed: bool) {
        self.running.retain(|&running| running != id);
        self.jobs[id].1 = State::Ended { passed };
    }

    fn readiness(&self, id: JobId) -> Readiness {
        let (job, state) = &self.jobs[id];
        let mut missing = None;
        for &needed in &job.needs {
            match self.jobs.get(needed).map(|(_, state)| *state) {
                Some(State::Ended { passed: true }) => {}
                // Which of them is told must not depend on which ended first.
                Some(State::Ended { passed: false }) => missing = missing.or(Some(needed)),
                _ => return Readiness::NotYet,
            }
        }
        match (missing, state) {
            (Some(missing), _) => Readiness::Never(missing),
            _ if self.has_room(job) => Readiness::Now,
            (_, State::Waiting { overtaken }) if *overtaken < PATIENCE => {
                Readiness::NoRoom { impatient: false }
            }
            _ => Readiness::NoRoom { impatient: true },
        }
    }

    /// Where nothing runs there is room for anything, however big.
    fn has_room(&self, job: &Job) -> bool {
        let running = || self.running.iter().map(|&id| &self.jobs[id].0);
        let sum = |of: fn(&Job) -> u64| running().map(of).fold(of(job), u64::saturating_add);
        self.running.is_empty()
            || (self.running.len() < self.capacity.jobs
                && !job.alone
                && sum(|job| job.cpus) <= self.capacity.cpus
                && sum(|job| job.memory) <= self.capacity.memory
                && sum(|job| job.huge_pages) <= self.capacity.huge_pages
                && running()
                    .all(|other| !other.alone && other.exclusive.is_disjoint(&job.exclusive)))
    }
}

enum Readiness {
    Now,
    NoRoom { impatient: bool },
    NotYet,
    Never(JobId),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLENTY: Capacity = Capacity {
        jobs: 4,
        cpus: 8,
        memory: 1000,
        huge_pages: 100,
    };

    fn job(cpus: u64, memory: u64) -> Job {
        Job {
            cpus,
            memory,
            ..Job::default()
        }
    }

    fn scheduler(capacity: Capacity, jobs: impl IntoIterator<Item = Job>) -> Scheduler {
        let mut scheduler = Scheduler::new(capacity);
        for job in jobs {
            scheduler.add(job);
        }
        scheduler
    }

    /// What starts before anything ends.
    fn starts(scheduler: &mut Scheduler) -> Vec<JobId> {
        let next = std::iter::from_fn(|| match scheduler.next() {
            Next::Start(id) => Some(id),
            _ => None,
        });
        next.collect()
    }

    #[test]
    fn jobs_start_in_order_as_many_as_there_is_room_for() {
        let mut three_at_a_time = scheduler(PLENTY, (0..5).map(|_| job(2, 300)));
        assert_eq!(starts(&mut three_at_a_time), [0, 1, 2]);
        three_at_a_time.ended(1, true);
        assert_eq!(starts(&mut three_at_a_time), [3]);
        for id in [0, 2, 3] {
            three_at_a_time.ended(id, false);
        }
        assert_eq!(starts(&mut three_at_a_time), [4]);
        assert_eq!(three_at_a_time.next(), Next::Wait);
        three_at_a_time.ended(4, true);
        assert_eq!(three_at_a_time.next(), Next::Done);
    }

    #[test]
    fn no_more_run_at_a_time_than_was_asked_for() {
        let mut small = scheduler(PLENTY, (0..9).map(|_| job(0, 0)));
        assert_eq!(starts(&mut small).len(), 4);
    }

    #[test]
    fn a_job_that_is_bigger_than_all_there_is_runs_alone() {
        let mut scheduler = scheduler(PLENTY, [job(1, 1), job(99, 9999), job(1, 1)]);
        assert_eq!(starts(&mut scheduler), [0, 2]);
        scheduler.ended(0, true);
        assert!(starts(&mut scheduler).is_empty());
        scheduler.ended(2, true);
        assert_eq!(starts(&mut scheduler), [1]);
    }

    #[test]
    fn a_big_job_is_overtaken_only_so_often() {
        let mut scheduler = scheduler(PLENTY, [job(1, 1), job(8, 1)]);
        for _ in 0..3 * PATIENCE {
            scheduler.add(job(1, 1));
        }
        let mut running = starts(&mut scheduler);
        let mut before = running.len();
        while !running.is_empty() {
            scheduler.ended(running.remove(0), true);
            let started = starts(&mut scheduler);
            if started.contains(&1) {
                break;
            }
            before += started.len();
            running.extend(started);
        }
        assert_eq!(before, 1 + PATIENCE);
    }

    #[test]
    fn what_is_exclusive_has_one_user_at_a_time() {
        let uses = |names: &[&str]| Job {
            exclusive: names.iter().map(|&name| name.to_owned()).collect(),
            ..Job::default()
        };
        let jobs = [
            uses(&["eth1"]),
            uses(&["eth1", "br0"]),
            uses(&["br0"]),
            uses(&[]),
        ];
        let mut scheduler = scheduler(PLENTY, jobs);
        assert_eq!(starts(&mut scheduler), [0, 2, 3]);
        scheduler.ended(0, true);
        assert!(starts(&mut scheduler).is_empty());
        scheduler.ended(2, true);
        assert_eq!(starts(&mut scheduler), [1]);
    }

    #[test]
    fn a_job_that_must_be_alone_is_alone() {
        let alone = Job {
            alone: true,
            ..Job::default()
        };
        let mut scheduler = scheduler(PLENTY, [job(1, 1), alone, job(1, 1)]);
        assert_eq!(starts(&mut scheduler), [0, 2]);
        scheduler.ended(0, true);
        scheduler.ended(2, true);
        scheduler.add(job(1, 1));
        assert_eq!(starts(&mut scheduler), [1]);
        scheduler.ended(1, true);
        assert_eq!(starts(&mut scheduler), [3]);
    }

    fn needing(needs: &[JobId]) -> Job {
        Job {
            needs: needs.to_vec(),
            ..Job::default()
        }
    }

    #[test]
    fn a_job_waits_for_what_it_needs_wherever_that_stands() {
        let mut scheduler = scheduler(PLENTY, [needing(&[2]), needing(&[]), needing(&[1])]);
        assert_eq!(starts(&mut scheduler), [1]);
        scheduler.ended(1, true);
        assert_eq!(starts(&mut scheduler), [2]);
        scheduler.ended(2, true);
        assert_eq!(starts(&mut scheduler), [0]);
    }

    #[test]
    fn what_needs_a_job_that_did_not_pass_is_skipped_and_all_that_needs_it() {
        let mut scheduler = scheduler(
            PLENTY,
            [needing(&[1]), needing(&[2]), needing(&[]), needing(&[])],
        );
        assert_eq!(starts(&mut scheduler), [2, 3]);
        scheduler.ended(2, false);
        assert_eq!(scheduler.next(), Next::Skip(1, 2));
        assert_eq!(scheduler.next(), Next::Skip(0, 1));
        scheduler.ended(3, true);
        assert_eq!(scheduler.next(), Next::Done);
    }

    #[test]
    fn the_first_that_did_not_pass_is_named_whichever_ended_first() {
        for ends in [[0, 1], [1, 0]] {
            let jobs = [&[][..], &[], &[0, 1]];
            let mut scheduler = scheduler(PLENTY, jobs.map(needing));
            assert_eq!(starts(&mut scheduler), [0, 1]);
            scheduler.ended(ends[0], false);
            assert_eq!(scheduler.next(), Next::Wait);
            scheduler.ended(ends[1], false);
            assert_eq!(scheduler.next(), Next::Skip(2, 0));
        }
    }

    #[test]
    fn jobs_that_need_one_another_are_skipped_when_nothing_else_is_left() {
        let jobs = [&[1][..], &[0], &[2], &[], &[3, 0]];
        let mut scheduler = scheduler(PLENTY, jobs.map(needing));
        assert_eq!(starts(&mut scheduler), [3]);
        scheduler.ended(3, true);
        assert_eq!(scheduler.next(), Next::Stuck(0, 1));
        assert_eq!(scheduler.next(), Next::Stuck(1, 0));
        assert_eq!(scheduler.next(), Next::Stuck(2, 2));
        assert_eq!(scheduler.next(), Next::Stuck(4, 0));
        assert_eq!(scheduler.next(), Next::Done);
    }

    fn any_job(count: usize) -> impl Strategy<Value = Job> {
        let exclusive = proptest::collection::btree_set("[ab]", 0..2);
        let needs = proptest::collection::vec(0..count, 0..2);
        let memory = (0..1400_u64, 0..140_u64);
        (0..12_u64, memory, exclusive, 0..10, needs).prop_map(
            |(cpus, (memory, huge_pages), exclusive, alone, needs)| Job {
                cpus,
                memory,
                huge_pages,
                exclusive,
                alone: alone == 0,
                needs,
            },
        )
    }

    fn any_jobs() -> impl Strategy<Value = Vec<Job>> {
        (1..20_usize).prop_flat_map(|count| proptest::collection::vec(any_job(count), count))
    }

    proptest! {
        /// Whatever the jobs, and in whichever order they end: each starts or is skipped exactly once, never before what it needs
        /// has passed, and never are more at work than there is room for, but for one alone.
        #[test]
        fn every_job_has_its_turn_within_its_bounds(
            jobs in any_jobs(),
            ends in proptest::collection::vec((0..8_usize, 0..10), 64),
        ) {
            let mut scheduler = scheduler(PLENTY, jobs.clone());
            let mut running: Vec<JobId> = Vec::new();
            let mut outcome: Vec<Option<bool>> = vec![None; jobs.len()];
            let mut seen = BTreeSet::new();
            let mut ends = ends.into_iter().cycle();
            loop {
                match scheduler.next() {
                    Next::Start(id) => {
                        prop_assert!(seen.insert(id));
                        prop_assert!(jobs[id].needs.iter().all(|&needed| outcome[needed] == Some(true)));
                        running.push(id);
                        let at_work = || running.iter().map(|&id| &jobs[id]);
                        if running.len() > 1 {
                            prop_assert!(running.len() <= PLENTY.jobs);
                            prop_assert!(at_work().map(|job| job.cpus).sum::<u64>() <= PLENTY.cpus);
                            prop_assert!(at_work().map(|job| job.memory).sum::<u64>() <= PLENTY.memory);
                            prop_assert!(at_work().map(|job| job.huge_pages).sum::<u64>() <= PLENTY.huge_pages);
                            prop_assert!(at_work().all(|job| !job.alone));
                            let users = at_work().flat_map(|job| &job.exclusive);
                            prop_assert_eq!(users.clone().count(), users.collect::<BTreeSet<_>>().len());
                        }
                    }
                    Next::Skip(id, needed) => {
                        prop_assert!(seen.insert(id));
                        let missing = jobs[id].needs.iter().find(|&&needed| outcome[needed] != Some(true));
                        prop_assert_eq!(missing, Some(&needed));
                        prop_assert_eq!(outcome[needed], Some(false));
                        outcome[id] = Some(false);
                    }
                    Next::Stuck(id, needed) => {
                        prop_assert!(seen.insert(id));
                        prop_assert!(running.is_empty() && jobs[id].needs.contains(&needed));
                        outcome[id] = Some(false);
                    }
                    Next::Wait => {
                        prop_assert!(!running.is_empty());
                        let (which, passed) = ends.next().unwrap_or((0, 0));
                        let id = running.remove(which % running.len());
                        outcome[id] = Some(passed > 0);
                        scheduler.ended(id, passed > 0);
                    }
                    Next::Done => break,
                }
            }
            prop_assert!(running.is_empty());
            prop_assert_eq!(seen.len(), jobs.len());
        }

        /// One at a time is no special case: without needs, jobs run in the order in which they were added.
        #[test]
        fn one_at_a_time_is_the_order_given(jobs in any_jobs()) {
            let one = Capacity { jobs: 1, ..PLENTY };
            let free = jobs.iter().cloned().map(|job| Job { needs: Vec::new(), ..job });
            let mut scheduler = scheduler(one, free);
            for id in 0..jobs.len() {
                prop_assert_eq!(scheduler.next(), Next::Start(id));
                prop_assert_eq!(scheduler.next(), if id < jobs.len() { Next::Wait } else { Next::Done });
                scheduler.ended(id, true);
            }
            prop_assert_eq!(scheduler.next(), Next::Done);
        }
    }
}
