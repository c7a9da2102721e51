//! Requests of no object: health, discovery, OpenAPI.

use http::header::ACCEPT;
use http::request::Parts;
use http::{Method, Response};

use super::answer::{Body, answer, json_answer, text_answer, whole};
use super::call::not_allowed;
use super::path::no_such_path;
use super::{discovery, openapi};
use crate::failure::Failure;

/// What is asked of the server that is no object.
pub(super) fn other(path: &str, parts: &Parts, is_still: bool) -> Result<Response<Body>, Failure> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(not_allowed());
    }
    let path = path.trim_end_matches('/');
    let is_health = ["/healthz", "/livez", "/readyz"].iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    if is_health && is_still && !path.starts_with("/livez") {
        return Ok(text_answer(500, "[-]etcd failed: the store does not answer\n"));
    }
    if is_health {
        let is_verbose = parts.uri.query().is_some_and(|query| query.contains("verbose"));
        let name = path.trim_start_matches('/');
        let verbose = format!("[+]ping ok\n[+]etcd ok\n{name} check passed\n");
        return Ok(text_answer(200, if is_verbose { &verbose } else { "ok" }));
    }
    if let Some(rest) = path.strip_prefix("/openapi/v3/") {
        let document = openapi::three(rest).ok_or_else(no_such_path)?;
        return Ok(json_answer(200, &document));
    }
    let accepted =
        parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("as=APIGroupDiscoveryList")
        && accepted.contains("v=v2;")
        && let Some(found) = discovery::aggregated(path)
    {
        return Ok(answer(200, discovery::AGGREGATED, whole(found.to_string())));
    }
    match path {
        "/openapi/v2" => Ok(openapi_two(parts)),
        "/openapi/v3" => Ok(json_answer(200, &openapi::three_index())),
        _ => discovery::answer(path).map(|found| json_answer(200, &found)).ok_or_else(no_such_path),
    }
}

/// Version 2 of OpenAPI, which kubectl takes in protobuf alone.
fn openapi_two(parts: &Parts) -> Response<Body> {
    let accepted =
        parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("proto-openapi.spec.v2") {
        let bytes = openapi::protobuf(&openapi::two());
        return answer(200, openapi::PROTOBUF, whole(bytes));
    }
    json_answer(200, &openapi::two())
}
