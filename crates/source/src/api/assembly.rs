//! What was heard of the API, put together so that only complete states come out.
//!
//! Each kind is listed and then watched by itself. Here the three meet: nothing comes out before all of them were listed, a
//! list that is heard again comes out as what differs, and a store that went back in its history (one restored from a backup)
//! is listed anew in all its kinds before anything comes out again. What comes faster than it is taken is kept by object, the
//! newest state of each.

use std::collections::BTreeMap;
use std::time::Duration;

use switchyard_model::{ClusterEvent, ObjectKey, ServiceKey};

use crate::field::Field;
use crate::raw::Object;
use crate::refusal::Refusal;
use crate::slice;
use crate::wire::{Kind, Understood, Version};

/// Of how many refused objects it is remembered why; of more, only how much was refused of each.
const MOST_REFUSED: usize = 1_000;
/// How many changes that wait remember when they were triggered.
const MOST_TRIGGERS: usize = 10_000;

/// A step: what leads from one complete state to the next.
#[derive(Debug, Default)]
pub struct Update {
    /// What changed, each object once, in its newest state.
    pub events: Vec<ClusterEvent>,
    /// When what changed the endpoints of a Service happened, in microseconds since 1970, where the slice says it.
    pub triggers: Vec<(ServiceKey, i64)>,
    /// Set where the store was seen to have gone back, so that this state may be older than the last.
    pub went_back: bool,
}

/// How the following of one kind goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KindStatus {
    /// How many objects there are.
    pub objects: usize,
    /// The version that is known.
    pub version: String,
    /// Whether all of them were listed, in the store as it is now.
    pub listed: bool,
    /// Why it cannot be followed at the moment.
    pub trouble: Option<String>,
    /// Since when it cannot.
    pub failing_since: Option<Duration>,
    /// When anything was heard last, a bookmark included.
    pub heard: Option<Duration>,
    /// How often it was listed.
    pub lists: u64,
    /// How often a watch was begun.
    pub watches: u64,
    /// How often something failed.
    pub failures: u64,
}

/// What happened, as far as the one who follows has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// What was to be expected.
    Good,
    /// What cannot be: a watch that goes back in time. Everything is to be listed anew.
    OutOfOrder,
}

/// One kind.
#[derive(Debug, Default)]
struct Reflection {
    version: Version,
    /// The objects that there are, with their versions.
    known: BTreeMap<ObjectKey, u64>,
    /// A list that has not ended yet.
    listing: Option<Listing>,
    /// The store that it was listed from; another than [`Assembly::store`] is one that is no more.
    store: Option<u64>,
    /// Whether it is to be listed although it was: a watch of it cannot go on.
    must_list: bool,
    status: KindStatus,
}

/// What a list said so far. Nothing of it counts before its end.
#[derive(Debug, Default)]
struct Listing {
    /// By key the version, and what the object says where that is not known already.
    objects: BTreeMap<ObjectKey, (u64, Option<Understood>)>,
    triggers: BTreeMap<ServiceKey, i64>,
}

/// What is refused.
#[derive(Debug, Default)]
struct Refused {
    /// Why, of the first objects.
    named: BTreeMap<(Kind, ObjectKey), Vec<Refusal>>,
    /// How much of each of the others.
    more: BTreeMap<(Kind, ObjectKey), usize>,
}

impl Refused {
    /// Keeps what is refused of an object, instead of what was before.
    fn keep(&mut self, kind: Kind, key: &ObjectKey, refusals: Vec<Refusal>) {
        // Nearly always there is nothing to keep and nothing to forget.
        if refusals.is_empty() && self.named.is_empty() && self.more.is_empty() {
            return;
        }
        let place = (kind, key.clone());
        self.named.remove(&place);
        self.more.remove(&place);
        if refusals.is_empty() {
            return;
        }
        if self.named.len() < MOST_REFUSED {
            self.named.insert(place, refusals);
        } else {
            self.more.insert(place, refusals.len());
        }
    }
}

/// All kinds together.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    kinds: BTreeMap<Kind, Reflection>,
    pending: BTreeMap<(Kind, ObjectKey), ClusterEvent>,
    triggers: BTreeMap<ServiceKey, i64>,
    refused: Refused,
    /// Counts the times that the store went back.
    store: u64,
    went_back: bool,
}

impl Assembly {
    /// A list of `kind` begins.
    pub(super) fn begin_list(&mut self, kind: Kind, now: Duration) {
        let reflection = self.kinds.entry(kind).or_default();
        reflection.listing = Some(Listing::default());
        reflection.heard(now);
    }

    /// A list says that there is `object`.
    pub(super) fn listed(&mut self, kind: Kind, object: Object, now: Duration) {
        let reflection = self.kinds.entry(kind).or_default();
        reflection.heard(now);
        let Some((key, version)) = kind.identify(&object) else { return };
        let Some(listing) = &mut reflection.listing else { return };
        if let Some((service, moment)) = trigger(kind, &object) {
            listing.triggers.insert(service, moment);
        }
        let number = version.number();
        // The names are those of the objects known, where they are: one copy of each.
        let (key, known) = match reflection.known.get_key_value(&key) {
            Some((known, version)) => (known.clone(), *version),
            None => (key, 0),
        };
        let is_known = number != 0 && number == known;
        let understood = (!is_known).then(|| kind.understand(&key, object));
        listing.objects.insert(key, (number, understood));
    }

    /// The list ended, at `version`.
    pub(super) fn end_list(&mut self, kind: Kind, version: Version, now: Duration) -> Heard {
        let reflection = self.kinds.entry(kind).or_default();
        // Without one, another kind saw the store go back meanwhile: this list may be of the store that is no more.
        let Some(listing) = reflection.listing.take() else { return Heard::OutOfOrder };
        reflection.status.lists += 1;
        if reflection.goes_back(&listing, &version) {
            self.begin_anew();
            return Heard::OutOfOrder;
        }
        reflection.good(now);
        let is_first = reflection.store.is_none();
        let known = std::mem::take(&mut reflection.known);
        for key in known.keys().filter(|key| !listing.objects.contains_key(*key)) {
            self.pending.insert((kind, key.clone()), kind.gone(key));
            self.refused.keep(kind, key, Vec::new());
        }
        for (key, (version, understood)) in listing.objects {
            reflection.known.insert(key.clone(), version);
            if let Some(understood) = understood {
                self.refused.keep(kind, &key, understood.refused);
                self.pending.insert((kind, key), understood.event);
            }
        }
        reflection.status.objects = reflection.known.len();
        reflection.version = version;
        reflection.store = Some(self.store);
        reflection.must_list = false;
        // At the start everything is old: when it was triggered says nothing of how long it takes here.
        if !is_first {
            for (service, moment) in listing.triggers {
                self.note_trigger(service, moment);
            }
        }
        Heard::Good
    }

    /// The store went back: no version that is known means anything any more, and nothing comes out before all kinds were
    /// listed from the store as it is now.
    fn begin_anew(&mut self) {
        self.store += 1;
        self.went_back = true;
        for reflection in self.kinds.values_mut() {
            reflection.version = Version::default();
            reflection.listing = None;
            reflection.known.values_mut().for_each(|version| *version = 0);
        }
    }

    /// A watch of `kind` begins.
    pub(super) fn begin_watch(&mut self, kind: Kind, now: Duration) {
        let reflection = self.kinds.entry(kind).or_default();
        reflection.status.watches += 1;
        reflection.good(now);
    }

    /// A watch says that `object` is new, changed, or gone.
    pub(super) fn changed(
        &mut self,
        kind: Kind,
        object: Object,
        is_gone: bool,
        now: Duration,
    ) -> Heard {
        let reflection = self.kinds.entry(kind).or_default();
        reflection.good(now);
        let Some((key, version)) = kind.identify(&object) else { return Heard::Good };
        let number = version.number();
        if number != 0 && number < reflection.version.number() {
            return Heard::OutOfOrder;
        }
        if number != 0 {
            reflection.version = version;
        }
        if is_gone {
            if reflection.known.remove(&key).is_some() {
                reflection.status.objects = reflection.known.len();
                self.refused.keep(kind, &key, Vec::new());
                let event = kind.gone(&key);
                self.pending.insert((kind, key), event);
            }
            return Heard::Good;
        }
        if number != 0 && reflection.known.get(&key) == Some(&number) {
            return Heard::Good;
        }
        let trigger = trigger(kind, &object);
        let key = reflection.known.get_key_value(&key).map_or(key, |(known, _)| known.clone());
        let understood = kind.understand(&key, object);
        reflection.known.insert(key.clone(), number);
        reflection.status.objects = reflection.known.len();
        self.refused.keep(kind, &key, understood.refused);
        self.pending.insert((kind, key), understood.event);
        if let Some((service, moment)) = trigger {
            self.note_trigger(service, moment);
        }
        Heard::Good
    }

    /// Everything of `kind` up to `version` has been told.
    pub(super) fn bookmark(&mut self, kind: Kind, version: Version, now: Duration) -> Heard {
        let reflection = self.kinds.entry(kind).or_default();
        reflection.good(now);
        if version.number() != 0 && version.number() < reflection.version.number() {
            return Heard::OutOfOrder;
        }
        if !version.as_str().is_empty() {
            reflection.version = version;
        }
        Heard::Good
    }

    /// Something failed in following `kind`. A list that was under way is forgotten.
    pub(super) fn failed(&mut self, kind: Kind, trouble: String, now: Duration) {
        let reflection = self.kinds.entry(kind).or_default();
        reflection.listing = None;
        reflection.status.failures += 1;
        reflection.status.trouble = Some(trouble);
        reflection.status.failing_since.get_or_insert(now);
    }

    /// `kind` has to be listed anew, whatever is known of it.
    pub(super) fn forget(&mut self, kind: Kind) {
        self.kinds.entry(kind).or_default().must_list = true;
    }

    /// Which kinds cannot be followed.
    pub(super) fn troubles(&self) -> [bool; Kind::ALL.len()] {
        Kind::ALL.map(|kind| self.kinds.get(&kind).is_some_and(|it| it.status.trouble.is_some()))
    }

    /// The version of `kind` up to which everything is known. `None` where it must be listed: it never was, or the store is
    /// another since.
    pub(super) fn position(&self, kind: Kind) -> Option<Version> {
        let reflection = self.kinds.get(&kind)?;
        let is_current = reflection.store == Some(self.store);
        (is_current && !reflection.must_list).then(|| reflection.version.clone())
    }

    /// Whether there is a step to take: all kinds are complete, and something changed.
    pub(super) fn has_update(&self) -> bool {
        !self.pending.is_empty() && self.is_complete()
    }

    /// Whether all kinds were listed, in the store as it is now.
    pub(super) fn is_complete(&self) -> bool {
        let complete = |kind| self.kinds.get(kind).is_some_and(|it| it.store == Some(self.store));
        Kind::ALL.iter().all(complete)
    }

    /// Takes what changed since the last time, if the state is complete.
    pub(super) fn take(&mut self) -> Option<Update> {
        if !self.has_update() {
            return None;
        }
        Some(Update {
            events: std::mem::take(&mut self.pending).into_values().collect(),
            triggers: std::mem::take(&mut self.triggers).into_iter().collect(),
            went_back: std::mem::take(&mut self.went_back),
        })
    }

    /// When something was heard last of each kind that was ever heard of: of several, the earliest.
    pub(super) fn heard(&self) -> Option<Duration> {
        self.kinds.values().filter_map(|kind| kind.status.heard).min()
    }

    /// How it goes, kind by kind.
    pub(super) fn status(&self) -> BTreeMap<Kind, KindStatus> {
        let status = |kind: &Kind| {
            let Some(reflection) = self.kinds.get(kind) else { return KindStatus::default() };
            KindStatus {
                version: reflection.version.as_str().to_owned(),
                listed: reflection.store == Some(self.store),
                ..reflection.status.clone()
            }
        };
        Kind::ALL.iter().map(|kind| (*kind, status(kind))).collect()
    }

    /// What is refused at present, as far as it is remembered.
    pub(super) fn refused(&self) -> impl Iterator<Item = &Refusal> {
        self.refused.named.values().flatten()
    }

    /// How much is refused at present.
    pub(super) fn count_refused(&self) -> usize {
        let named: usize = self.refused.named.values().map(Vec::len).sum();
        named + self.refused.more.values().sum::<usize>()
    }

    /// Notes when a change of a Service's endpoints was triggered: of several that wait, the first.
    fn note_trigger(&mut self, service: ServiceKey, moment: i64) {
        if self.triggers.len() < MOST_TRIGGERS {
            self.triggers.entry(service).or_insert(moment);
        }
    }
}

impl Reflection {
    fn heard(&mut self, now: Duration) {
        self.status.heard = Some(now);
    }

    /// Something came as it should.
    fn good(&mut self, now: Duration) {
        self.heard(now);
        self.status.trouble = None;
        self.status.failing_since = None;
    }

    /// Whether a list is of a store that went back: at an earlier version, or with an object in an earlier version, than was
    /// seen already.
    fn goes_back(&self, listing: &Listing, version: &Version) -> bool {
        let is_older = |(key, seen): (&ObjectKey, &u64)| {
            listing.objects.get(key).is_some_and(|(listed, _)| listed < seen)
        };
        self.store.is_some()
            && (version.number() < self.version.number() || self.known.iter().any(is_older))
    }
}

/// The Service of a slice, and when that happened which changed the slice.
fn trigger(kind: Kind, object: &Object) -> Option<(ServiceKey, i64)> {
    let Field::Present(metadata) = &object.metadata else { return None };
    if kind != Kind::EndpointSlice {
        return None;
    }
    slice::trigger(metadata)
}

#[cfg(test)]
mod tests;
