//! How long HNS takes.
//!
//! Nobody publishes how long a single call takes. What is published are totals, of 2,000 Services with 5,000 endpoints
//! (kubernetes/kubernetes#109124): 7,000 calls that change something, and what was read on the way. So the total without
//! the reading is spread over the changes, either evenly or in proportion to the objects that exist, and the rest over the
//! objects that were read. An object is read by opening it, asking it, and closing it; the opening is charged. A network is
//! opened for each endpoint that is made on it, so that is part of the change.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchyard_hcn::v1;

use crate::request::{ObjectKind, Request, Verb};

/// The changes in the published totals.
const CHANGES: u64 = 7_000;
/// The sum of the objects that existed at each of them.
const OBJECTS: u64 = CHANGES * (CHANGES + 1) / 2;

/// The machine whose times are modelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// No time at all.
    #[default]
    Instant,
    /// Windows Server 2019 as published: 110 minutes of changes, 4 minutes of reading.
    Ws2019,
    /// Windows Server 2019 with updates: 22 minutes of changes. Its reading is taken as before, for nothing is published.
    Ws2019u,
    /// Windows Server 2022 as published: 10 minutes of changes, 182 minutes of reading.
    Ws2022,
    /// Windows Server 2022 with updates: 1 minute of changes. Its reading is taken as before.
    Ws2022u,
    /// The same, should the updates have made reading cheaper, too.
    Ws2022uCheapReads,
    /// An HNS in trouble, with 47 seconds for each change (kubernetes/kubernetes#110849).
    WsSick,
    /// An HNS that never answers.
    Hung,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 8] = [
        Self::Instant,
        Self::Ws2019,
        Self::Ws2019u,
        Self::Ws2022,
        Self::Ws2022u,
        Self::Ws2022uCheapReads,
        Self::WsSick,
        Self::Hung,
    ];

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instant => "instant",
            Self::Ws2019 => "ws2019",
            Self::Ws2019u => "ws2019u",
            Self::Ws2022 => "ws2022",
            Self::Ws2022u => "ws2022u",
            Self::Ws2022uCheapReads => "ws2022u-cheap-reads",
            Self::WsSick => "ws-sick",
            Self::Hung => "hung",
        }
    }

    /// The seconds of all published changes together.
    const fn seconds_of_changes(self) -> u64 {
        match self {
            Self::Instant | Self::Hung => 0,
            Self::Ws2019 => 6_600,
            Self::Ws2019u => 1_320,
            Self::Ws2022 => 600,
            Self::Ws2022u | Self::Ws2022uCheapReads => 60,
            Self::WsSick => 47 * CHANGES,
        }
    }

    /// The nanoseconds to read one object: the published difference between reading 14.5 million and reading none.
    const fn nanoseconds_to_read(self) -> u64 {
        match self {
            Self::Instant | Self::Hung => 0,
            Self::Ws2019 | Self::Ws2019u => 16_600,
            Self::Ws2022 | Self::Ws2022u | Self::WsSick => 753_000,
            Self::Ws2022uCheapReads => 8_000,
        }
    }
}

/// What the time of a change depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Growth {
    /// On nothing.
    #[default]
    Flat,
    /// On how many objects there are.
    Growing,
}

/// Whether HNS works on several calls at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Concurrency {
    /// One after the other. Claims are made with this, for nobody has shown that HNS gains from more.
    #[default]
    Serial,
    /// All at once.
    Parallel,
}

/// How long HNS takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Latency {
    /// The machine.
    pub profile: Profile,
    /// What the time of a change depends on.
    pub growth: Growth,
    /// Whether calls wait for each other.
    pub concurrency: Concurrency,
}

impl Latency {
    /// How long `request` takes in an HNS with this many endpoints and load balancers; none is for ever.
    #[must_use]
    pub fn of(&self, request: &Request<'_>, objects: usize) -> Option<Duration> {
        if self.profile == Profile::Hung {
            return None;
        }
        let objects = u64::try_from(objects).unwrap_or(u64::MAX);
        let (changes, reads) = work(request, objects);
        let seconds = self.profile.seconds_of_changes();
        let change = match self.growth {
            Growth::Flat => seconds * 1_000_000_000 / CHANGES,
            Growth::Growing => {
                let share = seconds.saturating_mul(1_000_000_000) / OBJECTS;
                share.saturating_mul(objects.saturating_add(1))
            }
        };
        let reading = reads.saturating_mul(self.profile.nanoseconds_to_read());
        Some(Duration::from_nanos(changes.saturating_mul(change).saturating_add(reading)))
    }
}

/// How many changes and how many reads a call is.
fn work(request: &Request<'_>, objects: u64) -> (u64, u64) {
    if let Request::HnsCall { method, path, .. } = request {
        return match v1::Request::parse(method, path) {
            None => (0, 0),
            Some(v1::Request::List(_)) => (0, objects),
            Some(_) if method.eq_ignore_ascii_case("GET") => (0, 1),
            Some(_) => (1, 0),
        };
    }
    match (request.verb(), request.kind()) {
        (Verb::Create | Verb::Modify | Verb::Delete, _) => (1, 0),
        (Verb::Open, ObjectKind::Endpoint | ObjectKind::LoadBalancer) => (0, 1),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use switchyard_hcn::Guid;

    use super::*;

    /// How many milliseconds a change and a read take.
    fn check(profile: Profile, growth: Growth, objects: usize, change: f64, read: f64) {
        let latency = Latency { profile, growth, ..Latency::default() };
        let (kind, id) = (ObjectKind::LoadBalancer, Guid::NIL);
        let milliseconds = |request| latency.of(&request, objects).unwrap().as_secs_f64() * 1_000.0;
        assert!((milliseconds(Request::Delete { kind, id }) - change).abs() < change / 500.0);
        assert!((milliseconds(Request::Open { kind, id }) - read).abs() < 1e-9);
        let open_network = Request::Open { kind: ObjectKind::Network, id };
        assert!(milliseconds(open_network) < 1e-9);
    }

    #[test]
    fn the_profiles_are_the_published_ones() {
        check(Profile::Ws2019, Growth::Flat, 1, 943.0, 0.0166);
        check(Profile::Ws2019u, Growth::Flat, 1, 188.6, 0.0166);
        check(Profile::Ws2022, Growth::Flat, 1, 85.7, 0.753);
        check(Profile::Ws2022u, Growth::Flat, 1, 8.57, 0.753);
        check(Profile::Ws2022uCheapReads, Growth::Flat, 1, 8.57, 0.008);
        check(Profile::WsSick, Growth::Flat, 1, 47_000.0, 0.753);
        check(Profile::Ws2019, Growth::Growing, 0, 0.269, 0.0166);
        check(Profile::Ws2019, Growth::Growing, 6_999, 1_885.0, 0.0166);
        check(Profile::Ws2022u, Growth::Growing, 6_999, 17.14, 0.753);
    }

    #[test]
    fn one_that_hangs_never_answers() {
        let latency = Latency { profile: Profile::Hung, ..Latency::default() };
        assert_eq!(latency.of(&Request::Register, 0), None);
    }

    #[test]
    fn profiles_are_named() {
        for profile in Profile::ALL {
            let name = serde_json::to_value(profile).unwrap();
            assert_eq!(name, profile.as_str());
        }
    }
}
