//! What a server says that does not do what it was asked.

use std::time::Duration;

use serde::Deserialize;

use crate::refusal::printable;

/// The longest time that a server can ask to be left alone.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The server's own refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the API server answers {code}: {message}")]
pub struct Refusal {
    /// The HTTP status, or that of the `Status` in a watch.
    pub code: u16,
    /// What it says.
    pub message: String,
    /// How long it asks to be left alone.
    pub pause: Option<Duration>,
}

/// A refusal as it is written: `Status` of Kubernetes' `meta/v1`, as far as it is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    code: u16,
    message: String,
    reason: String,
    details: Option<Details>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    retry_after_seconds: u32,
}

impl Refusal {
    pub(super) fn of(status: Status) -> Self {
        let Status { code, message, reason, details } = status;
        let message = if message.is_empty() { reason } else { message };
        let seconds = details.map_or(0, |details| details.retry_after_seconds);
        let pause = (seconds > 0).then(|| Duration::from_secs(seconds.into()).min(LONGEST_PAUSE));
        Self { code, message: printable(&message), pause }
    }

    /// Reads the refusal in an answer that is none. `retry_after` is the header of that name.
    #[must_use]
    pub fn read(code: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        let mut refusal = match serde_json::from_slice::<Status>(body) {
            Ok(status) => Self::of(status),
            Err(_) => {
                let message = printable(String::from_utf8_lossy(body).trim());
                Self { code, message, pause: None }
            }
        };
        refusal.code = code;
        let seconds = retry_after.and_then(|text| text.trim().parse().ok());
        let asked = seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
        refusal.pause = asked.or(refusal.pause);
        refusal
    }

    /// Whether what was asked for is no longer in the history: everything has to be listed anew.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.code == 410
    }

    /// Whether it may be about what was asked, rather than about who asked or how busy the server is.
    #[must_use]
    pub fn is_of_request(&self) -> bool {
        !matches!(self.code, 401 | 403 | 408 | 429 | 502 | 503 | 504)
    }

    /// Whether a server that does not know how to stream lists answers like this. It says 400 or 422 where it was never
    /// built to, and 500 within the stream where its etcd is too old (`RequestWatchProgress` is disabled).
    #[must_use]
    pub fn is_of_streaming(&self) -> bool {
        matches!(self.code, 400 | 404 | 405 | 406 | 415 | 422 | 500 | 501)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_with_its_pause() {
        let body =
            br#"{"kind":"Status","code":429,"message":"too many","reason":"TooManyRequests"}"#;
        let refusal = Refusal::read(429, Some("3"), body);
        assert_eq!((refusal.code, refusal.pause), (429, Some(Duration::from_secs(3))));
        assert_eq!(refusal.to_string(), "the API server answers 429: too many");
        let refusal = Refusal::read(502, None, b"<html>bad\ngateway</html>");
        assert_eq!(refusal.message, "<html>bad\\ngateway</html>");
        let refusal = Refusal::read(503, Some("3"), b"");
        assert_eq!(refusal.pause, Some(Duration::from_secs(3)));
        let body = br#"{"details":{"name":"x","causes":[],"retryAfterSeconds":4000000000}}"#;
        assert_eq!(Refusal::read(503, None, body).pause, Some(LONGEST_PAUSE));
    }
}
