//! The one-line form of a trace and of what it has to answer.

use std::net::IpAddr;

use serde::Deserialize;

use super::expand::octet_ranges;
use super::notation::Fixture;
use crate::subject::{Answer, AnswerBackend};

/// The port of a backend that is written without one.
const USUAL_PORT: u16 = 8080;

/// `FROM -> TO => OUTCOME [or OUTCOME]... [[only] by NAME...]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Trace {
    /// Where the packet comes from: a word of the fixture, `node`, or an address.
    pub(super) from: String,
    /// Where it goes to.
    pub(super) to: String,
    /// What may come of it.
    pub(super) outcomes: Vec<Outcome>,
    /// What must be among the objects that decided it.
    pub(super) by: Vec<String>,
    /// Whether nothing else may have decided it.
    pub(super) only: bool,
}

/// One permitted outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// `reject`, `drop` or `pass`.
    Ended(String),
    /// Exactly these backends.
    Forward {
        /// The backends: names or addresses (with octet ranges), each with an optional port.
        backends: Vec<String>,
        /// `keep`, `rewrite` or `mixed`.
        source: String,
        /// Whether a client stays with its backend.
        sticky: bool,
    },
}

impl TryFrom<String> for Trace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("trace `{text}`: {why}");
        let (packet, rest) = text.split_once(" => ").ok_or_else(|| wrong("no ` => `"))?;
        let (from, to) = packet.split_once(" -> ").ok_or_else(|| wrong("no ` -> `"))?;
        let (outcomes, names, only) = match rest.split_once(" only by ") {
            Some((outcomes, names)) => (outcomes, names, true),
            None => match rest.split_once(" by ") {
                Some((outcomes, names)) => (outcomes, names, false),
                None => (rest, "", false),
            },
        };
        let outcomes = outcomes
            .split(" or ")
            .map(outcome)
            .collect::<Result<_, _>>()
            .map_err(|why| wrong(&why))?;
        Ok(Self {
            from: from.trim().to_owned(),
            to: to.trim().to_owned(),
            outcomes,
            by: names.split_whitespace().map(str::to_owned).collect(),
            only,
        })
    }
}

fn outcome(text: &str) -> Result<Outcome, String> {
    let text = text.trim();
    if ["reject", "drop", "pass"].contains(&text) {
        return Ok(Outcome::Ended(text.to_owned()));
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let sticky = words.last() == Some(&"sticky");
    if sticky {
        words.pop();
    }
    let source = words.pop().unwrap_or_default();
    if !["keep", "rewrite", "mixed"].contains(&source) {
        return Err(format!("`{text}` does not say keep, rewrite or mixed"));
    }
    if words.is_empty() {
        return Err(format!("`{text}` names no backend"));
    }
    Ok(Outcome::Forward {
        backends: words.into_iter().map(str::to_owned).collect(),
        source: source.to_owned(),
        sticky,
    })
}

impl Trace {
    /// The source as a subject takes it.
    pub(super) fn source(&self, fixture: &Fixture) -> String {
        fixture.address(&self.from)
    }

    /// The destination as a subject takes it.
    pub(super) fn destination(&self, fixture: &Fixture) -> Result<String, String> {
        let (host, protocol) =
            self.to.rsplit_once('/').ok_or_else(|| format!("`{}` has no protocol", self.to))?;
        if host.starts_with('[') || protocol == "ICMP" {
            return Ok(format!("{}/{protocol}", fixture.address(host)));
        }
        let (host, port) =
            host.rsplit_once(':').ok_or_else(|| format!("`{}` has no port", self.to))?;
        let address = fixture.address(host);
        Ok(if address.contains(':') {
            format!("[{address}]:{port}/{protocol}")
        } else {
            format!("{address}:{port}/{protocol}")
        })
    }
}

/// A backend that is expected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Expected {
    address: IpAddr,
    port: u16,
    /// Whether it is on the answering node; nothing where the fixture does not tell.
    local: Option<bool>,
}

fn expected(words: &[String], node: &str, fixture: &Fixture) -> Result<Vec<Expected>, String> {
    let mut all = Vec::new();
    for word in words {
        let (host, port) = split_port(word)?;
        for address in octet_ranges(&fixture.address(host))? {
            let parsed = address.parse().map_err(|_| format!("`{word}` is not an address"))?;
            let owner = fixture.node_of(host).or_else(|| fixture.node_of(&address));
            all.push(Expected { address: parsed, port, local: owner.map(|owner| owner == node) });
        }
    }
    all.sort();
    Ok(all)
}

/// `NAME`, `NAME:PORT`, `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`.
pub(super) fn split_port(word: &str) -> Result<(&str, u16), String> {
    let number =
        |text: &str| text.parse::<u16>().map_err(|_| format!("`{word}`: `{text}` is no port"));
    if let Some(rest) = word.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| format!("`{word}` has no `]`"))?;
        let port = rest.strip_prefix(':').map_or(Ok(USUAL_PORT), number)?;
        return Ok((host, port));
    }
    match word.split_once(':') {
        Some((host, port)) => Ok((host, number(port)?)),
        None => Ok((word, USUAL_PORT)),
    }
}

impl Outcome {
    /// Whether the answer is this outcome, seen from `node`.
    pub(super) fn fits(
        &self,
        answer: &Answer,
        node: &str,
        fixture: &Fixture,
    ) -> Result<bool, String> {
        match self {
            Self::Ended(outcome) => Ok(answer.outcome == *outcome
                && answer.backends.is_empty()
                && answer.source.is_none()),
            Self::Forward { backends, source, sticky } => {
                let affinity = if *sticky { "clientIP" } else { "none" };
                Ok(answer.outcome == "forward"
                    && answer.source.as_deref() == Some(source)
                    && answer.affinity == affinity
                    && same(&expected(backends, node, fixture)?, &answer.backends))
            }
        }
    }

    /// The outcome in words.
    pub(super) fn words(&self, node: &str, fixture: &Fixture) -> Result<String, String> {
        match self {
            Self::Ended(outcome) => Ok(outcome.clone()),
            Self::Forward { backends, source, sticky } => {
                let list = expected(backends, node, fixture)?;
                let texts = list.iter().map(|backend| (backend.address, backend.port));
                let affinity = if *sticky { "clientIP" } else { "none" };
                Ok(forward_words(
                    texts.map(|(address, port)| format!("{address} port {port}")),
                    source,
                    affinity,
                ))
            }
        }
    }
}

/// Both lists in the documented order, and equal as far as the expectation goes.
fn same(expected: &[Expected], came: &[AnswerBackend]) -> bool {
    expected.len() == came.len()
        && expected.iter().zip(came).all(|(expected, came)| {
            expected.address.to_string() == came.address
                && expected.port == came.port
                && expected.local.is_none_or(|local| local == came.local)
        })
}

/// An answer in words.
pub(super) fn answer_words(answer: &Answer) -> String {
    if answer.outcome != "forward" {
        return format!("{} (decided by {:?})", answer.outcome, answer.decided_by);
    }
    forward_words(
        answer.backends.iter().map(|backend| {
            let place = if backend.local { "local" } else { "remote" };
            format!("{} port {} {place}", backend.address, backend.port)
        }),
        answer.source.as_deref().unwrap_or("nothing said of the source"),
        &answer.affinity,
    )
}

/// How many backends a message lists.
const LISTED: usize = 8;

fn forward_words(backends: impl Iterator<Item = String>, source: &str, affinity: &str) -> String {
    let all: Vec<String> = backends.collect();
    let more = all.len().saturating_sub(LISTED);
    let mut list = all[..all.len() - more].join(", ");
    if more > 0 {
        list = format!("{list} and {more} more");
    }
    format!("forward to {{{list}}}, source {source}, affinity {affinity}")
}
