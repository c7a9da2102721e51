//! A day in the life of a node.
//!
//! It is made of hours: things change and go wrong for some minutes, then everything is healed and has to come to be as it
//! should, and then nothing happens for the rest of the hour.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use switchyard::logging::{self, LoggingArguments};
use switchyard_conformance::random::Dice;
use switchyard_hcn_emulator::{Emulator, Latency, Profile, Setup};
use switchyard_model::Name;
use switchyard_winkernel::{Call, Change};
use tokio::time::{Instant, timeout_at};

use super::super::entrances::{Entrance, served};
use super::super::invariants::{no_foreign_touch, no_invention};
use super::super::knobs::{Setting, others};
use super::super::world::World;
use super::act;
use super::agent::{Agent, Beginning, LedgerFile, Made};
use super::cluster::ApiCluster;
use super::digest::Digest;
use super::lane::Lane;
use super::lock::Lock;
use super::report::{Broken, Report};
use super::server::Front;
use super::urgent::Urgent;
use crate::reliability;

/// How many hours a day has, and how long each is.
pub(super) const HOURS: usize = 8;
const HOUR: Duration = Duration::from_secs(24 * 3_600 / HOURS as u64);
/// How many things happen in an hour.
pub(super) const STEPS: usize = 10;
/// How many changes a day must have.
pub(super) const CHANGES: u64 = 100;
/// When a watch over which nothing comes is noticed at the latest.
pub(super) const DEAF: Duration = Duration::from_secs(60);
/// More calls than a proxy may make in so short a time: the bound of I7.
const MOST_CALLS: u64 = 6_000;
/// In how many of a hundred hours the DNS changes behind much else.
const URGENT: usize = 8;
/// When a day begins, in microseconds since 1970: the epoch of its API server.
const BEGINNING: i64 = 1_772_323_200_000_000;
/// More requests of the API server than a proxy may make in an hour of the worst weather.
const MOST_REQUESTS: u64 = 3_000;

/// What a day consists of, and up to where it is played.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    /// How many hours, and how many steps in each.
    pub(super) hours: usize,
    pub(super) steps: usize,
    /// For how many days the API server is gone after that.
    pub(super) gone: u32,
}

/// Something silent, or slow to be found, that makes converging take longer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scars {
    /// Something that only an audit shows.
    pub(super) silent: bool,
    /// Somebody else undid what we did, so that we wait a minute.
    pub(super) contested: bool,
    /// A watch over which nothing comes any more.
    pub(super) deaf: bool,
    /// HNS lost everything.
    pub(super) lost: bool,
}

/// What is served while only the cluster changes.
pub(super) struct Peace {
    pub(super) before: BTreeSet<Entrance>,
    pub(super) gaps: Vec<(Box<Change>, BTreeSet<Entrance>)>,
}

/// A day under way.
pub(super) struct Day<'e> {
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    pub(super) cluster: ApiCluster,
    pub(super) front: Front,
    pub(super) emulator: &'e Emulator,
    pub(super) lane: &'e Lane<'e>,
    pub(super) world: World,
    pub(super) knobs: Setting,
    pub(super) beginning: Beginning,
    pub(super) ledger: LedgerFile,
    pub(super) agent: Agent<'e>,
    pub(super) epoch: Instant,
    /// The faults that calls meet, by name, and how often each may be met.
    pub(super) faults: Vec<(&'static str, Option<u64>)>,
    pub(super) scars: Scars,
    pub(super) report: Report,
    pub(super) digest: Digest,
    pub(super) peace: Option<Peace>,
    pub(super) urgent: Option<Urgent>,
    lock: Lock,
    /// What the proxy logs, and whether anybody takes it.
    pub(super) log: Arc<logging::Queue>,
    pub(super) is_log_taken: bool,
    calls: u64,
    /// How often HNS was changed, at the last look at the invariants.
    pub(super) looked_at: u64,
    versions: BTreeMap<&'static str, u64>,
    /// Whether the API server went back in its history.
    pub(super) has_gone_back: bool,
    /// How far the clock on the wall is off, in microseconds.
    pub(super) wall_error: i64,
}

/// Lives through the day of `plan`, in a time of its own.
pub(super) fn live(plan: Plan) -> Report {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let Ok(runtime) = runtime else {
        return Report::broken(Broken::new(plan.seed, 0, "no runtime".to_owned()));
    };
    let lock = match Lock::new() {
        Ok(lock) => lock,
        Err(trouble) => return Report::broken(Broken::new(plan.seed, 0, trouble)),
    };
    let (log, _kept) = logging::keep(&LoggingArguments::default());
    tokio::task::LocalSet::new().block_on(&runtime, whole(plan, lock, log))
}

async fn whole(plan: Plan, lock: Lock, log: Arc<logging::Queue>) -> Report {
    let mut dice = reliability::dice(plan.seed ^ 0xA91);
    let Ok(cluster) = ApiCluster::new(plan.seed) else {
        return Report { left_out: 1, days: 1, ..Report::default() };
    };
    let choices = others();
    let renewing: Vec<_> = choices.iter().filter(|own| own.knobs.restores_with_new_ids).collect();
    let knobs = match dice.below(20) {
        0..=7 => Setting::usual(),
        // What it takes for F22 is one setting of many.
        8..=12 => dice.one(&renewing).copied().cloned().unwrap_or_else(Setting::usual),
        _ => dice.one(&choices).cloned().unwrap_or_else(Setting::usual),
    };
    let state = cluster.hns.emulator.state();
    let world = World::of(&state);
    let profile =
        [Profile::Instant, Profile::Ws2022u, Profile::Ws2022u, Profile::Ws2022uCheapReads]
            [dice.below(4)];
    let latency = Latency { profile, ..Latency::default() };
    let mut reconciler = cluster.hns.settings.clone();
    reconciler.network_id = None;
    reconciler.network_name = state.networks().next().map(|(_, network)| network.name.clone());
    reconciler.audit_period = Duration::from_secs([300, 900, 1_800][dice.below(3)]);
    let emulator = Emulator::in_virtual_time(Setup {
        knobs: knobs.knobs.clone(),
        latency,
        ..Setup::of(state)
    });
    let lane = Lane::new(&emulator);
    let front = Front::new(cluster.server.clone());
    let epoch = Instant::now();
    let beginning = Beginning {
        node: Name::from(cluster.setup.node.as_str()),
        settings: cluster.settings.clone(),
        reconciler,
        seed: plan.seed,
    };
    let ledger = LedgerFile::default();
    let agent = Agent::start(&beginning, &ledger, &front, &lane, epoch);
    let mut day = Day {
        plan,
        dice,
        cluster,
        front,
        emulator: &emulator,
        lane: &lane,
        world,
        knobs,
        beginning,
        ledger,
        agent,
        epoch,
        faults: Vec::new(),
        scars: Scars::default(),
        report: Report { days: 1, ..Report::default() },
        digest: Digest::default(),
        peace: None,
        urgent: None,
        lock,
        log,
        is_log_taken: true,
        calls: 0,
        looked_at: 0,
        versions: BTreeMap::new(),
        has_gone_back: false,
        wall_error: 0,
    };
    if let Err((step, what)) = day.play().await {
        let knobs = day.knobs.name;
        let since = std::mem::take(&mut day.report.since);
        day.report.broken.push(Broken { seed: plan.seed, step, knobs, what, since });
    }
    day.finish()
}

impl Day<'_> {
    /// The whole of it; what broke, and at which step.
    async fn play(&mut self) -> Result<(), (usize, String)> {
        self.heal().await.map_err(|what| (0, format!("at the start: {what}")))?;
        let mut step = 0;
        for _ in 0..self.plan.hours {
            let end = Instant::now() + HOUR;
            let requests = self.front.requests();
            for _ in 0..self.plan.steps {
                step += 1;
                self.report.steps += 1;
                self.step().await.map_err(|what| (step, what))?;
            }
            self.heal().await.map_err(|what| (step, what))?;
            self.bound_requests(requests).map_err(|what| (step, what))?;
            if self.dice.percent(URGENT) {
                self.urgent_change().await.map_err(|what| (step, what))?;
            }
            self.peaceful_change().await.map_err(|what| (step, what))?;
            self.rest(end).await.map_err(|what| (step, what))?;
        }
        self.last_changes().await.map_err(|what| (step, what))?;
        if self.plan.gone > 0 {
            self.outage(self.plan.gone).await.map_err(|what| (step, what))?;
        }
        Ok(())
    }

    /// What a day lacks of the changes that it must have, comes at its end.
    async fn last_changes(&mut self) -> Result<(), String> {
        if self.plan.hours < HOURS || self.cluster.changes >= CHANGES {
            return Ok(());
        }
        while self.cluster.changes < CHANGES {
            self.cluster.change();
        }
        act::look_at_pods(self);
        self.heal().await
    }

    /// The API server is gone for days: nothing is written to HNS, only audits read, and the proxy says that it cannot follow
    /// the API, and is healthy all the same.
    async fn outage(&mut self, days: u32) -> Result<(), String> {
        self.pass(Duration::from_secs(15)).await?;
        self.front.turn(|weather| weather.is_down = true);
        for _ in 0..days * 24 {
            drop(self.emulator.take_calls());
            self.looked_at = 0;
            let audits = self.agent.core.reconciler().standing().audits;
            self.pass(Duration::from_secs(3_600)).await?;
            let calls = self.emulator.take_calls();
            self.looked_at = 0;
            let audited = self.agent.core.reconciler().standing().audits != audits;
            if calls.total_mutating() > 0 || (!audited && calls.total() > 0) {
                let functions: Vec<_> = calls.log().map(|call| call.function()).collect();
                return Err(format!("calls without an API server: {functions:?}"));
            }
            let status = self.agent.shared.status();
            if let Some((kind, _)) = status.iter().find(|(_, status)| status.trouble.is_none()) {
                return Err(format!("nothing is said of {kind}, which cannot be followed"));
            }
            let verdict = self.agent.core.health().verdict(self.agent.now());
            if verdict.ailment.is_some() || !verdict.is_alive() {
                return Err(format!("its health without an API server is {verdict:?}"));
            }
        }
        self.report.met("API server gone for days");
        self.heal().await
    }

    fn finish(mut self) -> Report {
        self.collect();
        self.report.changes += self.cluster.changes;
        self.report.idle_changes += self.cluster.idle_changes;
        self.report.calls += self.calls;
        self.report.requests += self.front.requests();
        self.report.digest = self.digest.value();
        self.report
    }

    /// Something happens, and some time passes.
    async fn step(&mut self) -> Result<(), String> {
        act::act(self).await?;
        let milliseconds = [20, 400, 3_000, 30_000][self.dice.below(4)];
        self.pass(Duration::from_millis(milliseconds)).await?;
        self.check()
    }

    /// The moment, as HNS counts.
    pub(super) fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// Has time pass, with the proxy at its work.
    pub(super) async fn pass(&mut self, time: Duration) -> Result<(), String> {
        let end = Instant::now() + time;
        let calls = self.calls;
        loop {
            if self.agent.has_panicked() {
                self.report.met("F52 panic in one task");
                self.restart_agent(false)?;
            }
            self.turn()?;
            if self.is_log_taken {
                self.log.discard();
            }
            if self.calls - calls > MOST_CALLS {
                return Err(format!("I7: more than {MOST_CALLS} calls in {time:?}"));
            }
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            let due = self.agent.due().unwrap_or(end).max(now + Duration::from_millis(1)).min(end);
            let bell = Arc::clone(&self.agent.bell);
            // Whether it rang or not, everything is looked at.
            let _ = timeout_at(due, bell.notified()).await;
        }
    }

    /// Does everything that is due at this moment.
    fn turn(&mut self) -> Result<(), String> {
        self.emulator.advance_to(self.now());
        loop {
            if self.agent.take_in() {
                self.digest.note(&("revision", self.agent.core.stream().revision()));
                let stream = self.agent.core.stream();
                self.urgent.iter_mut().for_each(|urgent| urgent.know(stream));
            }
            let Some(made) = self.agent.call(&mut self.ledger) else { break };
            self.calls += 1;
            let (call, is_dead) = match made {
                Made::Call(call) => (call, false),
                Made::Died(call) => (call, true),
            };
            self.digest.note(&(self.now().as_nanos(), format!("{call:?}")));
            self.urgent.iter_mut().try_for_each(|urgent| urgent.called(&call))?;
            if let Call::Change(change) = call {
                self.after_change(change)?;
            }
            if is_dead {
                self.report.met("F16 proxy dies between calls");
                self.restart_agent(true)?;
            }
        }
        self.check_versions()?;
        let wall = BEGINNING + i64::try_from(self.now().as_micros()).unwrap_or(i64::MAX);
        let notices = self.agent.tell(wall + self.wall_error);
        self.digest.note(&("notices", notices));
        Ok(())
    }

    fn after_change(&mut self, change: Box<Change>) -> Result<(), String> {
        self.check()?;
        if let Some(peace) = &mut self.peace {
            let served = self.emulator.steer(|service| served(service.state()));
            peace.gaps.push((change, served));
        }
        Ok(())
    }

    /// Whether HNS itself tells of an object that it is ours.
    pub(super) fn has_marks(&self) -> bool {
        self.knobs.knobs.keeps_owner || self.knobs.knobs.honours_caller_id
    }

    /// I1 and I3, wherever HNS was changed.
    fn check(&mut self) -> Result<(), String> {
        let (has_marks, world, ever) = (self.has_marks(), &self.world, &self.cluster.ever);
        let looked_at = self.looked_at;
        let checked = self.emulator.steer(|service| {
            let mutating = service.calls().total_mutating();
            if mutating == looked_at {
                return Ok(None);
            }
            if has_marks {
                no_invention(service.state(), world, |entrance| ever.of(entrance))?;
            }
            no_foreign_touch(service.state(), world).map(|()| Some(mutating))
        });
        let Some(mutating) = checked? else { return Ok(()) };
        self.looked_at = mutating;
        if has_marks {
            self.report.checked("I1 no invention");
        }
        self.report.checked("I3 no foreign touch");
        Ok(())
    }

    /// I6: what is known of the API goes back only where the API server did.
    fn check_versions(&mut self) -> Result<(), String> {
        let versions = self.agent.versions();
        if versions == self.versions {
            return Ok(());
        }
        for (kind, version) in &versions {
            let before = self.versions.get(kind).copied().unwrap_or(0);
            if *version < before && *version != 0 && !self.has_gone_back {
                return Err(format!("I6: {kind} goes back from {before} to {version}"));
            }
            if *version < before && self.has_gone_back {
                self.report.met("F07 store restored from a backup");
            }
        }
        self.report.checked("I6 monotone");
        self.digest.note(&versions);
        self.versions = versions;
        Ok(())
    }

    /// I7: back-off keeps the API server from being asked too often.
    fn bound_requests(&mut self, before: u64) -> Result<(), String> {
        let requests = self.front.requests() - before;
        if requests > MOST_REQUESTS {
            return Err(format!("I7: {requests} requests of the API server in an hour"));
        }
        self.report.checked("I7 bounded");
        Ok(())
    }

    /// Another process starts in the place of this one.
    pub(super) fn restart_agent(&mut self, is_torn: bool) -> Result<(), String> {
        // A process that dies in the midst of writing leaves half a line.
        if is_torn && self.dice.percent(30) {
            self.ledger.text.push_str("{\"kind\":\"endp");
        }
        self.lock.hand_over()?;
        let agent = Agent::start(&self.beginning, &self.ledger, &self.front, self.lane, self.epoch);
        std::mem::replace(&mut self.agent, agent).kill();
        self.versions.clear();
        self.lane.die_after(None);
        Ok(())
    }

    /// Another process starts beside this one, and may not.
    pub(super) fn start_beside(&mut self) -> Result<(), String> {
        self.lock.refuse()?;
        self.report.met("F18 two proxies at once");
        Ok(())
    }
}
