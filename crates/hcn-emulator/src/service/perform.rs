//! A call, well or ill.

use std::time::Duration;

use serde_json::{Value, json};
use switchyard_hcn::{Error, Guid, LoadBalancer, hresult, v1};

use super::Service;
use crate::fault::Trouble;
use crate::request::{Answer, ObjectKind, Request};
use crate::settings::refused;

impl Service {
    /// Does what `request` says, as far as `trouble` lets it.
    pub(super) fn perform(
        &mut self,
        request: &Request<'_>,
        id: Option<Guid>,
        trouble: Option<Trouble>,
        at: Duration,
    ) -> Result<Answer, Error> {
        let result = match trouble {
            None | Some(Trouble::Delay { .. }) => self.obey(request),
            Some(Trouble::Refuse { code, after }) => self.refuse(request, code.get(), after),
            // That is what it ends with when HNS stops.
            Some(Trouble::Hang { after }) => {
                self.refuse(request, hresult::HCN_E_MANAGER_STOPPED, after)
            }
            Some(Trouble::Pretend) => Ok(self.pretend(request)),
            Some(Trouble::Lose) => {
                let result = self.obey(request);
                if let Some(lost) = self.answered(request, id, &result) {
                    self.lose(request.subject(), lost);
                }
                result
            }
            Some(Trouble::Omit { count }) => {
                self.obey(request).map(|answer| omit(request, answer, count))
            }
            Some(Trouble::Degrade) => {
                let result = self.obey(request);
                if let Some(degraded) = self.answered(request, id, &result) {
                    self.degrade(degraded);
                }
                result
            }
            Some(Trouble::Stop { milliseconds }) => {
                let away = Duration::from_millis(milliseconds);
                self.stop_until((milliseconds > 0).then(|| at.saturating_add(away)));
                Err(refused(hresult::HCN_E_MANAGER_STOPPED))
            }
        };
        let id = id.or_else(|| self.answered(request, id, &result));
        self.note(request, id, result)
    }

    /// Refuses a call, which has its effect all the same or not. Nobody learns of the handle that it made.
    fn refuse(&mut self, request: &Request<'_>, code: u32, after: bool) -> Result<Answer, Error> {
        if after && let Ok(Answer::Handle(lost)) = self.obey(request) {
            self.handles.remove(&lost);
            self.callbacks.remove(&lost);
        }
        Err(refused(code))
    }

    fn obey(&mut self, request: &Request<'_>) -> Result<Answer, Error> {
        match *request {
            Request::Enumerate { kind, query } => self.enumerate(kind, query).map(Answer::Text),
            Request::Create { kind, network, id, settings } => {
                let id = self.create(kind, network, id, settings)?;
                Ok(Answer::Handle(self.open_handle(kind, id)))
            }
            Request::Open { kind, id } => {
                self.must_exist(kind, id)?;
                Ok(Answer::Handle(self.open_handle(kind, id)))
            }
            Request::Modify { kind, handle, settings } => {
                let id = self.behind(kind, handle)?;
                self.must_exist(kind, id)?;
                self.modify(kind, id, settings)?;
                Ok(Answer::Done)
            }
            Request::Query { kind, handle, query } => {
                let id = self.behind(kind, handle)?;
                self.properties(kind, id, query).map(Answer::Text)
            }
            Request::Delete { kind, id } => {
                self.must_exist(kind, id)?;
                self.delete(kind, id)?;
                Ok(Answer::Done)
            }
            Request::Close { kind, handle } => {
                self.behind(kind, handle)?;
                self.handles.remove(&handle);
                Ok(Answer::Done)
            }
            Request::Register => {
                self.last_handle += 1;
                self.callbacks.insert(self.last_handle);
                Ok(Answer::Handle(self.last_handle))
            }
            Request::Unregister { handle } => {
                if self.callbacks.remove(&handle) {
                    Ok(Answer::Done)
                } else {
                    Err(refused(hresult::E_HANDLE))
                }
            }
            Request::HnsCall { method, path, object } => {
                Ok(Answer::Text(self.hns_call(method, path, object)))
            }
        }
    }

    fn create(
        &mut self,
        kind: ObjectKind,
        network: Option<usize>,
        id: Guid,
        settings: &str,
    ) -> Result<Guid, Error> {
        match kind {
            ObjectKind::Network => self.create_network(id, settings),
            ObjectKind::Endpoint => {
                let network = self.behind(ObjectKind::Network, network.unwrap_or_default())?;
                self.create_endpoint(network, id, settings)
            }
            ObjectKind::Namespace => self.create_namespace(id, settings),
            ObjectKind::LoadBalancer => self.create_load_balancer(id, settings),
            ObjectKind::Service => Err(refused(hresult::E_NOTIMPL)),
        }
    }

    fn modify(&mut self, kind: ObjectKind, id: Guid, settings: &str) -> Result<(), Error> {
        match kind {
            ObjectKind::Network => self.modify_network(id, settings),
            ObjectKind::Endpoint => self.modify_endpoint(id, settings),
            ObjectKind::Namespace => self.modify_namespace(id, settings),
            ObjectKind::LoadBalancer => self.modify_load_balancer(id, settings),
            ObjectKind::Service => Err(refused(hresult::E_NOTIMPL)),
        }
    }

    pub(super) fn delete(&mut self, kind: ObjectKind, id: Guid) -> Result<(), Error> {
        match kind {
            ObjectKind::Network => self.delete_network(id),
            ObjectKind::Endpoint => self.delete_endpoint(id)?,
            ObjectKind::Namespace => self.delete_namespace(id),
            ObjectKind::LoadBalancer => self.remove_load_balancer(id),
            ObjectKind::Service => return Err(refused(hresult::E_NOTIMPL)),
        }
        Ok(())
    }

    /// A success with nothing behind it.
    fn pretend(&mut self, request: &Request<'_>) -> Answer {
        match *request {
            Request::Enumerate { .. } => Answer::Text("[]".to_owned()),
            Request::Query { .. } => Answer::Text("{}".to_owned()),
            Request::HnsCall { .. } => Answer::Text(json!({ "Success": true }).to_string()),
            Request::Create { kind, id, .. } | Request::Open { kind, id } => {
                let id = if id.is_nil() { self.next_id() } else { id };
                Answer::Handle(self.open_handle(kind, id))
            }
            Request::Register => {
                self.last_handle += 1;
                Answer::Handle(self.last_handle)
            }
            Request::Modify { .. }
            | Request::Delete { .. }
            | Request::Close { .. }
            | Request::Unregister { .. } => Answer::Done,
        }
    }

    /// The object that a call was about: the one it named, the one that its handle stands for, or the one that the older way
    /// in answered with.
    fn answered(
        &self,
        request: &Request<'_>,
        id: Option<Guid>,
        result: &Result<Answer, Error>,
    ) -> Option<Guid> {
        match result {
            Ok(Answer::Handle(handle)) => self.behind(request.kind(), *handle).ok(),
            Ok(Answer::Text(text)) if request.older().is_some() => {
                let response =
                    v1::Response::parse(text).ok().filter(|response| response.success)?;
                let made = response.output.get("ID").and_then(Value::as_str);
                id.or_else(|| made?.parse().ok())
            }
            Ok(_) => id,
            Err(_) => None,
        }
    }

    /// Takes an object out without a word: what refers to it goes on doing so.
    pub(crate) fn lose(&mut self, kind: ObjectKind, id: Guid) {
        match kind {
            ObjectKind::Network => drop(self.state.remove_network(id)),
            ObjectKind::Endpoint => self.remove_endpoint(id),
            ObjectKind::Namespace => drop(self.state.remove_namespace(id)),
            ObjectKind::LoadBalancer => self.remove_load_balancer(id),
            ObjectKind::Service => {}
        }
    }

    /// Has the rules of a load balancer fail.
    pub(crate) fn degrade(&mut self, id: Guid) {
        if let Some(held) = self.state.load_balancer(id).cloned() {
            let degraded = LoadBalancer { state: LoadBalancer::DEGRADED, ..held };
            self.state.insert_load_balancer(id, degraded);
        }
    }
}

/// A listing without its first `count` ids, or in the older way its first objects.
fn omit(request: &Request<'_>, answer: Answer, count: Option<usize>) -> Answer {
    let Answer::Text(text) = &answer else { return answer };
    let count = count.unwrap_or(usize::MAX);
    if let Some(v1::Request::List(_)) = request.older() {
        let Ok(mut response) = v1::Response::parse(text) else { return answer };
        if let Value::Array(objects) = &mut response.output {
            objects.drain(..count.min(objects.len()));
        }
        return Answer::Text(response.to_json());
    }
    let Ok(ids) = serde_json::from_str::<Vec<String>>(text) else { return answer };
    let left: Vec<String> = ids.into_iter().skip(count).collect();
    Answer::Text(super::listing::text(&left))
}
