//! Runs a plan: as many tests at a time as there is room for.

use std::sync::Arc;

use events::{Counts, Verdict};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::error;

use crate::attempt;
use crate::budget::{self, Limits};
use crate::env::Env;
use crate::order::Order;
use crate::plan::Plan;
use crate::scheduler::{Job, JobId, Next, Scheduler};

/// How a plan is run.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// How much may run at a time.
    pub limits: Limits,
    /// What is preferred where there is a choice.
    pub order: Order,
}

/// Runs the tests of `plan` until `stop` says that the run has been interrupted.
pub async fn run(
    env: Arc<Env>,
    plan: &Plan,
    schedule: &Schedule,
    mut stop: watch::Receiver<bool>,
) -> Counts {
    let mut run = Run::new(env, plan, schedule);
    let mut running = JoinSet::new();
    loop {
        if !*stop.borrow_and_update() {
            match run.scheduler.next() {
                Next::Start(id) => {
                    run.start(id, &mut running, stop.clone());
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
                Next::Wait | Next::Done => {}
            }
        }
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok((id, verdict))) => run.ended(id, verdict),
                Some(Err(join)) => error!("a test was lost: {join}"),
                None => break,
            },
            Ok(()) = stop.changed() => {}
        }
    }
    run.counts
}

struct Run<'a> {
    env: Arc<Env>,
    plan: &'a Plan,
    scheduler: Scheduler,
    /// The place in the plan of each job.
    places: Vec<usize>,
    verdicts: Vec<Option<Verdict>>,
    counts: Counts,
}

impl<'a> Run<'a> {
    fn new(env: Arc<Env>, plan: &'a Plan, schedule: &Schedule) -> Self {
        let needs = plan.needs();
        let places = schedule.order.of(plan, &needs);
        let mut ids: Vec<JobId> = vec![0; places.len()];
        for (id, &place) in places.iter().enumerate() {
            ids[place] = id;
        }
        let mut scheduler = Scheduler::new(schedule.limits.capacity());
        for &place in &places {
            scheduler.add(Job {
                needs: needs[place].iter().map(|&needed| ids[needed]).collect(),
                ..budget::job(plan.tests()[place].params())
            });
        }
        Self {
            env,
            plan,
            scheduler,
            verdicts: vec![None; places.len()],
            places,
            counts: Counts::default(),
        }
    }

    fn start(
        &self,
        id: JobId,
        running: &mut JoinSet<(JobId, Verdict)>,
        stop: watch::Receiver<bool>,
    ) {
        let env = Arc::clone(&self.env);
        let planned = self.plan.tests()[self.places[id]].clone();
        running.spawn(async move { (id, attempt::run(&env, &planned, stop).await) });
    }

    fn ended(&mut self, id: JobId, verdict: Verdict) {
        self.scheduler
            .ended(id, matches!(verdict, Verdict::Pass | Verdict::Warn));
        self.note(id, verdict);
    }

    fn why_missing(&self, id: JobId) -> String {
        match self.verdicts[self.places[id]] {
            Some(Verdict::Skip) => "was skipped".to_owned(),
            Some(verdict) => format!("ended with {verdict}"),
            None => "was not run".to_owned(),
        }
    }

    fn skip(&mut self, id: JobId, needed: JobId, why: &str) {
        let [test, needed] = [id, needed].map(|id| &self.plan.tests()[self.places[id]]);
        let reason = format!("needs {}, which {why}", needed.name());
        attempt::skip(&self.env, test, reason);
        self.note(id, Verdict::Skip);
    }

    fn note(&mut self, id: JobId, verdict: Verdict) {
        self.verdicts[self.places[id]] = Some(verdict);
        self.counts.add(verdict);
    }
}
