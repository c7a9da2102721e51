//! Calls that were made, as the report has them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};
use switchyard_hcn::{Error, hresult};

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// HNS did it, and answered this; a handle is not told.
    Done(Option<String>),
    /// HNS refused.
    Refused(Error),
    /// It did not return in time. What came of it is not known.
    Hung,
    /// It was not made: the run was stopped, or too many calls hang.
    NotMade(&'static str),
}

/// A call of HNS, with texts exactly as they were sent and answered.
#[derive(Debug, Clone)]
pub struct Call {
    /// The exported function.
    pub function: &'static str,
    /// What it was called with: names and texts; handles are left out.
    pub sent: Vec<(&'static str, String)>,
    /// How it ended.
    pub outcome: Outcome,
    /// How long that took.
    pub took: Duration,
}

impl Call {
    /// The HRESULT, if the call returned.
    #[must_use]
    pub fn hresult(&self) -> Option<u32> {
        match &self.outcome {
            Outcome::Done(_) => Some(hresult::S_OK),
            Outcome::Refused(error) => Some(error.hresult),
            Outcome::Hung | Outcome::NotMade(_) => None,
        }
    }
}

impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Row<'a> {
            call: &'a str,
            sent: BTreeMap<&'static str, &'a str>,
            hresult: Option<String>,
            name: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            record: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            answer: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            trouble: Option<&'static str>,
            milliseconds: f64,
        }

        let (record, answer, trouble) = match &self.outcome {
            Outcome::Done(answer) => (None, answer.as_deref(), None),
            Outcome::Refused(error) => (error.record.as_deref(), None, None),
            Outcome::Hung => (None, None, Some("did not return in time")),
            Outcome::NotMade(why) => (None, None, Some(*why)),
        };
        let row = Row {
            call: self.function,
            sent: self.sent.iter().map(|(name, text)| (*name, text.as_str())).collect(),
            hresult: self.hresult().map(|code| format!("0x{code:08X}")),
            name: self.hresult().and_then(hresult::name),
            record,
            answer,
            trouble,
            milliseconds: milliseconds(self.took),
        };
        row.serialize(serializer)
    }
}

/// Milliseconds with three digits after the point.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

/// How often a function was called in one question, and how long that took. Calls that are told one by one are counted too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Count {
    /// The exported function.
    pub call: String,
    /// How many calls.
    pub count: usize,
    /// How many of them were refused.
    pub refused: usize,
    /// How many did not return in time.
    pub hung: usize,
    /// The time that half of them did not exceed, in milliseconds.
    pub p50: f64,
    /// The time that 99 of 100 did not exceed, in milliseconds.
    pub p99: f64,
    /// The longest, in milliseconds.
    pub longest: f64,
}

/// The counts of some calls by function, in the order of their names.
pub(crate) fn counts(calls: &[Call]) -> Vec<Count> {
    let mut by_function: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    let made = calls.iter().filter(|call| !matches!(call.outcome, Outcome::NotMade(_)));
    made.for_each(|call| by_function.entry(call.function).or_default().push(call));
    let count = |(function, calls): (&str, Vec<&Call>)| {
        let is_refused = |call: &&&Call| matches!(call.outcome, Outcome::Refused(_));
        let is_hung = |call: &&&Call| call.outcome == Outcome::Hung;
        let times = Times::of(calls.iter().map(|call| call.took));
        Count {
            call: function.to_owned(),
            count: calls.len(),
            refused: calls.iter().filter(is_refused).count(),
            hung: calls.iter().filter(is_hung).count(),
            p50: milliseconds(times.at(50)),
            p99: milliseconds(times.at(99)),
            longest: milliseconds(times.at(100)),
        }
    };
    by_function.into_iter().map(count).collect()
}

/// Times in order.
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// These times.
    pub(crate) fn of(times: impl Iterator<Item = Duration>) -> Self {
        let mut times: Vec<Duration> = times.collect();
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many of a hundred do not exceed: the nearest rank. Zero where there are none.
    pub(crate) fn at(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let check = |count: u64, percent: usize, expect: u64| {
            let times = Times::of((1..=count).rev().map(Duration::from_millis));
            assert_eq!(times.at(percent), Duration::from_millis(expect), "{percent} of {count}");
        };
        check(100, 50, 50);
        check(100, 99, 99);
        check(100, 100, 100);
        check(3, 50, 2);
        check(3, 99, 3);
        check(1, 50, 1);
        check(0, 50, 0);
    }

    #[test]
    fn calls_are_told_exactly_and_counted() {
        let call = |outcome: Outcome| Call {
            function: "HcnOpenEndpoint",
            sent: vec![("id", "x".to_owned())],
            outcome,
            took: Duration::from_micros(1500),
        };
        let record = r#"{"Success":false, "ErrorCode":2151350274}"#;
        let refused = Error { hresult: 0x803B_0002, record: Some(record.to_owned()) };
        let calls = [
            call(Outcome::Done(None)),
            call(Outcome::Refused(refused)),
            call(Outcome::Hung),
            call(Outcome::NotMade("stopped")),
        ];
        let told = serde_json::to_value(&calls[1]).unwrap();
        assert_eq!(told["record"], record);
        assert_eq!(told["hresult"], "0x803B0002");
        assert_eq!(told["name"], "HCN_E_ENDPOINT_NOT_FOUND");
        assert_eq!(told["milliseconds"], 1.5);
        let counted = counts(&calls);
        assert_eq!(counted.len(), 1);
        assert_eq!((counted[0].count, counted[0].refused, counted[0].hung), (3, 1, 1));
    }
}
