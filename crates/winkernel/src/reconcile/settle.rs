//! What came of a call.

use std::collections::BTreeSet;
use std::time::Duration;

use switchyard_hcn::{Endpoint, ErrorClass, Guid, LoadBalancer, hresult};

use super::Reconciler;
use super::delays::{Delay, Failure, Target};
use crate::call::{Call, CallError, CallId, Change, Reply};
use crate::endpoint::Shape;
use crate::identity::OWNER;
use crate::ledger::Kind;
use crate::observed::digest_of;
use crate::operation::{Reason, Subject, Verb};

/// How long a ledger that could not be written waits.
const LEDGER_WAIT: Duration = Duration::from_secs(30);
/// The number of backends that every build takes.
const FEWEST_BACKENDS: usize = 64;

impl Reconciler {
    /// Tells what came of a call. An answer to one that was given up says nothing: what it was about is read.
    pub fn call_done(&mut self, id: CallId, result: Result<Reply, CallError>, now: Duration) {
        let Some(flight) = self.flights.end(id) else { return };
        let took = now.saturating_sub(flight.began);
        if flight.abandoned {
            return self.answered_late(&flight.call, now);
        }
        if flight.audit {
            self.queue.since_audit = 0;
            self.survey.audited(took, now);
        }
        // What was read of an HNS that went away since says nothing of the one that came back.
        let is_stale = flight.epoch != self.epoch;
        match (flight.call, result) {
            (Call::Change(change), result) => {
                let Some((target, earlier)) = flight.target else { return };
                match result {
                    Ok(reply) => self.changed(&change, &reply, target, earlier, now),
                    Err(error) => self.change_failed(&change, &error, target, earlier, now),
                }
            }
            (
                Call::WriteLedger { .. } | Call::RewriteLedger { .. } | Call::RemoveLedger,
                result,
            ) => {
                self.ledger_trouble = result.err().map(|error| chain(&error));
                if self.ledger_trouble.is_some() {
                    self.rewrite_ledger = Some(now + LEDGER_WAIT);
                }
            }
            (Call::FindNetwork { .. } | Call::List { .. } | Call::Read { .. }, _) if is_stale => {}
            (Call::FindNetwork { .. }, Ok(Reply::Networks(networks, version))) => {
                self.choose_network(networks, version, now);
            }
            (Call::FindNetwork { .. }, result) => self.network_not_found(result.err(), now),
            (Call::List { kind, .. }, Ok(Reply::Ids(ids))) => self.listed(kind, ids, now),
            (Call::List { kind, .. }, result) => {
                if result.err().is_some_and(|error| is_down(&error)) {
                    self.suspect(now);
                }
                self.survey.listing_failed(kind, now);
            }
            (Call::Read { kind, id }, Ok(Reply::Endpoint(found))) => {
                self.survey.was_read(kind, id);
                self.see_endpoint(id, found.as_deref(), now);
            }
            (Call::Read { kind, id }, Ok(Reply::LoadBalancer(found))) => {
                self.survey.was_read(kind, id);
                self.see_load_balancer(id, found.as_deref(), now);
            }
            (Call::Read { kind, id }, result) => {
                if result.err().is_some_and(|error| is_down(&error)) {
                    self.suspect(now);
                }
                if self.survey.reading_failed(kind, id, now) {
                    self.observed.put_unreadable(kind, id);
                }
            }
        }
    }

    fn answered_late(&mut self, call: &Call, now: Duration) {
        let Call::Change(change) = call else { return };
        let (kind, id) = (change.operation.kind(), change.operation.id);
        self.survey.read(kind, id);
        self.survey.look(kind, now);
        self.dirty_object(&change.operation.subject);
    }

    /// HNS did not answer a call. It may be away, which asking for the network shows; or it may have been, and lost something.
    fn suspect(&mut self, now: Duration) {
        self.trust.forget_proofs();
        self.survey.refresh_network(now);
        self.survey.look(Kind::Endpoint, now);
        self.survey.look(Kind::LoadBalancer, now);
        self.survey.audit_soon(now);
    }

    /// The network could not be asked for.
    fn network_not_found(&mut self, error: Option<CallError>, now: Duration) {
        let down = error.as_ref().is_some_and(is_down);
        let why = error.map_or_else(|| "no answer".to_owned(), |error| chain(&error));
        if self.place.is_some() && !down {
            // It is where it was, for all that is known.
            return self.survey.network_is_unknown(now);
        }
        self.missing = Some(why);
        if !std::mem::replace(&mut self.outage, true) {
            self.counters.losses += 1;
            self.epoch += 1;
        }
        self.survey.network_is_missing(now);
    }

    /// A change succeeded, by what HNS says.
    fn changed(
        &mut self,
        change: &Change,
        reply: &Reply,
        target: Target,
        earlier: Option<Delay>,
        now: Duration,
    ) {
        let operation = &change.operation;
        let (kind, verb) = (operation.kind(), operation.verb);
        self.forget_replacement(&operation.subject);
        let honest = match &operation.subject {
            Subject::Endpoint { document, .. } => {
                self.endpoint_became(operation.id, document.as_deref(), reply, now)
            }
            Subject::LoadBalancer { document, .. } => {
                self.load_balancer_became(operation.id, verb, document.as_deref(), reply)
            }
        };
        if let Subject::LoadBalancer { key: Some(key), document: None } = &operation.subject
            && honest
            && operation.reason == Reason::Replaced
        {
            self.queue.replacing.insert(*key);
            self.queue.replaced.insert(*key);
        }
        if change.read_back && honest {
            self.trust.prove(verb, kind);
        }
        if !honest && verb == Verb::Modify {
            self.trust.modify_is_broken = true;
            self.dirty_object(&operation.subject);
            return;
        }
        if !honest {
            let failure = Failure {
                class: ErrorClass::Unknown,
                hresult: None,
                message: format!("HNS said yes to {} and did something else", verb.as_str()),
            };
            self.counters.lies += 1;
            self.delays.fail(target, earlier, failure, now);
            return;
        }
        self.counters.changes += 1;
        if verb == Verb::Delete
            && let Some(key) = operation.key()
        {
            self.ledger.removed(kind, key, operation.id);
        }
        if let Some(earlier) = earlier {
            self.delays.succeed(&earlier, now);
        }
        self.dirty_object(&operation.subject);
    }

    /// Takes in what became of an endpoint that was to be as `sent`, or gone. Whether it is so: where it was not read, HNS is
    /// believed.
    fn endpoint_became(
        &mut self,
        asked: Guid,
        sent: Option<&Endpoint>,
        reply: &Reply,
        now: Duration,
    ) -> bool {
        let Reply::Endpoint(found) = reply else {
            let (before, after) = self.take_endpoint_in(asked, sent);
            self.endpoint_changed(asked, before.as_ref(), after.as_ref(), now);
            return true;
        };
        let id = found.as_ref().and_then(|found| found.id).unwrap_or(asked);
        let found = found.as_deref().map(|found| Endpoint { id: Some(id), ..found.clone() });
        let (before, after) = self.take_endpoint_in(id, found.as_ref());
        self.endpoint_changed(id, before.as_ref(), after.as_ref(), now);
        let (Some(sent), Some(found)) = (sent, &found) else {
            return sent.is_none() && found.is_none();
        };
        self.trust.saw_create(Kind::Endpoint, id == asked, found.owner == OWNER);
        Shape::of(found) == Shape::of(sent) && found.addresses().eq(sent.addresses())
    }

    /// As [`Self::endpoint_became`], of a load balancer.
    fn load_balancer_became(
        &mut self,
        asked: Guid,
        verb: Verb,
        sent: Option<&LoadBalancer>,
        reply: &Reply,
    ) -> bool {
        let Reply::LoadBalancer(found) = reply else {
            let (before, after) = self.take_load_balancer_in(asked, sent);
            self.load_balancer_changed(asked, before.as_ref(), after.as_ref());
            return true;
        };
        let id = found.as_ref().and_then(|found| found.id).unwrap_or(asked);
        let found = found.as_deref().map(|found| LoadBalancer { id: Some(id), ..found.clone() });
        let (before, after) = self.take_load_balancer_in(id, found.as_ref());
        self.load_balancer_changed(id, before.as_ref(), after.as_ref());
        let (Some(sent), Some(found)) = (sent, &found) else {
            return sent.is_none() && found.is_none();
        };
        if verb == Verb::Create {
            self.trust.saw_create(Kind::LoadBalancer, id == asked, found.owner == OWNER);
        }
        let named = |document: &LoadBalancer| -> BTreeSet<Guid> {
            document.host_compute_endpoints.iter().copied().collect()
        };
        digest_of(found) == digest_of(sent) && named(found) == named(sent) && !found.is_degraded()
    }

    /// A change failed, by what HNS says. It may have been done all the same, so its object is read.
    fn change_failed(
        &mut self,
        change: &Change,
        error: &CallError,
        target: Target,
        earlier: Option<Delay>,
        now: Duration,
    ) {
        let operation = &change.operation;
        let (kind, verb) = (operation.kind(), operation.verb);
        self.forget_replacement(&operation.subject);
        self.counters.failures += 1;
        let (class, code) = match error {
            CallError::Hns(error) => (error.class(), error.hresult()),
            CallError::Ledger(_) => (ErrorClass::Unknown, None),
        };
        self.survey.read(kind, operation.id);
        if verb == Verb::Create && (class == ErrorClass::Exists || !self.trust.keeps_ids(kind)) {
            self.survey.look(kind, now);
        }
        if code == Some(hresult::HCN_E_ENTITY_HAS_REFERENCES) {
            self.survey.look(Kind::LoadBalancer, now);
        }
        let lacks_endpoint =
            matches!(class, ErrorClass::Gone) || code == Some(hresult::HCN_E_PORT_NOT_FOUND);
        if kind == Kind::LoadBalancer && verb != Verb::Delete && lacks_endpoint {
            self.survey.look(Kind::Endpoint, now);
        }
        if class == ErrorClass::Gone {
            self.survey.audit_soon(now);
            if kind == Kind::Endpoint && verb == Verb::Create {
                self.survey.refresh_network(now);
            }
        }
        if is_down(error) || code == Some(hresult::E_HANDLE) {
            self.suspect(now);
        }
        if verb == Verb::Modify && class == ErrorClass::Unsupported {
            self.trust.modify_is_broken = true;
            return self.dirty_object(&operation.subject);
        }
        if let Subject::LoadBalancer { document: Some(document), .. } = &operation.subject
            && code == Some(hresult::E_INVALIDARG)
            && document.host_compute_endpoints.len() > FEWEST_BACKENDS
            && chain(error).contains("number of destinations")
        {
            self.trust.too_many_backends = Some(FEWEST_BACKENDS);
            self.want_anew(now);
        }
        let failure = Failure { class, hresult: code, message: chain(error) };
        self.delays.fail(target, earlier, failure, now);
        // What is else to be done for the same object does not wait: a backend that cannot be had is left out.
        self.dirty_object(&operation.subject);
    }

    /// What a replacement was waited for with was tried.
    fn forget_replacement(&mut self, subject: &Subject) {
        if let Subject::LoadBalancer { key: Some(key), .. } = subject {
            self.queue.replaced.remove(key);
        }
    }

    /// What an object is for may differ now.
    pub(super) fn dirty_object(&mut self, subject: &Subject) {
        match subject {
            Subject::Endpoint { key, .. } => {
                self.dirty_users(key.address);
                let at = self.observed.endpoints_at(key.address);
                self.queue.strays.extend(at.map(|(id, _)| (Kind::Endpoint, id)));
            }
            Subject::LoadBalancer { key: Some(key), .. } => {
                self.dirty(key);
                let holders = self.observed.holders(key);
                self.queue.strays.extend(holders.map(|(id, _)| (Kind::LoadBalancer, id)));
            }
            Subject::LoadBalancer { key: None, .. } => {}
        }
    }
}

/// Whether HNS itself is away.
fn is_down(error: &CallError) -> bool {
    let CallError::Hns(error) = error else { return false };
    matches!(
        error.hresult(),
        Some(
            hresult::RPC_S_SERVER_UNAVAILABLE
                | hresult::RPC_S_CALL_FAILED
                | hresult::RPC_S_CALL_FAILED_DNE
                | hresult::EPT_S_NOT_REGISTERED
                | hresult::HCN_E_MANAGER_STOPPED
                | hresult::ERROR_WRONG_DISK
        )
    )
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
