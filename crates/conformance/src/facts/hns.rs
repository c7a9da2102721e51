//! What cases do to HNS and demand of it. `facts/README.md` explains the notation to people.

#[cfg(test)]
mod tests;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::notation::Fixture;
use crate::hns::{HnsCalls, HnsEvent, HnsKind};
use crate::subject::Subject;

use words::{Balancer, Endpoint, Object};

/// What the HNS of a case is like, and what happens before the proxy starts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HnsSection {
    /// What is not known of a real HNS, by the emulator's names.
    #[serde(default)]
    pub(super) knobs: Option<Value>,
    /// What happens before the proxy starts.
    #[serde(default)]
    pub(super) before: Vec<Event>,
}

/// Something that happens.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// The proxy ends.
    ProxyStops,
    /// The proxy starts.
    ProxyStarts,
    /// The proxy ends and starts anew.
    ProxyRestarts,
    /// HNS stops.
    Stops,
    /// HNS starts.
    Starts,
    /// HNS stops and starts.
    Restarts,
    /// HNS stops and starts, and tells nobody.
    RestartsUnseen,
    /// The network and what is on it go.
    NetworkGoes,
    /// The network comes back.
    NetworkComes,
    /// So many seconds pass.
    Passes(u64),
    /// These calls go wrong from now on, and no others.
    Faults(Vec<Value>),
    /// An object is put there, or in the place of the same owner's: `balancer ...`, `endpoint ...` or `network NAME`.
    Put(String),
    /// An object is taken away: `balancer FRONTEND` or `endpoint ADDRESS`.
    Remove(String),
}

impl Event {
    /// The same for a subject: names are addresses, and objects have ids.
    pub(super) fn resolved(
        &self,
        subject: &mut dyn Subject,
        fixture: &Fixture,
    ) -> Result<HnsEvent, String> {
        Ok(match self {
            Self::ProxyStops => HnsEvent::ProxyStops,
            Self::ProxyStarts | Self::ProxyRestarts => HnsEvent::ProxyStarts,
            Self::Stops => HnsEvent::Stops,
            Self::Starts => HnsEvent::Starts,
            Self::Restarts => HnsEvent::Restarts,
            Self::RestartsUnseen => HnsEvent::RestartsUnseen,
            Self::NetworkGoes => HnsEvent::NetworkGoes,
            Self::NetworkComes => HnsEvent::NetworkComes,
            Self::Passes(seconds) => HnsEvent::Passes(Duration::from_secs(*seconds)),
            Self::Faults(faults) => HnsEvent::Faults(faults.clone()),
            Self::Put(text) => {
                let (kind, document) = words::document(text, &subject.hns()?.held()?, fixture)?;
                HnsEvent::Put(kind, document)
            }
            Self::Remove(text) => {
                let wanted = words::name(text, fixture)?;
                let held = words::objects(&subject.hns()?.held()?)?;
                let found = held.into_iter().find(|object| object.name() == wanted);
                let found = found.ok_or_else(|| format!("HNS has no {wanted} to remove"))?;
                HnsEvent::Remove(found.kind(), found.id().to_owned())
            }
        })
    }
}

/// What HNS has to hold and to have been asked, and what the proxy has to report. What is left out is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HnsExpected {
    /// Exactly these load balancers, in any order.
    balancers: Option<Vec<String>>,
    /// Exactly these endpoints, in any order.
    endpoints: Option<Vec<String>>,
    /// Exactly these changes were asked for since the last thing happened, in order.
    calls: Option<Vec<String>>,
    /// So many changes were asked for.
    mutating: Option<usize>,
    /// HNS was called at most so often in all.
    asked_at_most: Option<u64>,
    /// These load balancers have the ids that they had before the last thing happened.
    kept: Option<Vec<String>>,
    /// These load balancers have other ids.
    renewed: Option<Vec<String>>,
    /// What the proxy reports, by JSON pointers. A text is found if it is a part; null if nothing is there.
    reports: Option<BTreeMap<String, Value>>,
}

/// What the last thing that was done made of HNS.
#[derive(Debug, Clone, Default)]
pub(super) struct Aftermath {
    before: Vec<Object>,
    after: Vec<Object>,
    calls: HnsCalls,
    /// What each object that there was is called, by its id.
    names: BTreeMap<String, String>,
}

/// Sets the stage, starts the proxy, and says what that made of HNS.
pub(super) fn begin(
    section: &HnsSection,
    subject: &mut dyn Subject,
    fixture: &Fixture,
) -> Result<Aftermath, String> {
    for event in &section.before {
        let event = event.resolved(subject, fixture)?;
        subject.hns()?.event(&event)?;
    }
    let mut aftermath = Aftermath::default();
    aftermath.follow(subject, &mut |subject| subject.hns()?.event(&HnsEvent::ProxyStarts))?;
    Ok(aftermath)
}

impl Aftermath {
    /// Lets something happen, and takes down what it makes of HNS.
    pub(super) fn follow(
        &mut self,
        subject: &mut dyn Subject,
        act: &mut dyn FnMut(&mut dyn Subject) -> Result<(), String>,
    ) -> Result<(), String> {
        self.before = self.held(subject)?;
        subject.hns()?.take_calls()?;
        act(subject)?;
        self.calls = subject.hns()?.take_calls()?;
        self.after = self.held(subject)?;
        Ok(())
    }

    fn held(&mut self, subject: &mut dyn Subject) -> Result<Vec<Object>, String> {
        let objects = words::objects(&subject.hns()?.held()?)?;
        let names = objects.iter().map(|object| (object.id().to_owned(), object.name()));
        self.names.extend(names);
        Ok(objects)
    }

    /// The changes that were asked for, in words.
    fn calls(&self) -> Vec<String> {
        let words = |call: &crate::hns::HnsCall| {
            let verb = call.function.trim_start_matches("Hcn");
            let split = verb.char_indices().skip(1).find(|(_, letter)| letter.is_ascii_uppercase());
            let (verb, kind) = verb.split_at(split.map_or(verb.len(), |(index, _)| index));
            let kind =
                if kind == "LoadBalancer" { "balancer".to_owned() } else { kind.to_lowercase() };
            let known = call.id.as_ref().and_then(|id| self.names.get(id));
            let name = known.map_or(kind, Clone::clone);
            let verb = verb.to_lowercase();
            match call.hresult {
                0 => format!("{verb} {name}"),
                code => format!("{verb} {name} fails 0x{code:08X}"),
            }
        };
        self.calls.mutating.iter().map(words).collect()
    }
}

impl HnsExpected {
    /// Whether it looks at anything at all.
    pub(super) fn asks(&self) -> bool {
        self.balancers.is_some()
            || self.endpoints.is_some()
            || self.calls.is_some()
            || self.mutating.is_some()
            || self.asked_at_most.is_some()
            || self.kept.is_some()
            || self.renewed.is_some()
            || self.reports.as_ref().is_some_and(|reports| !reports.is_empty())
    }

    /// Holds it against what came.
    pub(super) fn judge(
        &self,
        subject: &mut dyn Subject,
        fixture: &Fixture,
        came: &Aftermath,
    ) -> Result<(), String> {
        if !self.asks() {
            return Err("nothing is expected of HNS".to_owned());
        }
        self.judge_held(fixture, came)?;
        self.judge_calls(fixture, came)?;
        self.judge_ids(fixture, came)?;
        let Some(reports) = &self.reports else { return Ok(()) };
        let standing = subject.hns()?.standing()?;
        for (at, wanted) in reports {
            let found = standing.pointer(at).unwrap_or(&Value::Null);
            if !is_reported(wanted, found) {
                return Err(format!("expected the report {wanted} at {at}; came {standing}"));
            }
        }
        Ok(())
    }

    fn judge_held(&self, fixture: &Fixture, came: &Aftermath) -> Result<(), String> {
        if let Some(balancers) = &self.balancers {
            let wanted = balancers.iter().map(|text| Balancer::parse(text, fixture));
            let wanted = wanted.map(|parsed| parsed.map(|balancer| balancer.to_string()));
            let held = came.after.iter().filter(|object| object.kind() == HnsKind::LoadBalancer);
            same("load balancers", wanted.collect::<Result<_, _>>()?, held)?;
        }
        if let Some(endpoints) = &self.endpoints {
            let wanted = endpoints.iter().map(|text| Endpoint::parse(text, fixture));
            let wanted = wanted.map(|parsed| parsed.map(|endpoint| endpoint.to_string()));
            let held = came.after.iter().filter(|object| object.kind() == HnsKind::Endpoint);
            same("endpoints", wanted.collect::<Result<_, _>>()?, held)?;
        }
        Ok(())
    }

    fn judge_calls(&self, fixture: &Fixture, came: &Aftermath) -> Result<(), String> {
        let calls = came.calls();
        if let Some(wanted) = &self.calls {
            let wanted = wanted.iter().map(|text| words::call(text, fixture));
            let wanted: Vec<String> = wanted.collect::<Result<_, _>>()?;
            if wanted != calls {
                return Err(format!("expected the calls {wanted:?}; came {calls:?}"));
            }
        }
        if let Some(count) = self.mutating
            && count != calls.len()
        {
            return Err(format!("expected {count} changes of HNS; came {calls:?}"));
        }
        let total = came.calls.total;
        match self.asked_at_most {
            Some(most) if total > most => {
                Err(format!("expected at most {most} calls of HNS; came {total}"))
            }
            _ => Ok(()),
        }
    }

    fn judge_ids(&self, fixture: &Fixture, came: &Aftermath) -> Result<(), String> {
        let ids = |objects: &[Object], wanted: &str| -> BTreeSet<String> {
            let named = objects.iter().filter(|object| object.name() == wanted);
            named.map(|object| object.id().to_owned()).collect()
        };
        let lists = [(&self.kept, true), (&self.renewed, false)];
        for (list, same) in lists {
            for frontend in list.iter().flatten() {
                let name = words::name(&format!("balancer {frontend}"), fixture)?;
                let (before, after) = (ids(&came.before, &name), ids(&came.after, &name));
                if before.is_empty() || after.is_empty() || (before == after) != same {
                    let word = if same { "the same id" } else { "another id" };
                    return Err(format!("{name}: expected {word}; {before:?} became {after:?}"));
                }
            }
        }
        Ok(())
    }
}

/// Whether a report is the one that is wanted.
fn is_reported(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Null, Value::Array(list)) => list.is_empty(),
        (Value::String(part), Value::String(text)) => text.contains(part.as_str()),
        _ => wanted == found,
    }
}

fn same<'a>(
    what: &str,
    mut wanted: Vec<String>,
    held: impl Iterator<Item = &'a Object>,
) -> Result<(), String> {
    let mut held: Vec<String> = held.map(ToString::to_string).collect();
    wanted.sort();
    held.sort();
    (wanted == held)
        .then_some(())
        .ok_or_else(|| format!("expected the {what} {wanted:?}; HNS holds {held:?}"))
}
