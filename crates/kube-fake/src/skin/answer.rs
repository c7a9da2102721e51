//! Answers.

use std::io;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::Value;

use crate::failure::Failure;

/// The body of an answer. Its errors are connections that break.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

pub(super) const JSON: &str = "application/json";
/// The content type of watches.
pub(super) const WATCH: &str = "application/json;stream=watch";

/// A whole body.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// An answer of one content type.
pub(super) fn answer(code: u16, content_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    response
}

pub(super) fn json_answer(code: u16, value: &Value) -> Response<Body> {
    answer(code, JSON, whole(value.to_string()))
}

/// An answer of JSON that is written already.
pub(super) fn text_of_json(code: u16, text: String) -> Response<Body> {
    answer(code, JSON, whole(text))
}

pub(super) fn text_answer(code: u16, text: &str) -> Response<Body> {
    answer(code, "text/plain; charset=utf-8", whole(text.to_owned()))
}

/// A refusal.
pub(super) fn refusal(failure: &Failure) -> Response<Body> {
    let mut response = json_answer(failure.code, &failure.status());
    let seconds =
        failure.details.as_ref().and_then(|details| details["retryAfterSeconds"].as_u64());
    if let Some(seconds) = seconds {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
