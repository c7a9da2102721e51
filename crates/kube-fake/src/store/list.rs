//! Lists: of the newest version, of any, of one not older than, of exactly one; whole or by pages.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Key, ServerId, Store};
use crate::failure::{Failure, FieldFault};
use crate::object::Object;
use crate::resource::Resource;
use crate::selector::Selector;

/// What a list is to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// The namespace; none is all.
    pub namespace: Option<String>,
    /// Which objects.
    pub selector: Selector,
    /// The most objects of one page; 0 is all.
    pub limit: u64,
    /// Where the page before ended.
    pub next: Option<String>,
    /// The version as the client wrote it; none is the newest, 0 is any.
    pub version: Option<u64>,
    /// How the version is meant.
    pub matching: Option<Match>,
    /// The server that is asked.
    pub server: ServerId,
}

/// How a version is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// Exactly this one.
    Exact,
    /// This one or a newer.
    NotOlderThan,
}

/// A list or one page of it.
#[derive(Debug, Clone)]
pub struct List {
    /// The version at which it is so.
    pub revision: u64,
    /// Its objects by namespace and name.
    pub items: Vec<Arc<Object>>,
    /// Where the next page begins, where there is one.
    pub next: Option<String>,
    /// How many objects follow this page, where that is known.
    pub remaining: Option<u64>,
}

/// Where a page begins: after this object, at this version.
struct Place {
    revision: u64,
    after: String,
}

impl Store {
    /// A list.
    ///
    /// # Errors
    ///
    /// If the parameters do not go together, or the version is gone or has not been yet.
    pub fn list(&self, resource: &Resource, query: &ListQuery) -> Result<List, Failure> {
        check(query)?;
        let (revision, after) = match &query.next {
            Some(token) => self.place(token)?,
            None => (self.revision_of(query)?, None),
        };
        let is_from_cache = query.version == Some(0) && query.next.is_none();
        let limit = if is_from_cache { 0 } else { query.limit };
        Ok(self.page(resource, query, revision, after, limit))
    }

    /// At which version a list that begins is.
    fn revision_of(&self, query: &ListQuery) -> Result<u64, Failure> {
        let Some(asked) = query.version else { return Ok(self.revision) };
        if asked == 0 {
            return Ok(self.cached(query.server));
        }
        let is_exact = match query.matching {
            Some(matching) => matching == Match::Exact,
            None => query.limit > 0,
        };
        if is_exact {
            return self.exactly(asked);
        }
        if asked > self.cached(query.server) {
            return Err(Failure::too_large(asked, self.cached(query.server)));
        }
        Ok(if query.limit > 0 { self.revision } else { self.cached(query.server) })
    }

    fn exactly(&self, asked: u64) -> Result<u64, Failure> {
        if asked > self.revision {
            return Err(Failure::too_large(asked, self.revision));
        }
        if asked < self.history.oldest() {
            return Err(Failure::expired(
                "The provided resource version is too old and no longer available.",
            ));
        }
        Ok(asked)
    }

    /// Where a page begins. A token without a version goes on at the newest.
    fn place(&self, token: &str) -> Result<(u64, Option<String>), Failure> {
        let place = read_token(token).ok_or_else(|| {
            Failure::bad_request("continue key is not valid: not from this server")
        })?;
        if place.revision == 0 {
            return Ok((self.revision, Some(place.after)));
        }
        if place.revision >= self.history.oldest() && place.revision <= self.revision {
            return Ok((place.revision, Some(place.after)));
        }
        let mut failure = Failure::expired(
            "The provided continue parameter is too old to display a consistent list result. \
             Begin a new list, or go on with the token of this answer at the newest version.",
        );
        failure.next = Some(write_token(&Place { revision: 0, after: place.after }));
        Err(failure)
    }

    fn page(
        &self,
        resource: &Resource,
        query: &ListQuery,
        revision: u64,
        after: Option<String>,
        limit: u64,
    ) -> List {
        let all = self.objects_at(resource, query.namespace.as_deref(), revision, after);
        let total = all.len() as u64;
        let mut taken = 0;
        let mut items = Vec::new();
        let mut next = None;
        for object in all {
            if limit > 0 && items.len() as u64 == limit {
                let last: &Arc<Object> = &items[items.len() - 1];
                let after = Key::new(resource, last.namespace(), last.name()).path.into_string();
                next = Some(write_token(&Place { revision, after }));
                break;
            }
            taken += 1;
            if query.selector.matches(object) {
                items.push(Arc::clone(object));
            }
        }
        let is_counted = next.is_some() && query.selector.is_everything();
        let remaining = is_counted.then_some(total - taken);
        List { revision, items, next, remaining }
    }

    /// The objects of a resource as they were at a version that is still known.
    pub(super) fn objects_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        revision: u64,
        after: Option<String>,
    ) -> Vec<&Arc<Object>> {
        let is_wanted = |key: &&Key| {
            key.storage == resource.storage
                && namespace.is_none_or(|namespace| key.is_in(namespace))
        };
        let first = namespace.map(|namespace| format!("{namespace}/")).unwrap_or_default();
        let key = |path: String| Key { storage: resource.storage, path: path.into_boxed_str() };
        let begin = match after {
            Some(after) => Bound::Excluded(key(after)),
            None => Bound::Included(key(first)),
        };
        let mut found: BTreeMap<&Key, &Arc<Object>> = self
            .objects
            .range((begin.clone(), Bound::Unbounded))
            .take_while(|(key, _)| is_wanted(key))
            .collect();
        let is_after = |key: &&Key| match &begin {
            Bound::Excluded(bound) => *key > bound,
            _ => true,
        };
        for change in self.history.after(revision).rev() {
            let key = &change.key;
            if !is_wanted(&key) || !is_after(&key) {
                continue;
            }
            match &change.before {
                Some(before) => found.insert(key, before),
                None => found.remove(key),
            };
        }
        found.into_values().collect()
    }
}

/// The parameters must go together, as `validateListOptions` of apimachinery has it.
fn check(query: &ListQuery) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let field = "resourceVersionMatch";
    if let Some(matching) = query.matching {
        if query.version.is_none() {
            let what = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            faults.push(FieldFault::forbidden(field, what));
        }
        if query.next.is_some() {
            let what = "resourceVersionMatch is forbidden when continue is provided";
            faults.push(FieldFault::forbidden(field, what));
        }
        if matching == Match::Exact && query.version == Some(0) {
            let what = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            faults.push(FieldFault::forbidden(field, what));
        }
    }
    if !faults.is_empty() {
        return Err(Failure::invalid_options(&faults));
    }
    if query.next.is_some() && query.version.is_some_and(|version| version > 0) {
        let what = "specifying resource version is not allowed when using continue";
        return Err(Failure::bad_request(what));
    }
    Ok(())
}

/// The token is opaque: hexadecimal digits of JSON, so that nobody is tempted to read it.
fn write_token(place: &Place) -> String {
    let text = json!({"v": place.revision, "after": place.after}).to_string();
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn read_token(token: &str) -> Option<Place> {
    let digits = |at: usize| u8::from_str_radix(token.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digits).collect();
    let value: Value = serde_json::from_slice(&bytes?).ok()?;
    Some(Place { revision: value["v"].as_u64()?, after: value["after"].as_str()?.to_owned() })
}
