//! Events of the API group `events.k8s.io`, written one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Error};
use serde_json::json;
use switchyard_source::api::Clients;
use tokio::sync::mpsc::Receiver;
use tracing::warn;

use super::Notice;
use super::limiter::{Limiter, Publication};
use crate::clock::{Clock, wall};

/// How long the API server has for one event.
const DEADLINE: Duration = Duration::from_secs(10);
/// The longest note that the API server takes (`validation/events.go` of kubernetes/kubernetes).
const LONGEST_NOTE: usize = 1_024;
/// The longest that it takes of who reports, and of the words for what happened.
const LONGEST_WORD: usize = 128;
/// How much of a Service's name the name of an event has, which ends with a time.
const LONGEST_NAME: usize = 200;
/// How many events are remembered, so that they can be told to have happened again.
const MOST_REMEMBERED: usize = 1_024;

/// Who reports.
#[derive(Debug, Clone)]
pub struct EventSource {
    /// The program.
    pub controller: String,
    /// The node.
    pub instance: String,
}

/// Writes what comes, until nobody can send any more. What cannot be written is told once in a row and forgotten: an event
/// is news, not state.
pub async fn write_events(mut notices: Receiver<Notice>, clients: Clients, source: EventSource) {
    let clock = Clock::start();
    let mut writer = Writer { source, written: BTreeMap::new() };
    let mut limiter = Limiter::default();
    let mut has_failed = false;
    while let Some(notice) = notices.recv().await {
        let Some(publication) = limiter.take(&notice, clock.now()) else { continue };
        let number = match publication {
            Publication::New { number } | Publication::Again { number, .. } => number,
        };
        let trouble = writer.write_through(&clients, &notice, publication).await.err();
        if let Some(error) = &trouble {
            limiter.lost(number);
            if !has_failed {
                let (service, reason) = (&notice.service, &notice.reason);
                warn!(%service, reason, %error, "an event could not be written; may the proxy create and patch events of events.k8s.io?");
            }
        }
        has_failed = trouble.is_some();
    }
}

struct Writer {
    source: EventSource,
    /// What the events are called that were written, by number.
    written: BTreeMap<u64, String>,
}

impl Writer {
    /// Writes with the newest client. What is refused for its credentials has others asked for.
    async fn write_through(
        &mut self,
        clients: &Clients,
        notice: &Notice,
        publication: Publication,
    ) -> Result<(), String> {
        let way = clients.current().await.map_err(|error| error.to_string())?;
        let writing = self.write(way.client.clone(), notice, publication, wall());
        match tokio::time::timeout(DEADLINE, writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                clients.failed(&way, &error);
                Err(error.to_string())
            }
            Err(_) => Err(format!("the API server did not answer within {DEADLINE:?}")),
        }
    }

    async fn write(
        &mut self,
        client: Client,
        notice: &Notice,
        publication: Publication,
        wall: Timestamp,
    ) -> Result<(), Error> {
        let api: Api<Event> = Api::namespaced(client, &notice.service.namespace);
        let number = match publication {
            Publication::New { number } => number,
            Publication::Again { number, count } => {
                if let Some(name) = self.written.get(&number) {
                    let series =
                        EventSeries { count: i32_of(count), last_observed_time: MicroTime(wall) };
                    let patch = json!({ "series": series });
                    match api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
                        // Events are removed after an hour.
                        Err(Error::Api(status)) if status.code == 404 => {}
                        answer => return answer.map(drop),
                    }
                }
                number
            }
        };
        let event = event(notice, &self.source, wall);
        let name = event.metadata.name.clone().unwrap_or_default();
        api.create(&PostParams::default(), &event).await?;
        self.written.insert(number, name);
        while self.written.len() > MOST_REMEMBERED {
            self.written.pop_first();
        }
        Ok(())
    }
}

fn i32_of(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The beginning of `text`, at most so many bytes.
fn beginning(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn word(text: &str) -> Option<String> {
    Some(beginning(text, LONGEST_WORD).to_owned())
}

fn event(notice: &Notice, source: &EventSource, wall: Timestamp) -> Event {
    let service = &notice.service;
    let short = beginning(&service.name, LONGEST_NAME).trim_end_matches(['-', '.']);
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{short}.{:x}", wall.as_nanosecond())),
            namespace: Some(service.namespace.to_string()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(wall)),
        reporting_controller: word(&source.controller),
        reporting_instance: word(&source.instance),
        action: word(&notice.action),
        reason: word(&notice.reason),
        note: Some(beginning(&notice.note, LONGEST_NOTE).to_owned()),
        type_: Some(notice.kind.as_str().to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Service".to_owned()),
            namespace: Some(service.namespace.to_string()),
            name: Some(service.name.to_string()),
            uid: notice.uid.as_ref().map(ToString::to_string),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}
