//! What an API server says: pages of lists, lines of watches, and its refusals.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use kube::core::{Status, WatchEvent};
use serde::Deserialize;
use switchyard_model::ObjectKey;

use crate::field::Field;
use crate::raw::Object;

/// Says of a bookmark that everything there was has been told.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";
/// The longest line that is waited for. The greatest object that etcd takes has 1.5 MiB.
const LONGEST_LINE: usize = 32 << 20;
/// The longest time that a server can ask to be left alone.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A moment in the history of the API server's store: numbers that only grow, while it is the same store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Version(String);

impl Version {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The number that it is; 0 where it is none, and nothing can be said of its order.
    pub(super) fn number(&self) -> u64 {
        self.0.parse().unwrap_or(0)
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) metadata: PageMetadata,
    #[serde(default)]
    pub(super) items: Field<Vec<Field<Object>>>,
}

/// What a page says of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PageMetadata {
    pub(super) resource_version: String,
    #[serde(rename = "continue")]
    pub(super) next: String,
}

/// What one line of a watch says.
#[derive(Debug)]
pub(super) enum Line {
    /// The object is new or changed.
    Changed(Object),
    /// The object is gone.
    Gone(Object),
    /// Everything up to here has been told.
    Bookmark { version: Version, ends_initial_events: bool },
    /// The watch failed.
    Failed(Refusal),
}

impl Line {
    /// Reads a line.
    pub(super) fn read(line: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match serde_json::from_slice(line)? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => Self::Changed(object),
            WatchEvent::Deleted(object) => Self::Gone(object),
            WatchEvent::Bookmark(bookmark) => Self::Bookmark {
                ends_initial_events: bookmark.metadata.annotations.contains_key(INITIAL_EVENTS_END),
                version: Version::new(bookmark.metadata.resource_version),
            },
            WatchEvent::Error(status) => Self::Failed(Refusal::of(*status)),
        })
    }
}

/// What identifies an object, and the version it has.
pub(super) fn identity(object: &Object) -> Option<(ObjectKey, Version)> {
    let Field::Present(metadata) = &object.metadata else { return None };
    let Field::Present(name) = &metadata.name else { return None };
    let namespace = match &metadata.namespace {
        Field::Present(namespace) => namespace.as_str(),
        Field::Absent | Field::Wrong(_) => "",
    };
    let version = match &metadata.resource_version {
        Field::Present(version) => version.clone(),
        Field::Absent | Field::Wrong(_) => String::new(),
    };
    Some((ObjectKey::new(namespace, name.as_str()), Version::new(version)))
}

/// The server's own refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the API server answers {code}: {message}")]
pub(super) struct Refusal {
    /// The HTTP status, or that of the `Status` in a watch.
    pub(super) code: u16,
    /// What it says.
    pub(super) message: String,
    /// How long it asks to be left alone.
    pub(super) pause: Option<Duration>,
}

impl Refusal {
    fn of(status: Status) -> Self {
        let Status { code, message, reason, details, .. } = status;
        let message = if message.is_empty() { reason } else { message };
        let seconds = details.map_or(0, |details| details.retry_after_seconds);
        let pause = (seconds > 0).then(|| Duration::from_secs(seconds.into()).min(LONGEST_PAUSE));
        Self { code, message: crate::refusal::printable(&message), pause }
    }

    /// Reads the refusal in an answer that is none.
    pub(super) fn read(code: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut refusal = match serde_json::from_slice::<Status>(body) {
            Ok(status) => Self::of(status),
            Err(_) => {
                let message = crate::refusal::printable(String::from_utf8_lossy(body).trim());
                Self { code, message, pause: None }
            }
        };
        refusal.code = code;
        let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = asked.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        refusal.pause = seconds.map(|pause| pause.min(LONGEST_PAUSE)).or(refusal.pause);
        refusal
    }

    /// Whether what was asked for is no longer in the history: everything has to be listed anew.
    pub(super) fn is_gone(&self) -> bool {
        self.code == 410
    }

    /// Whether it may be about what was asked, rather than about who asked or how busy the server is.
    pub(super) fn is_of_request(&self) -> bool {
        !matches!(self.code, 401 | 403 | 408 | 429 | 502 | 503 | 504)
    }

    /// Whether a server that does not know how to stream lists answers like this. It says 400 or 422 where it was never
    /// built to, and 500 within the stream where its etcd is too old (`RequestWatchProgress` is disabled).
    pub(super) fn is_of_streaming(&self) -> bool {
        matches!(self.code, 400 | 404 | 405 | 406 | 415 | 422 | 500 | 501)
    }
}

/// Bytes as they come, line by line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// How many of the first bytes were given out.
    given: usize,
    /// How many of the first bytes are known to hold no further end of line.
    searched: usize,
}

/// A line that does not end.
#[derive(Debug, thiserror::Error)]
#[error("a line of more than {} bytes", LONGEST_LINE)]
pub(super) struct TooLong;

impl Lines {
    pub(super) fn add(&mut self, bytes: &Bytes) -> Result<(), TooLong> {
        self.bytes.drain(..self.given);
        self.searched -= self.given;
        self.given = 0;
        self.bytes.extend_from_slice(bytes);
        let rest = self.bytes.len() - self.searched;
        if self.searched > LONGEST_LINE && rest == bytes.len() && !bytes.contains(&b'\n') {
            return Err(TooLong);
        }
        Ok(())
    }

    /// The next line that is whole, without its end.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let Some(length) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n')
        else {
            self.searched = self.bytes.len();
            return None;
        };
        let end = self.searched + length;
        let begin = std::mem::replace(&mut self.given, end + 1);
        self.searched = end + 1;
        Some(&self.bytes[begin..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\ntwo\n\nfour";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for piece in text.chunks(size) {
                lines.add(&Bytes::copy_from_slice(piece)).unwrap();
                while let Some(line) = lines.next() {
                    found.push(String::from_utf8(line.to_vec()).unwrap());
                }
            }
            assert_eq!(found, ["one", "two", ""], "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_that_does_not_end_is_given_up() {
        let mut lines = Lines::default();
        let piece = Bytes::from(vec![b'x'; 1 << 20]);
        let taken = (0..64).take_while(|_| lines.add(&piece).is_ok() && lines.next().is_none());
        assert!((32..40).contains(&taken.count()));
    }

    #[test]
    fn a_refusal_is_read_with_its_pause() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "3".parse().unwrap());
        let body =
            br#"{"kind":"Status","code":429,"message":"too many","reason":"TooManyRequests"}"#;
        let refusal = Refusal::read(429, &headers, body);
        assert_eq!((refusal.code, refusal.pause), (429, Some(Duration::from_secs(3))));
        assert_eq!(refusal.to_string(), "the API server answers 429: too many");
        let refusal = Refusal::read(502, &HeaderMap::new(), b"<html>bad\ngateway</html>");
        assert_eq!(refusal.message, "<html>bad\\ngateway</html>");
        let refusal = Refusal::read(503, &headers, b"");
        assert_eq!(refusal.pause, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_line_is_read_as_what_it_says() {
        let line = br#"{"type":"MODIFIED","object":{"metadata":{"name":"web","namespace":"shop","resourceVersion":"7"}}}"#;
        let Line::Changed(object) = Line::read(line).unwrap() else { panic!("not a change") };
        let (key, version) = identity(&object).unwrap();
        assert_eq!((key.to_string().as_str(), version.number()), ("shop/web", 7));
        let line = br#"{"type":"BOOKMARK","object":{"kind":"Service","apiVersion":"v1","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
        let Line::Bookmark { version, ends_initial_events } = Line::read(line).unwrap() else {
            panic!("not a bookmark")
        };
        assert!(ends_initial_events && version.number() == 9);
        let line = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old","reason":"Expired"}}"#;
        let Line::Failed(refusal) = Line::read(line).unwrap() else { panic!("not a failure") };
        assert!(refusal.is_gone());
        assert!(Line::read(b"{\"type\":\"MODI").is_err());
        assert!(Line::read(b"[]").is_err());
    }
}
