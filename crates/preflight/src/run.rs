//! A run: the questions one after the other, and in the end nothing left of it.

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use switchyard_hcn::{Guid, Hcn, Network, NetworkType};

use crate::answer::{Outcome, Unanswered};
use crate::bench::Bench;
use crate::call::{self, Call, Outcome as CallOutcome};
use crate::journal::{Entry, Journal};
use crate::kind::Kind;
use crate::options::{Extra, Options};
use crate::probe::{Needs, Probe, probes};
use crate::readiness::readiness;
use crate::recorder::Recorder;
use crate::report::{About, Cleanup, NetworkRow, ProbeRow, Report};
use crate::scratch::{self, Scratch};
use crate::surroundings::Surroundings;
use crate::sweep::{Inventory, Traces, inventory, sweep};

/// How many calls of a question are told one by one.
const MOST_TOLD: usize = 120;

/// Why nothing is made on this node.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// An earlier run was interrupted.
    #[error("an earlier run did not remove what it made: run preflight --cleanup first")]
    LeftOfEarlierRun,
    /// There is no network to work on.
    #[error("there is no network of type L2Bridge or Overlay{}: nothing is made", named(.name.as_deref()))]
    NoNetwork {
        /// The name asked for.
        name: Option<String>,
    },
    /// There are several.
    #[error("there are several networks ({}): name one with --network-name", names.join(", "))]
    SeveralNetworks {
        /// Their names.
        names: Vec<String>,
    },
    /// Somebody else uses the addresses.
    #[error("{kind} {id} has an address in {scratch}: choose other addresses with --scratch")]
    ScratchInUse {
        /// What uses them.
        kind: Kind,
        /// Which one.
        id: Guid,
        /// The addresses.
        scratch: ipnet::Ipv4Net,
    },
    /// The journal cannot be read or written.
    #[error(
        "the journal of what is made cannot be used; if no other run is under way, run preflight --cleanup first"
    )]
    Journal {
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn named(name: Option<&str>) -> String {
    name.map(|name| format!(" called {name}")).unwrap_or_default()
}

/// Asks all questions that `options` let it ask. In the end everything that was made is removed, whatever happened between.
///
/// # Errors
///
/// If something speaks against making anything; then nothing was made.
pub fn run(
    hcn: Arc<dyn Hcn>,
    surroundings: &Arc<dyn Surroundings>,
    options: &Options,
    about: About,
    journal: &mut dyn Journal,
) -> Result<Report, Refused> {
    let recorder = Recorder::new(hcn, Arc::clone(surroundings), options.deadline);
    let earlier = journal.read().map_err(|source| Refused::Journal { source })?;
    let mut bench = Bench::new(&recorder, &**surroundings, options, journal);
    bench.version = bench.client().version().ok();
    let networks = choose_network(&mut bench);
    let mut hindrance = None;
    if options.full {
        if !earlier.is_empty() {
            return Err(Refused::LeftOfEarlierRun);
        }
        hindrance = match networks {
            Ok(()) => begin(&bench)?,
            Err(NoChoice::Unreadable(reason)) => Some(reason),
            Err(NoChoice::Refused(refused)) => return Err(refused),
        };
        bench.may_make = hindrance.is_none();
    }
    recorder.take_calls();
    let mut report = Report::begin(about, options);
    report.hns_version = bench.version.map(|version| version.to_string());
    report.network = bench.network.as_ref().and_then(row_of);
    for probe in probes() {
        report.probes.push(ask(&bench, probe, hindrance.as_deref()));
    }
    report.readiness = readiness(&bench, &report.probes);
    if bench.may_make {
        report.cleanup = clean(&bench);
    }
    Ok(report)
}

/// Why no network is asked about.
enum NoChoice {
    Refused(Refused),
    Unreadable(String),
}

fn choose_network(bench: &mut Bench<'_>) -> Result<(), NoChoice> {
    let listing = bench.client().networks().map_err(|error| {
        NoChoice::Unreadable(format!(
            "nothing is made, for the networks could not be read: {error}"
        ))
    })?;
    let name = bench.options.network_name.clone();
    let is_usable = |network: &Network| {
        matches!(network.network_type, NetworkType::L2Bridge | NetworkType::Overlay)
            && name.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&network.name))
            && network.id.is_some()
    };
    let mut usable: Vec<Network> = listing.objects.into_iter().filter(is_usable).collect();
    match usable.len() {
        1 => {
            bench.network = usable.pop();
            Ok(())
        }
        0 => Err(NoChoice::Refused(Refused::NoNetwork { name })),
        _ => {
            let names = usable.into_iter().map(|network| network.name).collect();
            Err(NoChoice::Refused(Refused::SeveralNetworks { names }))
        }
    }
}

fn row_of(network: &Network) -> Option<NetworkRow> {
    Some(NetworkRow {
        id: network.id?,
        name: network.name.clone(),
        network_type: network.network_type.to_string(),
    })
}

/// Looks whether anything speaks against making objects, and writes down what is there. What hinders them, if HNS cannot be
/// read.
fn begin(bench: &Bench<'_>) -> Result<Option<String>, Refused> {
    let present = match inventory(bench.recorder) {
        Ok(present) => present,
        Err(error) => {
            let reason = format!("nothing is made, for what HNS holds could not be read: {error}");
            return Ok(Some(reason));
        }
    };
    check(&present, bench.options.scratch)?;
    let scratch = bench.options.scratch.prefix();
    let present = present.into_keys().map(|(_, id)| id).collect();
    match bench.note(Entry::Begun { scratch, present }) {
        Ok(()) => Ok(None),
        Err(failure) => {
            Err(Refused::Journal { source: io::Error::other(Unanswered::from(failure).reason) })
        }
    }
}

/// Nothing of ours may be there before, and nothing of others at our addresses.
fn check(present: &Inventory, scratch: Scratch) -> Result<(), Refused> {
    for ((kind, id), document) in present {
        if scratch.looks_ours(*kind, document) || scratch::is_id(*kind, *id) {
            return Err(Refused::LeftOfEarlierRun);
        }
        if scratch.is_used_by(*kind, document) {
            let scratch = scratch.prefix();
            return Err(Refused::ScratchInUse { kind: *kind, id: *id, scratch });
        }
    }
    Ok(())
}

/// Asks one question. A question that panics harms no other, and what it made is removed.
fn ask(bench: &Bench<'_>, probe: &'static Probe, hindrance: Option<&str>) -> ProbeRow {
    let not_asked =
        |reason: String| row(probe, Err(Unanswered::because(reason)), Vec::new(), false);
    if let Some(flags) = probe.needs.missing(bench.options) {
        return not_asked(format!("not asked: it needs {flags}"));
    }
    let makes = probe.needs != Needs::Nothing;
    if let Some(reason) = hindrance.filter(|_| makes) {
        return not_asked(reason.to_owned());
    }
    if let Some(trouble) = bench.recorder.trouble() {
        return not_asked(trouble.to_owned());
    }
    bench.surroundings.asking(probe.question);
    bench.is_counted_only.set(false);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (probe.ask)(bench)));
    let outcome = outcome.unwrap_or_else(|payload| {
        Err(Unanswered::because(format!("this question has a bug: {}", message(&*payload))))
    });
    bench.tidy();
    row(probe, outcome, bench.recorder.take_calls(), bench.is_counted_only.get())
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

fn row(
    probe: &'static Probe,
    outcome: Outcome,
    calls: Vec<Call>,
    is_counted_only: bool,
) -> ProbeRow {
    let (answer, not_answered, evidence) = match outcome {
        Ok(answer) => (Some(answer.word), None, answer.evidence),
        Err(unanswered) => (None, Some(unanswered.reason), unanswered.evidence),
    };
    let counts = call::counts(&calls);
    let total = calls.len();
    // A refusal says nothing about objects of others, and is always told.
    let is_told = |call: &Call| !is_counted_only || !matches!(call.outcome, CallOutcome::Done(_));
    let calls: Vec<Call> = calls.into_iter().filter(is_told).take(MOST_TOLD).collect();
    ProbeRow {
        id: probe.id,
        question: probe.question,
        answer,
        not_answered,
        evidence,
        left_out: total - calls.len(),
        calls,
        counts,
    }
}

/// Removes what is still there of the run, and forgets the journal if nothing is.
fn clean(bench: &Bench<'_>) -> Cleanup {
    bench.recorder.begin_cleaning();
    let swept = sweep(bench.recorder, &bench.traces.borrow());
    let mut cleanup = Cleanup::of(bench.total.get(), swept, bench.recorder.has_hung());
    if cleanup.is_complete()
        && let Err(error) = bench.clear_journal()
    {
        let reason = format!("everything was removed, but the journal could not be: {error}");
        cleanup.left.push(crate::report::LeftRow { kind: None, id: None, reason });
    }
    cleanup
}

/// Removes what earlier runs left. Where there is no journal, their ids, their `Owner` and the names of their networks tell.
///
/// # Errors
///
/// If the journal cannot be read: then what was there before such a run is not known.
pub fn cleanup(
    hcn: Arc<dyn Hcn>,
    surroundings: &Arc<dyn Surroundings>,
    options: &Options,
    journal: &mut dyn Journal,
) -> Result<Cleanup, Refused> {
    let recorder = Recorder::new(hcn, Arc::clone(surroundings), options.deadline);
    let earlier = journal.read().map_err(|source| Refused::Journal { source })?;
    let bench = Bench::new(&recorder, &**surroundings, options, journal);
    bench.traces.replace(Traces::of(&earlier));
    Ok(clean(&bench))
}

/// Whether the operator must restart HNS in a run with these options.
#[must_use]
pub fn needs_operator(options: &Options) -> bool {
    options.full && options.also.contains(&Extra::Restart)
}
