//! A run of the corpus beside the good tenant: which cases, in which order, how many at a time, and
//! what must be true after each batch of them.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::arena::Arena;
use super::case::Case;
use super::levels::{self, AT_THE_END, BETWEEN, Levels};
use super::order::Order;
use super::report::{Report, Row};
use super::run::{self, Outcome};
use super::tenant::Tenant;
use crate::{Error, Result};

/// Cases that run at a time: enough to disturb each other, few enough for two cores.
const SIDE_BY_SIDE: usize = 8;

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub cases: Vec<Case>,
    pub seed: u64,
    /// Again and again for so long; else once.
    pub length: Option<Duration>,
}

/// Runs the plan in an arena; a host that dies is replaced by another.
pub async fn run(plan: Plan, arena: Arena, tell: &mut (dyn FnMut(&Row) + Send)) -> Result<Report> {
    let began = Instant::now();
    let tenant = Tenant::start(&arena).await?;
    let base = arena.levels()?;
    let mut campaign = Campaign {
        all: plan.cases.clone(),
        place: Some(Place { arena, tenant, base }),
        beside_waiting: false,
        report: Report::new(plan.seed, base),
        tell,
    };
    let (last, ready): (Vec<_>, Vec<_>) =
        plan.cases.into_iter().partition(|case| case.waiting_for.is_some() || case.crashes);
    let mut order = Order::new(plan.seed);
    loop {
        let mut round = ready.clone();
        order.shuffle(&mut round);
        for batch in batches(round) {
            campaign.batch(&batch).await?;
            if plan.length.is_some_and(|length| began.elapsed() >= length) {
                break;
            }
        }
        campaign.report.rounds += 1;
        if plan.length.is_none_or(|length| began.elapsed() >= length) {
            break;
        }
    }
    campaign.close().await?;
    // They may take the host with them: each alone, after all that was to be measured.
    campaign.beside_waiting = true;
    for case in last {
        campaign.apart(&case).await?;
    }
    campaign.leave();
    campaign.report.took = began.elapsed();
    Ok(campaign.report)
}

/// Those that go together, then those that must be alone.
fn batches(cases: Vec<Case>) -> Vec<Vec<Case>> {
    let (alone, together): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.alone);
    let mut batches: Vec<Vec<Case>> = together.chunks(SIDE_BY_SIDE).map(<[Case]>::to_vec).collect();
    batches.extend(alone.into_iter().map(|case| vec![case]));
    batches
}

/// The arena with its traffic.
struct Place {
    arena: Arena,
    tenant: Tenant,
    /// What the host held before any attack.
    base: Levels,
}

struct Campaign<'a> {
    all: Vec<Case>,
    /// None between the end of one host and the start of the next.
    place: Option<Place>,
    /// The host can't be blamed any more for what happens to the good tenant.
    beside_waiting: bool,
    report: Report,
    tell: &'a mut (dyn FnMut(&Row) + Send),
}

impl Campaign<'_> {
    async fn place(&mut self) -> Result<&Place> {
        if self.place.is_none() {
            let arena = Arena::start(&self.all).await?;
            let tenant = Tenant::start(&arena).await?;
            let base = arena.levels()?;
            self.place = Some(Place { arena, tenant, base });
        }
        self.place.as_ref().ok_or_else(|| Error::new("no arena"))
    }

    /// Runs cases side by side. When something is wrong that could be any of them, each is run
    /// again alone, to find out which.
    async fn batch(&mut self, cases: &[Case]) -> Result<()> {
        let (outcomes, disturbed) = self.attempt(cases).await?;
        let Some(disturbed) = disturbed else {
            for (case, outcome) in cases.iter().zip(outcomes) {
                self.row(case, outcome);
            }
            return Ok(());
        };
        if let [case] = cases {
            for mut outcome in outcomes {
                outcome.escaped.get_or_insert_with(|| disturbed.clone());
                self.row(case, outcome);
            }
            return Ok(());
        }
        let mut found = Vec::new();
        for case in cases {
            let (mut outcomes, alone) = self.attempt(std::slice::from_ref(case)).await?;
            for outcome in &mut outcomes {
                outcome.escaped = outcome.escaped.take().or_else(|| alone.clone());
            }
            found.extend(outcomes);
        }
        // None of them alone: then all of them together.
        if found.iter().all(|outcome| outcome.escaped.is_none()) {
            let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
            let together = format!("together ({}): {disturbed}", names.join(", "));
            for outcome in &mut found {
                outcome.escaped = Some(together.clone());
            }
        }
        for (case, outcome) in cases.iter().zip(found) {
            self.row(case, outcome);
        }
        Ok(())
    }

    /// What became of each, and what is wrong with the host or the good tenant.
    async fn attempt(&mut self, cases: &[Case]) -> Result<(Vec<Outcome>, Option<String>)> {
        let place = self.place().await?;
        let failures_before = place.tenant.counts().failures;
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        place.tenant.beside(&names.join(", "));
        let mut running = JoinSet::new();
        for (index, case) in cases.iter().cloned().enumerate() {
            let arena = place.arena.clone();
            running.spawn(async move { (index, run::run(&case, &arena).await) });
        }
        let mut outcomes = Vec::new();
        while let Some(done) = running.join_next().await {
            outcomes.push(done.map_err(Error::during("a case's task failed"))?);
        }
        outcomes.sort_by_key(|(index, _)| *index);
        let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        if let Err(dead) = place.arena.check_alive() {
            let dead = dead.to_string();
            let dead = dead.lines().next().unwrap_or_default().to_owned();
            self.leave();
            return Ok((outcomes, Some(dead)));
        }
        let settled = levels::settle(&place.arena, place.base, BETWEEN).await;
        let counts = place.tenant.counts();
        let failed = counts.failures - failures_before;
        let disturbed = if failed > 0 {
            let told = counts.told.last().cloned().unwrap_or_default();
            Some(format!("{failed} requests of the good tenant failed: {told}"))
        } else {
            settled.err().map(|error| format!("the host does not come back to its level: {error}"))
        };
        Ok((outcomes, disturbed))
    }

    fn row(&mut self, case: &Case, outcome: Outcome) {
        let row = Row::new(case, outcome);
        (self.tell)(&row);
        self.report.add(row);
    }

    /// Ends the arena; its good tenant's requests are counted.
    fn leave(&mut self) {
        let Some(place) = self.place.take() else { return };
        let counts = place.tenant.counts();
        if self.beside_waiting {
            self.report.count_waiting(&counts);
        } else {
            self.report.count(&counts);
        }
    }

    /// The end of what is measured: everything must be back at its level, with nothing left over.
    async fn close(&mut self) -> Result<()> {
        let Some(Place { arena, tenant, base }) = self.place.take() else { return Ok(()) };
        self.report.count(&tenant.counts());
        drop(tenant);
        self.report.leaks.extend(levels::nothing_left(&arena).await.err().map(|e| e.to_string()));
        let settled = levels::settle(&arena, base, AT_THE_END).await;
        self.report.leaks.extend(settled.err().map(|error| {
            format!("{error}; open: {}", levels::descriptors(&arena.stack().host().engines()))
        }));
        self.report.end = Some(arena.levels()?);
        Ok(())
    }

    /// A case that the host can't contain yet, or that ends an engine. What it does to the good tenant
    /// is not held against the host, and is told.
    async fn apart(&mut self, case: &Case) -> Result<()> {
        let (outcomes, disturbed) = self.attempt(std::slice::from_ref(case)).await?;
        // Whatever it left behind is not the next one's fault.
        if disturbed.is_some() || outcomes.iter().any(|outcome| outcome.escaped.is_some()) {
            self.leave();
        }
        for mut outcome in outcomes {
            if !case.crashes {
                outcome.escaped = outcome.escaped.take().or_else(|| disturbed.clone());
            }
            self.row(case, outcome);
        }
        Ok(())
    }
}
