//! Runs that once broke a promise keep it now. `docs/track-record.md` says what each found.

use super::{Lives, run};

/// Seeds and steps of runs that failed.
const FAILED_ONCE: &[(u64, usize)] = &[(186, 100), (144, 100), (342, 20), (200, 20), (358, 60)];

#[test]
fn runs_that_failed_once_hold() {
    for (seed, steps) in FAILED_ONCE {
        let mut lives = Lives::default();
        run::live(*seed, *steps, &mut lives);
        assert!(lives.failures.is_empty(), "{:?}", lives.failures);
    }
}

#[test]
fn a_seed_is_one_run() {
    let live = || {
        let mut lives = Lives::default();
        run::live(2, 40, &mut lives);
        serde_json::to_string(&lives).unwrap()
    };
    assert_eq!(live(), live());
}
