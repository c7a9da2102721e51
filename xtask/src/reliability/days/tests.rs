//! A day is one day.

use super::day::{Plan, live};

#[test]
fn a_seed_is_one_day() {
    let plan = Plan { seed: 3, hours: 2, steps: 8, gone: 0 };
    let (one, other) = (live(plan), live(plan));
    assert_eq!(one.digest, other.digest);
    assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
}

#[test]
fn without_an_api_server_the_last_state_stays() {
    let report = live(Plan { seed: 3, hours: 1, steps: 4, gone: 1 });
    assert!(report.broken.is_empty(), "{:?}", report.broken);
    assert_eq!(report.met.get("API server gone for days"), Some(&1));
}
