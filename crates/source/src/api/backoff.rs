//! How long to wait after a failure.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(250);
/// After many. What a cluster's proxies ask an API server that comes back is bounded by it; and so is how long a proxy takes
/// to notice that it did.
const LONGEST: Duration = Duration::from_secs(4);

/// Waits that grow, each spread by chance, so that the proxies of a cluster do not all come at once.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    next: Duration,
    /// What chance comes from: the same seed, the same waits.
    state: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { next: FIRST, state: seed }
    }

    /// How long to wait now: half to all of what is due, or what the server asks for, if that is longer.
    pub(super) fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let due = self.next;
        self.next = (due * 2).min(LONGEST);
        let spread = due.mul_f64(0.5 + 0.5 * self.chance());
        asked.map_or(spread, |asked| asked.max(spread))
    }

    /// A wait of `from` to `to`.
    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        from + to.saturating_sub(from).mul_f64(self.chance())
    }

    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// A number from 0 to 1, by the generator SplitMix64.
    fn chance(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // 32 bits are exact in a number of 53.
        f64::from((mixed >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_differ_by_seed() {
        let waits = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..20).map(|_| backoff.wait(None)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
        for (count, wait) in waits(3).into_iter().enumerate() {
            let due = (FIRST * 2_u32.pow(count.min(10) as u32)).min(LONGEST);
            assert!(wait >= due / 2 && wait <= due, "{count}: {wait:?}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_waited() {
        let mut backoff = Backoff::new(1);
        let asked = Duration::from_secs(9);
        assert_eq!(backoff.wait(Some(asked)), asked);
        backoff.reset();
        assert!(backoff.wait(None) <= FIRST);
    }
}
