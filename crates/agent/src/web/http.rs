//! HTTP for probes and scrapes: one request a connection, each bounded in time, in size and in number.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinError, JoinSet};

/// How long a client has to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a connection lives, however slowly its client reads.
const CONNECTION: Duration = Duration::from_secs(20);
/// How long nobody is taken in after the system refused to.
const REFUSED: Duration = Duration::from_millis(100);
/// How many bytes the head of a request has at most.
const LARGEST_HEAD: usize = 16 << 10;
/// How many headers a request has at most.
const MOST_HEADERS: usize = 64;

/// What is answered.
pub(crate) type Page = Response<Full<Bytes>>;

/// What a server answers. It must not wait for anything.
pub(crate) type Handler = Arc<dyn Fn(&Request<Incoming>) -> Page + Send + Sync>;

/// Answers everybody who connects. Where more than `most` are connected, the oldest is let go: whoever is quick is answered,
/// however many are slow. When this ends, so do the connections.
pub(crate) async fn serve(listener: TcpListener, most: usize, handler: Handler) {
    let mut connections = JoinSet::new();
    let mut oldest: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(REFUSED).await;
            continue;
        };
        while let Some(ended) = connections.try_join_next() {
            pass_panic_on(ended);
        }
        oldest.retain(|connection| !connection.is_finished());
        while oldest.len() >= most.max(1) {
            if let Some(connection) = oldest.pop_front() {
                connection.abort();
            }
        }
        oldest.push_back(connections.spawn(answer(stream, Arc::clone(&handler))));
    }
}

/// A panic in a task ends the thread, and so the process.
pub(crate) fn pass_panic_on(ended: Result<(), JoinError>) {
    if let Err(trouble) = ended
        && trouble.is_panic()
    {
        std::panic::resume_unwind(trouble.into_panic());
    }
}

async fn answer(stream: TcpStream, handler: Handler) {
    let service = service_fn(move |request| {
        let page = respond(&request, &*handler);
        async move { Ok::<_, Infallible>(page) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST)
        .keep_alive(false)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    // Who went away or was too slow is told nothing.
    let _ = tokio::time::timeout(CONNECTION, connection).await;
}

fn respond(
    request: &Request<Incoming>,
    handler: &(dyn Fn(&Request<Incoming>) -> Page + Send + Sync),
) -> Page {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return handler(request);
    }
    let mut page = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
    page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    page
}

/// A page of plain text.
pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Page {
    page(status, "text/plain; charset=utf-8", text)
}

/// A page of any kind.
pub(crate) fn page(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    page.headers_mut()
        .insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    page
}
