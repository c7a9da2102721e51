//! Which objects a query lists.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use switchyard_hcn::{Error, Guid, Query, hresult};

use super::Service;
use crate::knobs::EnumerationOrder;
use crate::request::ObjectKind;
use crate::settings::refused;

impl Service {
    /// The ids of the objects of a kind that a query asks for. No match is an empty list.
    pub(super) fn enumerate(&mut self, kind: ObjectKind, query: &str) -> Result<String, Error> {
        let query = self.parse_query(query)?;
        let mut ids = self.ids(kind);
        if !query.filter.0.is_empty() {
            ids.retain(|id| self.is_listed(kind, *id, &query));
        }
        self.listings = self.listings.wrapping_add(1);
        if self.knobs.enumeration_order == EnumerationOrder::Rotated && !ids.is_empty() {
            let first = self.listings % ids.len();
            ids.rotate_left(first);
        }
        if self.knobs.upper_case_ids {
            let ids: Vec<String> =
                ids.iter().map(|id| id.to_string().to_ascii_uppercase()).collect();
            return Ok(text(&ids));
        }
        Ok(text(&ids))
    }

    pub(super) fn ids(&self, kind: ObjectKind) -> Vec<Guid> {
        let state = &self.state;
        match kind {
            ObjectKind::Network => state.networks().map(|(id, _)| id).collect(),
            ObjectKind::Endpoint => state.endpoints().map(|(id, _)| id).collect(),
            ObjectKind::Namespace => state.namespaces().map(|(id, _)| id).collect(),
            ObjectKind::LoadBalancer => state.load_balancers().map(|(id, _)| id).collect(),
            ObjectKind::Service => Vec::new(),
        }
    }

    /// Whether an object equals what the filter says: members of the top level of its document of version 1, compared as
    /// text. An empty value and an unknown member match nothing.
    fn is_listed(&self, kind: ObjectKind, id: Guid, query: &Query) -> bool {
        let mut document = None;
        query.filter.0.iter().all(|(key, asked)| match key.as_str() {
            "ID" => is_id(asked, id),
            "Name" => asked
                .as_str()
                .is_some_and(|asked| !asked.is_empty() && self.name_of(kind, id) == Some(asked)),
            "VirtualNetwork" if kind == ObjectKind::Endpoint => {
                let endpoint = self.state.endpoint(id);
                endpoint
                    .and_then(|endpoint| endpoint.host_compute_network)
                    .is_some_and(|network| is_id(asked, network))
            }
            // microsoft/WSL: addresses are lists of objects, which a filter cannot name.
            "IPAddress" | "IPv6Address" => false,
            key => {
                let document =
                    document.get_or_insert_with(|| self.document_v1(kind, id).unwrap_or_default());
                document.get(key).is_some_and(|held| is_same(held, asked))
            }
        })
    }

    fn name_of(&self, kind: ObjectKind, id: Guid) -> Option<&str> {
        match kind {
            ObjectKind::Network => self.state.network(id).map(|held| held.name.as_str()),
            ObjectKind::Endpoint => self.state.endpoint(id).map(|held| held.name.as_str()),
            ObjectKind::Namespace => self.state.namespace(id).map(|held| held.name.as_str()),
            ObjectKind::LoadBalancer => self.state.load_balancer(id).map(|held| held.name.as_str()),
            ObjectKind::Service => None,
        }
    }

    /// The query that a client sent. Clients send the same one for each object of a list, so the last is remembered.
    pub(super) fn parse_query(&mut self, query: &str) -> Result<Arc<Query>, Error> {
        if self.query.0 != query {
            let parsed = Query::parse(query).map_err(|_| refused(hresult::HCN_E_INVALID_JSON))?;
            self.query = (query.to_owned(), Arc::new(parsed));
        }
        Ok(Arc::clone(&self.query.1))
    }
}

fn is_id(asked: &Value, id: Guid) -> bool {
    asked.as_str().is_some_and(|text| text.parse() == Ok(id))
}

/// Whether a member has the value that is asked for; ids in any case. Lists and objects cannot be asked for.
fn is_same(held: &Value, asked: &Value) -> bool {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    };
    match (plain(held), plain(asked)) {
        (Some(held), Some(asked)) if !asked.is_empty() => {
            held == asked || held.parse::<Guid>().is_ok_and(|id| asked.parse() == Ok(id))
        }
        _ => false,
    }
}

pub(super) fn text(document: &impl Serialize) -> String {
    // Writing to a string fails only for maps whose keys are not text, and no document has such.
    serde_json::to_string(document).unwrap_or_default()
}
