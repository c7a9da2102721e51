//! What the parameters of a request mean.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::{Failure, FieldFault};
use crate::resource::Resource;
use crate::selector::Selector;
use crate::store::{ListQuery, Match, ServerId, WatchQuery};

/// The parameters of a request by name; of several of one name the first, as in a real server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    pub(super) fn parse(query: &str) -> Self {
        let mut found = BTreeMap::new();
        for term in query.split('&').filter(|term| !term.is_empty()) {
            let (name, value) = term.split_once('=').unwrap_or((term, ""));
            found.entry(decoded(name)).or_insert_with(|| decoded(value));
        }
        Self(found)
    }

    /// The value of a parameter; empty where it is not given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A truth value as apimachinery reads one: given and neither `false` nor `0`.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !matches!(value.as_str(), "false" | "0"))
    }

    /// Has it be a watch: the path said so.
    pub(super) fn set_watch(&mut self) {
        self.0.insert("watch".to_owned(), "true".to_owned());
    }

    pub(super) fn dry_run(&self) -> bool {
        self.text("dryRun") == "All"
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        let text = self.text(name);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            Failure::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
        })
    }

    fn version(&self) -> Result<Option<u64>, Failure> {
        let text = self.text("resourceVersion");
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| {
            Failure::bad_request(format!("Invalid value: {text:?}: resourceVersion is no number"))
        })
    }

    fn matching(&self) -> Result<Option<Match>, Failure> {
        match self.text("resourceVersionMatch") {
            "" => Ok(None),
            "Exact" => Ok(Some(Match::Exact)),
            "NotOlderThan" => Ok(Some(Match::NotOlderThan)),
            other => {
                let known = ["Exact", "NotOlderThan", ""];
                let fault = FieldFault::unsupported("resourceVersionMatch", other, &known);
                Err(Failure::invalid_options(&[fault]))
            }
        }
    }

    fn selector(&self, resource: &Resource) -> Result<Selector, Failure> {
        Selector::parse(resource, self.text("labelSelector"), self.text("fieldSelector"))
    }

    /// How long a watch is to last, where that is said.
    pub(super) fn timeout(&self) -> Result<Option<Duration>, Failure> {
        let seconds = self.number("timeoutSeconds")?;
        Ok(seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs))
    }

    pub(super) fn list(
        &self,
        resource: &Resource,
        namespace: Option<String>,
        server: ServerId,
    ) -> Result<ListQuery, Failure> {
        if self.is_given("sendInitialEvents") {
            let what = "sendInitialEvents is forbidden for list";
            return Err(Failure::invalid_options(&[FieldFault::forbidden(
                "sendInitialEvents",
                what,
            )]));
        }
        Ok(ListQuery {
            namespace,
            selector: self.selector(resource)?,
            limit: self.number("limit")?.unwrap_or(0),
            next: Some(self.text("continue").to_owned()).filter(|token| !token.is_empty()),
            version: self.version()?,
            matching: self.matching()?,
            server,
        })
    }

    pub(super) fn watch(
        &self,
        resource: &Resource,
        namespace: Option<String>,
        server: ServerId,
    ) -> Result<WatchQuery, Failure> {
        let initial_events =
            self.is_given("sendInitialEvents").then(|| self.is_set("sendInitialEvents"));
        // A watch is not checked as a list is: the storage finds out.
        let version = self.version().map_err(|wrong| {
            Failure::new(500, "InternalError", format!("Internal error occurred: {wrong}"))
        })?;
        Ok(WatchQuery {
            namespace,
            selector: self.selector(resource)?,
            version,
            matching: self.matching()?,
            initial_events,
            bookmarks: self.is_set("allowWatchBookmarks"),
            server,
        })
    }

    fn is_given(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// A text without its percent signs; what follows one and is not hexadecimal stays.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
