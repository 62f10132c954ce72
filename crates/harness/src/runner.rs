//! Runs a plan: as many tests at a time as there is room for, once or in rounds, until all are done or the run is halted.

use std::sync::Arc;
use std::time::Duration;

use events::{Counts, Event, TestPlan, Verdict};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::error;

use crate::attempt;
use crate::budget::{self, Limits};
use crate::env::Env;
use crate::order::Order;
use crate::plan::{Plan, Planned};
use crate::scheduler::{Job, JobId, Next, Scheduler};

/// How a plan is run.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// How much may run at a time.
    pub limits: Limits,
    /// What is preferred where there is a choice.
    pub order: Order,
    /// How often each test is run.
    pub rounds: Rounds,
    /// After this many tests that failed, no more begin.
    pub max_fail: Option<usize>,
    /// After this time the run is halted.
    pub time: Option<Duration>,
}

/// How often each test is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounds {
    /// Once.
    Once,
    /// So many times, one round after the other.
    Times(usize),
    /// So many times, all rounds of a test together.
    Together(usize),
    /// Round after round until a test fails.
    UntilFail,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many tests ended how.
    pub counts: Counts,
    /// Was it halted before its end?
    pub halted: bool,
}

/// Halts a run: what runs is interrupted, nothing more begins. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Halt(watch::Sender<Option<String>>);

impl Halt {
    /// Halts now; the reason is that of the tests which are interrupted.
    pub fn now(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.0.send_if_modified(|halted| {
            let first = halted.is_none();
            if first {
                *halted = Some(reason);
            }
            first
        });
    }

    fn halted(&self) -> Halted {
        Halted(self.0.subscribe())
    }
}

/// The other end of [`Halt`].
#[derive(Debug, Clone)]
pub(crate) struct Halted(watch::Receiver<Option<String>>);

impl Halted {
    /// Why the run is halted, if it is.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.borrow().clone()
    }

    /// Returns the reason when the run is halted.
    pub(crate) async fn halted(&mut self) -> String {
        let reason = self.0.wait_for(Option::is_some).await;
        let reason = reason.ok().and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            // Nobody is left to halt it.
            None => std::future::pending().await,
        }
    }
}

/// Runs the tests of `plan`.
pub async fn run(env: Arc<Env>, plan: &Plan, schedule: &Schedule, halt: &Halt) -> Summary {
    let mut run = Run::new(env, plan, schedule);
    let mut running = JoinSet::new();
    let halted = halt.halted();
    let mut out_of_time = std::pin::pin!(async {
        match schedule.time {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    });
    run.add_rounds();
    loop {
        if halted.reason().is_none() && !run.stopping {
            match run.scheduler.next() {
                Next::Start(id) => {
                    run.start(id, &mut running, halted.clone());
                    continue;
                }
                Next::Skip(id, needed) => {
                    let why = run.why_missing(needed);
                    run.skip(id, needed, &why);
                    continue;
                }
                Next::Stuck(id, needed) => {
                    run.skip(id, needed, "cannot be run: tests need one another");
                    continue;
                }
                Next::Done if schedule.rounds == Rounds::UntilFail => {
                    run.add_round();
                    continue;
                }
                Next::Wait if run.wants_another_round() => {
                    run.add_round();
                    continue;
                }
                Next::Wait | Next::Done => {}
            }
        }
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok((id, verdict))) => run.ended(id, verdict),
                Some(Err(join)) => error!("a test was lost: {join}"),
                None => break,
            },
            () = &mut out_of_time, if halted.reason().is_none() => {
                let seconds = schedule.time.unwrap_or_default().as_secs_f64();
                let reason = format!("the run has taken its {seconds} s");
                run.env.events.send(Event::Stopping { reason: reason.clone() });
                halt.now(reason);
            }
        }
    }
    run.env.templates.pool.close().await;
    Summary {
        counts: run.counts,
        halted: halted.reason().is_some(),
    }
}

struct Run<'a> {
    env: Arc<Env>,
    plan: &'a Plan,
    schedule: &'a Schedule,
    needs: Vec<Vec<usize>>,
    scheduler: Scheduler,
    /// The test of each job.
    jobs: Vec<Planned>,
    verdicts: Vec<Option<Verdict>>,
    rounds: usize,
    counts: Counts,
    /// Does nothing more begin?
    stopping: bool,
}

impl<'a> Run<'a> {
    fn new(env: Arc<Env>, plan: &'a Plan, schedule: &'a Schedule) -> Self {
        Self {
            env,
            plan,
            schedule,
            needs: plan.needs(),
            scheduler: Scheduler::new(schedule.limits.capacity()),
            jobs: Vec::new(),
            verdicts: Vec::new(),
            rounds: 0,
            counts: Counts::default(),
            stopping: false,
        }
    }

    /// Adds what is known from the start.
    fn add_rounds(&mut self) {
        match self.schedule.rounds {
            Rounds::Once => self.add(vec![self.plan.tests().to_vec()]),
            Rounds::Times(times) | Rounds::Together(times) => {
                let rounds = (1..=times).map(|round| self.plan.round(round).collect());
                self.add(rounds.collect());
            }
            Rounds::UntilFail => self.add_round(),
        }
    }

    fn add_round(&mut self) {
        self.add(vec![self.plan.round(self.rounds + 1).collect()]);
    }

    /// Would a job of a round to come find something to do?
    fn wants_another_round(&self) -> bool {
        self.schedule.rounds == Rounds::UntilFail && self.scheduler.has_idle_room()
    }

    /// Adds the tests of these rounds, each in the order of the plan.
    fn add(&mut self, rounds: Vec<Vec<Planned>>) {
        self.env.events.send(self.planned(&rounds));
        let first = self.jobs.len();
        // Which test of which round is the next job.
        let mut order: Vec<(usize, usize)> = Vec::new();
        for round in 0..rounds.len() {
            let number = self.rounds + round + 1;
            let places = self.schedule.order.of(self.plan, &self.needs, number);
            order.extend(places.into_iter().map(|place| (round, place)));
        }
        if let Rounds::Together(_) = self.schedule.rounds {
            let places = self.schedule.order.of(self.plan, &self.needs, 1);
            let all = places.into_iter();
            order = all
                .flat_map(|place| (0..rounds.len()).map(move |round| (round, place)))
                .collect();
        }
        let mut ids = vec![vec![0; self.plan.tests().len()]; rounds.len()];
        for (id, &(round, place)) in (first..).zip(&order) {
            ids[round][place] = id;
        }
        for &(round, place) in &order {
            let planned = rounds[round][place].clone();
            let needs = self.needs[place].iter();
            self.scheduler.add(Job {
                needs: needs.map(|&needed| ids[round][needed]).collect(),
                ..budget::job(planned.params())
            });
            self.jobs.push(planned);
            self.verdicts.push(None);
        }
        self.rounds += rounds.len();
    }

    fn planned(&self, rounds: &[Vec<Planned>]) -> Event {
        let test = |test: &Planned| TestPlan {
            index: test.index,
            name: test.name().to_owned(),
            round: test.round,
        };
        Event::Planned {
            jobs: Some(self.schedule.limits.jobs),
            shuffle: match &self.schedule.order {
                Order::Shuffled(seed) => Some(seed.clone()),
                _ => None,
            },
            tests: rounds.iter().flatten().map(test).collect(),
        }
    }

    fn start(&self, id: JobId, running: &mut JoinSet<(JobId, Verdict)>, halted: Halted) {
        let env = Arc::clone(&self.env);
        let planned = self.jobs[id].clone();
        running.spawn(async move { (id, attempt::run(&env, &planned, halted).await) });
    }

    fn ended(&mut self, id: JobId, verdict: Verdict) {
        self.scheduler
            .ended(id, matches!(verdict, Verdict::Pass | Verdict::Warn));
        self.note(id, verdict);
        let max_fail = match self.schedule.rounds {
            Rounds::UntilFail => Some(self.schedule.max_fail.unwrap_or(1)),
            _ => self.schedule.max_fail,
        };
        let failed = self.counts.fail + self.counts.error;
        let enough = max_fail.is_some_and(|max_fail| failed >= max_fail);
        if enough && !std::mem::replace(&mut self.stopping, true) {
            let reason = match failed {
                1 => "1 test has failed".to_owned(),
                failed => format!("{failed} tests have failed"),
            };
            self.env.events.send(Event::Stopping { reason });
        }
    }

    fn why_missing(&self, id: JobId) -> String {
        match self.verdicts[id] {
            Some(Verdict::Skip) => "was skipped".to_owned(),
            Some(verdict) => format!("ended with {verdict}"),
            None => "was not run".to_owned(),
        }
    }

    fn skip(&mut self, id: JobId, needed: JobId, why: &str) {
        let reason = format!("needs {}, which {why}", self.jobs[needed].name());
        attempt::skip(&self.env, &self.jobs[id], reason);
        self.note(id, Verdict::Skip);
    }

    fn note(&mut self, id: JobId, verdict: Verdict) {
        self.verdicts[id] = Some(verdict);
        self.counts.add(verdict);
    }
}
