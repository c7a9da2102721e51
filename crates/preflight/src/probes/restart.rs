//! What a restart of HNS shows. The operator restarts it, once, while everything is watched.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid, Hcn, NetworkHandle, NotificationType, Query};

use crate::answer::{Answer, Failure, Outcome, Unanswered, said, taken_or_refused, word_of};
use crate::bench::{Bench, Listener, Place};
use crate::kind::Kind;
use crate::options::Extra;
use crate::probe::{Needs, Probe};

/// How long between two looks.
const BETWEEN: Duration = Duration::from_millis(200);

/// How many looks in a row must show the same before HNS counts as being back.
const SETTLED: usize = 25;

pub(super) const EXTRA: &[Probe] = &[
    Probe {
        id: "restart-objects",
        question: "What does a restart of HNS bring back?",
        needs: Needs::Extra(Extra::Restart),
        ask: objects,
    },
    Probe {
        id: "restart-ids",
        question: "Does a restart of HNS give endpoints and load balancers other ids?",
        needs: Needs::Extra(Extra::Restart),
        ask: ids,
    },
    Probe {
        id: "restart-notification",
        question: "Is a client told that HNS went away?",
        needs: Needs::Extra(Extra::Restart),
        ask: notification,
    },
    Probe {
        id: "restart-duplicate-frontend",
        question: "What becomes of a second load balancer with a frontend that was there before a restart of HNS?",
        needs: Needs::Extra(Extra::Restart),
        ask: duplicate_frontend,
    },
    Probe {
        id: "restart-callbacks",
        question: "Is a callback still registered after a restart of HNS?",
        needs: Needs::Extra(Extra::Restart),
        ask: callbacks,
    },
    Probe {
        id: "restart-handles",
        question: "Is a handle still good after a restart of HNS?",
        needs: Needs::Extra(Extra::Restart),
        ask: handles,
    },
    Probe {
        id: "restart-errors",
        question: "Which errors are there while HNS is away?",
        needs: Needs::Extra(Extra::Restart),
        ask: errors,
    },
    Probe {
        id: "restart-short-lists",
        question: "Does a list ever succeed and lack objects that come back later?",
        needs: Needs::Extra(Extra::Restart),
        ask: short_lists,
    },
];

/// What a restart showed.
pub(crate) struct Restarted {
    before: BTreeMap<Kind, BTreeSet<Guid>>,
    after: BTreeMap<Kind, BTreeSet<Guid>>,
    /// Our endpoint and our load balancer, with their ids afterwards, if they are there.
    own: Vec<(Kind, Guid, Option<Guid>)>,
    errors: BTreeMap<String, usize>,
    /// How many load balancers the shortest list had that succeeded, and how many there were in the end.
    shortest: usize,
    handle: Result<(), Error>,
    /// What HNS told meanwhile.
    told: Vec<String>,
    was_told: bool,
    /// What HNS said to a load balancer with the frontend of ours; none where ours did not come back.
    second: Option<Result<(), Error>>,
    /// Whether the old registration and a new one heard of a network; none where no network may be made.
    heard: Option<(bool, bool)>,
}

fn restarted(bench: &Bench<'_>) -> Result<Rc<Restarted>, Unanswered> {
    if let Some(known) = bench.restarted.borrow().as_ref() {
        return known.clone();
    }
    let found = watch(bench).map(Rc::new);
    bench.restarted.borrow_mut().replace(found.clone());
    found
}

/// Everything that is looked at while HNS restarts.
struct Watch<'a, 'b> {
    bench: &'a Bench<'b>,
    listener: Listener<'a>,
    handle: NetworkHandle,
    handle_said: Result<(), Error>,
    told: Vec<String>,
    was_told: bool,
    errors: BTreeMap<String, usize>,
    shortest: usize,
}

impl Watch<'_, '_> {
    /// One look; how many load balancers there are, if HNS told.
    fn look(&mut self) -> Option<usize> {
        let hcn: &dyn Hcn = self.bench.recorder;
        let disconnect = NotificationType::ServiceDisconnect;
        let told = self.listener.heard();
        self.was_told |= told.iter().any(|told| told.notification_type == disconnect);
        self.told.extend(told.iter().map(ToString::to_string));
        if self.handle_said.is_ok() {
            let said = hcn.query_network_properties(self.handle, &Query::all().to_json());
            self.handle_said = said.map(drop);
        }
        match self.bench.list(Kind::LoadBalancer) {
            Ok(ids) => {
                self.shortest = self.shortest.min(ids.len());
                Some(ids.len())
            }
            Err(Failure::Refused(error)) => {
                *self.errors.entry(word_of(&error)).or_default() += 1;
                None
            }
            Err(Failure::Other(reason)) => {
                *self.errors.entry(reason).or_default() += 1;
                None
            }
        }
    }

    /// Whether anything shows that HNS was away.
    fn was_away(&self) -> bool {
        self.was_told || self.handle_said.is_err() || !self.errors.is_empty()
    }

    /// Looks until HNS was away and is back.
    fn until_back(&mut self) -> Result<(), Unanswered> {
        let surroundings = self.bench.surroundings;
        let end = surroundings.now().saturating_add(self.bench.options.patience);
        let (mut same, mut last) = (0, None);
        while same < SETTLED {
            if surroundings.is_stopped() {
                return Err(Unanswered::because("the run was stopped"));
            }
            if surroundings.now() >= end {
                let what = if self.was_away() { "come back" } else { "restarted" };
                return Err(Unanswered::because(format!(
                    "HNS was not seen to have {what} in time"
                )));
            }
            let look = self.look();
            let is_same = look.is_some() && look == last && self.was_away();
            same = if is_same { same + 1 } else { 0 };
            last = look;
            surroundings.pause(BETWEEN);
        }
        Ok(())
    }
}

fn watch(bench: &Bench<'_>) -> Result<Restarted, Unanswered> {
    bench.is_counted_only.set(true);
    let (network, _) = bench.network()?;
    let [endpoint] = bench.endpoints::<1>()?;
    let endpoint_shown = bench.read(Kind::Endpoint, endpoint)?;
    let document = bench.load_balancer_document(&[endpoint]);
    let balancer = bench.load_balancer(&document)?;
    let balancer_shown = bench.read(Kind::LoadBalancer, balancer)?;
    let before = all(bench)?;
    let hcn: &dyn Hcn = bench.recorder;
    let mut watch = Watch {
        bench,
        listener: bench.listen()?,
        handle: hcn.open_network(network)?,
        handle_said: Ok(()),
        told: Vec::new(),
        was_told: false,
        errors: BTreeMap::new(),
        shortest: usize::MAX,
    };
    bench.surroundings.ask_for_restart();
    let back = watch.until_back();
    let _ = hcn.close_network(watch.handle);
    back?;
    let after = all(bench)?;
    let own = [
        (Kind::Endpoint, endpoint, endpoint_shown),
        (Kind::LoadBalancer, balancer, balancer_shown),
    ];
    let mut found = Vec::new();
    for (kind, id, shown) in own {
        let now = find(bench, kind, id, &shown, &before[&kind], &after[&kind])?;
        if let Some(new) = now.filter(|new| *new != id) {
            bench.remember(kind, new);
        }
        found.push((kind, id, now));
    }
    let second = second(bench, &found, document)?;
    let heard = listen_again(bench, &watch.listener)?;
    let Watch { handle_said, told, was_told, errors, shortest, .. } = watch;
    let handle = handle_said;
    let own = found;
    Ok(Restarted { before, after, own, errors, shortest, handle, told, was_told, second, heard })
}

/// What HNS says to a load balancer with the frontend of ours, if ours is there with its endpoint.
fn second(
    bench: &Bench<'_>,
    own: &[(Kind, Guid, Option<Guid>)],
    mut document: Value,
) -> Result<Option<Result<(), Error>>, Unanswered> {
    let [(_, _, Some(endpoint)), (_, _, Some(_))] = own else { return Ok(None) };
    document["HostComputeEndpoints"] = json!([endpoint]);
    Ok(Some(said(bench.load_balancer(&document))?.map(drop)))
}

fn all(bench: &Bench<'_>) -> Result<BTreeMap<Kind, BTreeSet<Guid>>, Failure> {
    Kind::MADE.into_iter().map(|kind| Ok((kind, bench.list(kind)?))).collect()
}

/// The id that an object of ours has now: its own, or that of a new one at the same addresses.
fn find(
    bench: &Bench<'_>,
    kind: Kind,
    id: Guid,
    shown: &Value,
    before: &BTreeSet<Guid>,
    after: &BTreeSet<Guid>,
) -> Result<Option<Guid>, Failure> {
    if after.contains(&id) {
        return Ok(Some(id));
    }
    let member = if kind == Kind::Endpoint { "IpConfigurations" } else { "FrontendVIPs" };
    for new in after.difference(before) {
        let other = bench.read(kind, *new)?;
        if other.get(member) == shown.get(member) && bench.options.scratch.looks_ours(kind, &other)
        {
            return Ok(Some(*new));
        }
    }
    Ok(None)
}

/// Whether the registration of before and a new one hear of a network that is made and deleted.
fn listen_again(bench: &Bench<'_>, old: &Listener<'_>) -> Result<Option<(bool, bool)>, Unanswered> {
    if !bench.options.also.contains(&Extra::ScratchNetwork) {
        return Ok(None);
    }
    let new = bench.listen()?;
    old.heard();
    let document = bench.network_document(&bench.options.scratch_network_type);
    let id = bench.make(&Place::Network, bench.id(Kind::Network), &document)?;
    bench.delete(Kind::Network, id)?;
    let mut heard = (false, false);
    for _ in 0..SETTLED {
        heard.0 |= !old.heard().is_empty();
        heard.1 |= !new.heard().is_empty();
        bench.surroundings.pause(BETWEEN);
    }
    Ok(Some(heard))
}

fn objects(bench: &Bench<'_>) -> Outcome {
    let restarted = restarted(bench)?;
    let share = |kind: Kind| {
        let (before, after) = (restarted.before[&kind].len(), restarted.after[&kind].len());
        match after {
            after if after >= before => Share::All,
            0 => Share::None,
            _ => Share::Some,
        }
    };
    let shares = (share(Kind::Network), share(Kind::Endpoint), share(Kind::LoadBalancer));
    let word = match shares {
        (Share::All, Share::All, Share::All) => "everything",
        (Share::All, Share::All, Share::None) => "everything but load balancers",
        (Share::All, Share::None, Share::All) => "everything but endpoints",
        (Share::All, Share::None, Share::None) => "networks alone",
        (Share::None, Share::None, Share::None) => "nothing",
        _ => "a part",
    };
    let counts = Kind::MADE.into_iter().map(|kind| {
        let (before, after) = (restarted.before[&kind].len(), restarted.after[&kind].len());
        format!("{kind}s: {before} before, {after} afterwards")
    });
    Ok(Answer::new(word).with_all(counts))
}

/// How much came back.
#[derive(Clone, Copy)]
enum Share {
    All,
    Some,
    None,
}

fn ids(bench: &Bench<'_>) -> Outcome {
    let restarted = restarted(bench)?;
    let mut words = BTreeSet::new();
    let mut seen = Vec::new();
    for (kind, before, after) in &restarted.own {
        let Some(after) = after else {
            seen.push(format!("{kind} {before} is not there any more"));
            continue;
        };
        words.insert(if before == after { "no" } else { "yes" });
        seen.push(format!("{kind} {before} is {after}"));
    }
    match words.len() {
        0 => Err(Unanswered {
            reason: "neither the endpoint nor the load balancer of this run came back".to_owned(),
            evidence: seen,
        }),
        1 => Ok(Answer::new(words.into_iter().collect::<String>()).with_all(seen)),
        _ => Ok(Answer::new("some").with_all(seen)),
    }
}

fn notification(bench: &Bench<'_>) -> Outcome {
    let restarted = restarted(bench)?;
    let told = restarted.told.iter().map(|told| format!("told: {told}"));
    Ok(Answer::new(if restarted.was_told { "yes" } else { "no" }).with_all(told))
}

fn duplicate_frontend(bench: &Bench<'_>) -> Outcome {
    match &restarted(bench)?.second {
        Some(second) => Ok(taken_or_refused(second, "made")),
        None => Err(Unanswered::because("the load balancer of this run did not come back")),
    }
}

fn callbacks(bench: &Bench<'_>) -> Outcome {
    match restarted(bench)?.heard {
        None => {
            let why = "it takes a network to tell: ask with --scratch-network as well";
            Err(Unanswered::because(why))
        }
        Some((true, _)) => Ok(Answer::new("yes")),
        Some((false, true)) => Ok(Answer::new("no").with("one that was registered anew heard")),
        Some((false, false)) => {
            Err(Unanswered::because("one that was registered anew heard nothing either"))
        }
    }
}

fn handles(bench: &Bench<'_>) -> Outcome {
    Ok(match &restarted(bench)?.handle {
        Ok(()) => Answer::new("yes"),
        Err(error) => Answer::new(word_of(error)).with(error.to_string()),
    })
}

fn errors(bench: &Bench<'_>) -> Outcome {
    let restarted = restarted(bench)?;
    let words: Vec<&str> = restarted.errors.keys().map(String::as_str).collect();
    let word = if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let counts = restarted.errors.iter().map(|(word, count)| format!("{word}: {count} times"));
    Ok(Answer::new(word).with_all(counts))
}

fn short_lists(bench: &Bench<'_>) -> Outcome {
    let restarted = restarted(bench)?;
    let finally = restarted.after[&Kind::LoadBalancer].len();
    let word = if restarted.shortest < finally { "yes" } else { "no" };
    Ok(Answer::new(word).with(format!(
        "the shortest list had {} load balancers, the last one {finally}",
        restarted.shortest
    )))
}
