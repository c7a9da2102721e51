//! The token that each request bears.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use tokio::time::Instant;

/// How long what was read of a file is used.
const FRESH: Duration = Duration::from_secs(50);

/// A token that cannot be borne.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("read the token file {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// There is nothing in it.
    #[error("the token file {}: is empty", .0.display())]
    Empty(PathBuf),
    /// It has characters that no header can have.
    #[error("the token: must be of printable characters, on one line")]
    Unfit,
}

/// A token, or the file that has it.
pub(super) enum Token {
    Known(HeaderValue),
    File(PathBuf, Mutex<Read>),
}

/// What was read last, and when.
pub(super) struct Read {
    value: HeaderValue,
    at: Instant,
}

impl Token {
    /// One that stays.
    pub(super) fn known(text: &str) -> Result<Self, TokenError> {
        header(text).map(Self::Known)
    }

    /// The one in `path`, which is read again by and by: tokens of service accounts are replaced every hour.
    pub(super) fn of_file(path: &str) -> Result<Self, TokenError> {
        let path = PathBuf::from(path);
        let read = Read { value: read(&path)?, at: Instant::now() };
        Ok(Self::File(path, Mutex::new(read)))
    }

    /// Has `request` bear it.
    pub(super) fn sign<B>(&self, mut request: Request<B>) -> Request<B> {
        request.headers_mut().insert(AUTHORIZATION, self.value());
        request
    }

    fn value(&self) -> HeaderValue {
        let (path, read_last) = match self {
            Self::Known(value) => return value.clone(),
            Self::File(path, read) => (path, read),
        };
        let mut last = read_last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.at.elapsed() >= FRESH {
            // A file that is being replaced is read the next time; until then what was read last is as good as any.
            last.at = Instant::now();
            if let Ok(value) = read(path) {
                last.value = value;
            }
        }
        last.value.clone()
    }
}

/// What `path` has. Whatever wrote it may have ended the line, which is no part of a token.
fn read(path: &Path) -> Result<HeaderValue, TokenError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| TokenError::Unreadable(path.to_owned(), error))?;
    if text.trim().is_empty() {
        return Err(TokenError::Empty(path.to_owned()));
    }
    header(&text)
}

fn header(token: &str) -> Result<HeaderValue, TokenError> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
    let mut value = value.map_err(|_| TokenError::Unfit)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_line_is_no_part_of_a_token() {
        for text in ["secret", "secret\n", " secret\r\n"] {
            assert_eq!(header(text).unwrap(), "Bearer secret");
        }
        assert!(matches!(header("two\nlines"), Err(TokenError::Unfit)));
    }
}
