//! One kind, listed and watched for ever.
//!
//! kube has a watcher of its own. This one is here because that one goes on after a line that it cannot read, so that a change is
//! lost; does not go over to paged lists where a server cannot stream them; and tells nobody of versions, by which a store
//! that went back is noticed.

use std::time::Duration;

use futures_util::future::{Either, select};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use tokio::time::timeout;

use super::assembly::Heard;
use super::backoff::Backoff;
use super::clients::{NoClient, Way, is_of_tls};
use super::{Api, Shared, chain};
use crate::wire::{Kind, Line, Lines, Object, Page, Refusal, TooLong, Unreadable, Version};

/// How many objects a page has.
const PAGE: usize = 500;
/// The largest page, and the longest refusal, that is read.
const LARGEST_PAGE: usize = 256 << 20;
const LONGEST_REFUSAL: usize = 1 << 20;
/// How long an answer may take to begin, and each further part of it.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a watch may say nothing. A connection of which the other end is gone looks just like that.
const SILENCE: Duration = Duration::from_secs(50);
/// How long the server is asked to keep up a watch that nothing is heard of: it says a bookmark before it ends, from which the
/// next watch goes on.
const QUIET_WATCH: Duration = Duration::from_secs(42);
/// The same for a watch of which something is heard, at the least and at the most: what client-go asks for.
const BUSY_WATCH: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(600));
/// After so many refusals in a row of one kind of request another is tried: it may be the version that is refused.
const MOST_REFUSALS: u32 = 3;
/// A list so soon after another waits as after a failure.
const RELIST: Duration = Duration::from_secs(10);
/// A watch that ends sooner than this was no good.
const SOON: Duration = Duration::from_secs(1);

/// Why a list or a watch failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    NoClient(#[from] NoClient),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the API server cannot be reached: {}", chain(.0))]
    Unreachable(#[source] kube::Error),
    #[error("the connection to the API server broke: {}", chain(.0))]
    Broken(#[source] kube::Error),
    #[error("the answer of the API server cannot be read: {0}")]
    Unreadable(#[from] Unreadable),
    #[error("the answer of the API server cannot be read: {0}")]
    TooLong(#[from] TooLong),
    #[error("the answer of the API server is too large, or broke off: {0}")]
    Body(String),
    #[error("the request to the API server cannot be made: {0}")]
    Request(#[from] http::Error),
    #[error("the API server does not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the API server ended a list before it was complete")]
    Incomplete,
    #[error("the API server told of an older state after a newer one")]
    OutOfOrder,
    #[error("the watch failed: {0}")]
    WatchFailed(Refusal),
}

impl Trouble {
    /// Whether other credentials, or another certificate of the authority, may help.
    fn is_of_credentials(&self) -> bool {
        match self {
            Self::Refused(refusal) | Self::WatchFailed(refusal) => refusal.code == 401,
            Self::Unreachable(error) | Self::Broken(error) => is_of_tls(error),
            _ => false,
        }
    }
}

/// How a list or a watch ended that nobody complains of.
enum End {
    /// The server ended it in peace.
    Closed,
    /// Everything is to be listed anew: the history does not reach back so far, or the store is another.
    Relist,
}

/// One kind that is followed.
pub(super) struct Follower<'a> {
    api: &'a Api,
    shared: &'a Shared,
    kind: Kind,
    backoff: Backoff,
    /// Whether the server may be asked to stream its lists.
    streams_lists: bool,
    /// Whether anything but bookmarks was heard of the last watch.
    is_busy: bool,
    /// When the last list began.
    listed: Option<tokio::time::Instant>,
    /// How often in a row the server refused.
    refusals: u32,
    /// How often in a row a streamed list did not come to its end.
    streams_failed: u32,
    /// Whether anything at all was heard of it.
    has_spoken: bool,
    /// The client that was asked with last.
    way: Option<Way>,
}

/// The body of an answer that goes on.
struct Watch {
    body: Body,
    lines: Lines,
}

impl<'a> Follower<'a> {
    pub(super) fn new(api: &'a Api, shared: &'a Shared, kind: Kind) -> Self {
        let backoff = Backoff::new(api.seed.wrapping_add(kind as u64));
        Self {
            api,
            shared,
            kind,
            backoff,
            streams_lists: true,
            is_busy: false,
            has_spoken: false,
            listed: None,
            refusals: 0,
            streams_failed: 0,
            way: None,
        }
    }

    /// Follows for ever.
    pub(super) async fn follow(mut self) {
        loop {
            let outcome = match self.shared.position(self.kind) {
                Some(position) => self.watch(&position).await,
                None => self.list().await,
            };
            let asked = match outcome {
                Ok(End::Closed) => continue,
                Ok(End::Relist) => {
                    self.shared.forget(self.kind);
                    // One list makes good what is gone; where it does not, the next waits.
                    if self.listed.is_none_or(|listed| listed.elapsed() > RELIST) {
                        continue;
                    }
                    None
                }
                Err(trouble) => self.failed(&trouble),
            };
            let wait = self.backoff.wait(asked);
            tokio::time::sleep(wait).await;
        }
    }

    /// Notes what went wrong; returns how long the server asks to be left alone.
    fn failed(&mut self, trouble: &Trouble) -> Option<Duration> {
        let mut text = trouble.to_string();
        if let Some(way) = &self.way
            && trouble.is_of_credentials()
        {
            self.api.clients.doubt(way);
            if let Some(reason) = self.api.clients.status().trouble {
                text = format!("{text}; the credentials cannot be read anew: {reason}");
            }
        }
        self.shared.failed(self.kind, text);
        match trouble {
            Trouble::OutOfOrder => {
                self.shared.forget(self.kind);
                None
            }
            // Without a watch cache, history that is gone is an error like any other (etcd's "PrevKv=nil", with code 500).
            Trouble::WatchFailed(refusal) => {
                self.shared.forget(self.kind);
                refusal.pause
            }
            Trouble::Refused(refusal) => {
                self.refusals += 1;
                if self.refusals >= MOST_REFUSALS && refusal.is_of_request() {
                    self.shared.forget(self.kind);
                }
                refusal.pause
            }
            _ => None,
        }
    }

    /// Lists all objects, and goes on with the watch where the list was one.
    async fn list(&mut self) -> Result<End, Trouble> {
        // One list at a time: each is held until its end.
        let turn = self.shared.turn().await;
        self.listed = Some(tokio::time::Instant::now());
        self.shared.begin_list(self.kind);
        if !self.streams_lists {
            return self.list_in_pages().await;
        }
        let mut watch = match self.begin_streaming_list().await {
            Ok(watch) => watch,
            Err(Trouble::Refused(refusal)) if refusal.is_of_streaming() => {
                self.streams_lists = false;
                return self.list_in_pages().await;
            }
            // A server that cannot end a streamed list may end one in pages.
            Err(trouble @ (Trouble::Silent(_) | Trouble::Incomplete | Trouble::Unreadable(_))) => {
                self.streams_failed += 1;
                self.streams_lists = self.streams_failed < MOST_REFUSALS;
                return Err(trouble);
            }
            Err(trouble) => return Err(trouble),
        };
        drop(turn);
        self.streams_failed = 0;
        self.attend_long(&mut watch).await
    }

    /// As [`Self::attend`]. A watch that lasted makes good what went before; a list alone does not: where lists work and watches do
    /// not, each list would begin the next at once.
    async fn attend_long(&mut self, watch: &mut Watch) -> Result<End, Trouble> {
        let begun = tokio::time::Instant::now();
        let end = self.attend(watch).await;
        if begun.elapsed() >= SOON {
            self.backoff.reset();
            self.refusals = 0;
        }
        end
    }

    /// Asks for a watch that begins with all objects, and reads up to their end.
    async fn begin_streaming_list(&mut self) -> Result<Watch, Trouble> {
        let mut watch = self
            .open(&[
                ("watch", "true".to_owned()),
                ("sendInitialEvents", "true".to_owned()),
                ("resourceVersionMatch", "NotOlderThan".to_owned()),
                ("allowWatchBookmarks", "true".to_owned()),
                ("timeoutSeconds", QUIET_WATCH.as_secs().to_string()),
            ])
            .await?;
        loop {
            let line = match timeout(ANSWER, watch.next()).await {
                Err(_) => return Err(Trouble::Silent(ANSWER)),
                Ok(line) => line?.ok_or(Trouble::Incomplete)?,
            };
            match line {
                Line::Changed(object) => self.shared.listed(self.kind, object),
                // Nothing is removed while what there is is told; should it be, the list is not what it must be.
                Line::Gone(_) => return Err(Trouble::OutOfOrder),
                Line::Bookmark { version, ends_initial_events: true } => {
                    self.end_list(version)?;
                    return Ok(watch);
                }
                Line::Bookmark { .. } => {}
                Line::Failed(refusal) => return Err(refusal.into()),
            }
        }
    }

    /// Lists page by page.
    async fn list_in_pages(&mut self) -> Result<End, Trouble> {
        let mut next = String::new();
        loop {
            let mut query = vec![("limit", PAGE.to_string())];
            if !next.is_empty() {
                query.push(("continue", next));
            }
            let page = match self.page(&query).await {
                // The rest of the list is out of the history: everything again, at once.
                Err(Trouble::Refused(refusal)) if refusal.is_gone() && query.len() > 1 => {
                    self.shared.begin_list(self.kind);
                    self.page(&[]).await?
                }
                page => page?,
            };
            for object in page.objects {
                self.shared.listed(self.kind, object);
            }
            next = page.next;
            if next.is_empty() {
                if page.version.as_str().is_empty() {
                    return Err(Unreadable::lacks("metadata.resourceVersion").into());
                }
                self.end_list(page.version)?;
                return Ok(End::Closed);
            }
        }
    }

    fn end_list(&self, version: Version) -> Result<(), Trouble> {
        match self.shared.end_list(self.kind, version) {
            Heard::Good => Ok(()),
            Heard::OutOfOrder => Err(Trouble::OutOfOrder),
        }
    }

    async fn page(&mut self, query: &[(&str, String)]) -> Result<Page, Trouble> {
        let answer = self.ask(query).await?;
        let body = Limited::new(answer.into_body(), LARGEST_PAGE).collect();
        let body = timeout(ANSWER, body).await.map_err(|_| Trouble::Silent(ANSWER))?;
        let body = body.map_err(|error| Trouble::Body(error.to_string()))?;
        Ok(Page::read(&body.to_bytes())?)
    }

    /// Watches from `position` on, until the watch ends.
    async fn watch(&mut self, position: &Version) -> Result<End, Trouble> {
        let is_long = self.is_busy;
        let (least, most) = if is_long { BUSY_WATCH } else { (QUIET_WATCH, QUIET_WATCH) };
        let time = self.backoff.between(least, most);
        let opened = self
            .open(&[
                ("watch", "true".to_owned()),
                ("resourceVersion", position.as_str().to_owned()),
                ("allowWatchBookmarks", "true".to_owned()),
                ("timeoutSeconds", time.as_secs().to_string()),
            ])
            .await;
        let mut watch = match opened {
            Err(Trouble::Refused(refusal)) if refusal.is_gone() => return Ok(End::Relist),
            opened => opened?,
        };
        self.shared.begin_watch(self.kind);
        let begun = tokio::time::Instant::now();
        let end = match self.attend_long(&mut watch).await {
            // It was busy, and is no more: nothing is wrong with that, unless a short one does not end either.
            Err(Trouble::Silent(_)) if is_long => return Ok(End::Closed),
            end => end?,
        };
        if matches!(end, End::Closed) && begun.elapsed() < SOON {
            return Err(Trouble::Incomplete);
        }
        if !self.has_spoken {
            self.check(position).await?;
        }
        Ok(end)
    }

    /// Asks how far the store is, after a watch that said nothing at all: one that begins beyond the end of a history, because a
    /// backup was restored, says nothing until the history is as long again.
    async fn check(&mut self, position: &Version) -> Result<(), Trouble> {
        let page = self.page(&[("limit", "1".to_owned())]).await?;
        let version = page.version.number();
        if version != 0 && version < position.number() {
            return Err(Trouble::OutOfOrder);
        }
        Ok(())
    }

    /// Takes in what a watch says, until it ends or the store is another.
    async fn attend(&mut self, watch: &mut Watch) -> Result<End, Trouble> {
        (self.is_busy, self.has_spoken) = (false, false);
        loop {
            let next = std::pin::pin!(timeout(SILENCE, watch.next()));
            let anew = std::pin::pin!(self.shared.store_changed(self.kind));
            let line = match select(anew, next).await {
                Either::Left(_) => return Ok(End::Relist),
                Either::Right((Err(_), _)) => {
                    self.is_busy = false;
                    return Err(Trouble::Silent(SILENCE));
                }
                Either::Right((Ok(line), _)) => line?,
            };
            self.has_spoken |= line.is_some();
            let heard = match line {
                None => return Ok(End::Closed),
                Some(Line::Changed(object)) => self.changed(object, false),
                Some(Line::Gone(object)) => self.changed(object, true),
                Some(Line::Bookmark { version, .. }) => self.shared.bookmark(self.kind, version),
                Some(Line::Failed(refusal)) if refusal.is_gone() => return Ok(End::Relist),
                Some(Line::Failed(refusal)) => return Err(Trouble::WatchFailed(refusal)),
            };
            if heard == Heard::OutOfOrder {
                return Err(Trouble::OutOfOrder);
            }
        }
    }

    fn changed(&mut self, object: Object, is_gone: bool) -> Heard {
        self.is_busy = true;
        self.shared.changed(self.kind, object, is_gone)
    }

    async fn open(&mut self, query: &[(&str, String)]) -> Result<Watch, Trouble> {
        let body = self.ask(query).await?.into_body();
        Ok(Watch { body, lines: Lines::default() })
    }

    /// Asks, and returns the answer if it is one.
    async fn ask(&mut self, query: &[(&str, String)]) -> Result<Response<Body>, Trouble> {
        let (path, selectors) = self.kind.query(&self.api.node);
        let mut text = form_urlencoded::Serializer::new(format!("{path}?"));
        text.extend_pairs(selectors.iter().chain(query));
        let request = Request::get(text.finish())
            .header(http::header::ACCEPT, "application/json")
            // What is cut into lines must come as it was said.
            .header(http::header::ACCEPT_ENCODING, "identity")
            .body(Body::empty())?;
        let way = self.api.clients.current().await;
        self.shared.note_credentials(self.api.clients.status());
        let Way { client, .. } = self.way.insert(way?);
        let answer = timeout(ANSWER, client.send(request)).await;
        let answer = answer.map_err(|_| Trouble::Silent(ANSWER))?.map_err(Trouble::Unreachable)?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let body = timeout(ANSWER, Limited::new(body, LONGEST_REFUSAL).collect()).await;
        let body = body.ok().and_then(Result::ok).map(|body| body.to_bytes()).unwrap_or_default();
        let retry_after = head.headers.get(http::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok());
        Err(Refusal::read(head.status.as_u16(), retry_after, &body).into())
    }
}

impl Watch {
    /// The next line; nothing where the server ended the watch, be it in the midst of a line, which then was never said.
    async fn next(&mut self) -> Result<Option<Line>, Trouble> {
        loop {
            if let Some(line) = self.lines.next_line() {
                if line.is_empty() {
                    continue;
                }
                return Ok(Some(Line::read(line)?));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Trouble::Broken(error)),
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.lines.add(bytes)?;
                    }
                }
            }
        }
    }
}
