//! The body of a watch: a line for each event, bookmarks by the clock, an end in time; and what goes wrong on the way.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::json;
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep_until};

use super::answer::{Body, WATCH, answer, whole};
use super::api::Shared;
use super::fault::Trouble;
use super::form::Form;
use crate::failure::Failure;
use crate::store::{EventKind, Step, Watch, WatchEvent};

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
    state: State,
    /// What is to go wrong with it.
    trouble: Option<Trouble>,
    /// Whether the columns of a table were told.
    is_headed: bool,
    /// How many lines were written.
    written: u64,
    /// A line that waits for the next one to go before it.
    held: Option<Vec<u8>>,
}

/// How a watch goes on after what was said last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Silent,
    Ended,
    Broken,
}

impl WatchStream {
    pub(super) fn new(
        shared: Arc<Shared>,
        watch: Watch,
        form: Form,
        timeout: Option<Duration>,
        trouble: Option<Trouble>,
    ) -> Self {
        let now = Instant::now();
        let mut stream = Self {
            changed: shared.subscribe(),
            shared,
            watch,
            form,
            deadline: now + timeout.unwrap_or(DEFAULT_TIMEOUT),
            next_bookmark: None,
            state: State::Open,
            trouble,
            is_headed: false,
            written: 0,
            held: None,
        };
        stream.plan_bookmark(now);
        stream
    }

    pub(super) fn into_body(self) -> Body {
        let frames = stream::unfold(self, |mut state| async move {
            let chunk = state.chunk().await?;
            Some((chunk.map(Frame::data), state))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    fn plan_bookmark(&mut self, now: Instant) {
        let last = self.deadline.checked_sub(BOOKMARK_MARGIN).filter(|last| *last > now);
        self.next_bookmark = last.map(|last| last.min(now + BOOKMARK_PERIOD));
    }

    /// The lines that are due next, or none when the watch is over.
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.state {
                State::Open => {}
                State::Silent => std::future::pending::<()>().await,
                State::Ended => return None,
                State::Broken => {
                    self.state = State::Ended;
                    let broken = "the connection breaks by script";
                    return Some(Err(io::Error::new(io::ErrorKind::ConnectionReset, broken)));
                }
            }
            self.changed.borrow_and_update();
            let lines = self.due();
            if !lines.is_empty() {
                return Some(Ok(lines.into()));
            }
            if self.state != State::Open {
                continue;
            }
            if Instant::now() >= self.deadline {
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
        while lines.len() < CHUNK && self.state == State::Open {
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
                Step::End => self.state = State::Ended,
            }
        }
        lines
    }

    /// Writes the line of an event, or what its place has instead.
    fn write(&mut self, event: &WatchEvent, lines: &mut Vec<u8>) {
        let is_first = !std::mem::replace(&mut self.is_headed, true);
        let now = self.shared.now();
        let line = self.form.event(self.watch.resource(), event, is_first, now).into_bytes();
        if let Some(held) = self.held.take() {
            lines.extend_from_slice(&line);
            lines.extend_from_slice(&held);
            self.written += 2;
            self.shared.count(&Trouble::Swap { after: 0 });
            return;
        }
        let is_due = |trouble: &&mut Trouble| trouble.after() == Some(self.written);
        if self.trouble.as_mut().filter(is_due).is_some()
            && let Some(trouble) = self.trouble.take()
        {
            self.go_wrong(&trouble, line, lines);
            return;
        }
        lines.extend_from_slice(&line);
        self.written += 1;
    }

    fn go_wrong(&mut self, trouble: &Trouble, line: Vec<u8>, lines: &mut Vec<u8>) {
        match trouble {
            Trouble::Cut { .. } => {
                lines.extend_from_slice(&line[..line.len() / 2]);
                self.state = State::Broken;
            }
            Trouble::Silence { .. } => self.state = State::Silent,
            Trouble::Duplicate { .. } => {
                lines.extend_from_slice(&line);
                lines.extend_from_slice(&line);
                self.written += 2;
            }
            Trouble::Swap { .. } => {
                // Counted when the next one goes before it.
                self.held = Some(line);
                return;
            }
            Trouble::GarbageLine { .. } => {
                lines.extend_from_slice(GARBAGE);
                lines.extend_from_slice(&line);
                self.written += 1;
            }
            Trouble::LongLine { bytes, .. } => {
                lines.push(b'"');
                lines.resize(lines.len() + bytes, b'x');
                lines.extend_from_slice(b"\"\n");
                lines.extend_from_slice(&line);
                self.written += 1;
            }
            _ => return,
        }
        self.shared.count(trouble);
    }
}

/// A line that is neither JSON nor text.
pub(super) const GARBAGE: &[u8] = b"\x00\xff{\"type\": \"ADDED\", \"object\": [}\n";

/// A watch that began and then failed for a reason.
pub(super) fn failed_watch(failure: &Failure) -> Response<Body> {
    let line = json!({"type": EventKind::Error.name(), "object": failure.status()});
    answer(200, WATCH, whole(format!("{line}\n")))
}

/// What a watch fails with by script.
pub(super) fn failure_of(code: u16) -> Failure {
    match code {
        410 => Failure::new(410, "Expired", "too old resource version: by script"),
        // As a server says it whose etcd cannot tell how far it is.
        500 => {
            let message = "required storage feature RequestWatchProgress is disabled";
            Failure::new(500, "InternalError", message)
        }
        code => Failure::new(code, "Unknown", "refused by script"),
    }
}
