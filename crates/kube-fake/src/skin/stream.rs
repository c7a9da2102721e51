//! The body of a watch: a line for each event, bookmarks by the clock, an end in time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::json;
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep_until};

use super::answer::Body;
use super::api::Shared;
use super::form::Form;
use crate::store::{Step, Watch, WatchEvent};

/// How often a client is told the version when nothing else is.
const BOOKMARK_PERIOD: Duration = Duration::from_secs(60);
/// How long before the end of a watch it is told the version.
const BOOKMARK_MARGIN: Duration = Duration::from_secs(2);
/// How long a watch lasts that does not say it; a real server takes between this and twice as long.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1800);
/// About how many bytes of events are sent at once.
const CHUNK: usize = 64 * 1024;

/// One open watch.
pub(super) struct WatchStream {
    shared: Arc<Shared>,
    changed: channel::Receiver<u64>,
    watch: Watch,
    form: Form,
    deadline: Instant,
    next_bookmark: Option<Instant>,
    is_over: bool,
}

impl WatchStream {
    pub(super) fn new(
        shared: Arc<Shared>,
        watch: Watch,
        form: Form,
        timeout: Option<Duration>,
    ) -> Self {
        let now = Instant::now();
        let deadline = now + timeout.unwrap_or(DEFAULT_TIMEOUT);
        let changed = shared.subscribe();
        let mut stream =
            Self { shared, changed, watch, form, deadline, next_bookmark: None, is_over: false };
        stream.plan_bookmark(now);
        stream
    }

    pub(super) fn into_body(self) -> Body {
        let frames = stream::unfold(self, |mut state| async move {
            let chunk = state.chunk().await?;
            Some((Ok::<_, io::Error>(Frame::data(chunk)), state))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    fn plan_bookmark(&mut self, now: Instant) {
        let last = self.deadline.checked_sub(BOOKMARK_MARGIN).filter(|last| *last > now);
        self.next_bookmark = last.map(|last| last.min(now + BOOKMARK_PERIOD));
    }

    /// The lines that are due next, or none when the watch is over.
    async fn chunk(&mut self) -> Option<Bytes> {
        loop {
            if self.is_over {
                return None;
            }
            self.changed.borrow_and_update();
            let lines = self.due();
            if !lines.is_empty() {
                return Some(lines.into());
            }
            if self.is_over || Instant::now() >= self.deadline {
                return None;
            }
            let wake = self.next_bookmark.map_or(self.deadline, |next| next.min(self.deadline));
            tokio::select! {
                biased;
                // Both may be dropped at any time: what is due is asked for anew.
                _ = self.changed.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// What is due now.
    fn due(&mut self) -> Vec<u8> {
        let shared = Arc::clone(&self.shared);
        let store = shared.lock();
        let mut lines = Vec::new();
        while lines.len() < CHUNK {
            match store.next(&mut self.watch) {
                Step::Event(event) => self.write(&event, &mut lines),
                Step::Idle => {
                    let now = Instant::now();
                    if self.next_bookmark.is_some_and(|due| due <= now) {
                        self.plan_bookmark(now);
                        if let Some(event) = store.bookmark(&mut self.watch) {
                            self.write(&event, &mut lines);
                        }
                    }
                    break;
                }
                Step::End => {
                    self.is_over = true;
                    break;
                }
            }
        }
        lines
    }

    fn write(&mut self, event: &WatchEvent, lines: &mut Vec<u8>) {
        let object = self.form.event_object(self.watch.resource(), event, self.shared.now());
        let line = json!({"type": event.kind.name(), "object": object});
        lines.extend_from_slice(line.to_string().as_bytes());
        lines.push(b'\n');
    }
}
