//! F20, timed: what HNS lost all of is back about as soon as after a start into nothing.

use std::time::Duration;

use tokio::time::Instant;

use super::super::upsets;
use super::check;
use super::day::Day;

/// Below this HNS takes no time, and there is nothing to be compared.
const COUNTS: Duration = Duration::from_millis(500);
/// An HNS that lists nothing where there was something is asked twice more before it is believed, a quarter of a second apart.
const CONFIRMED: Duration = Duration::from_millis(500);
/// When all must be back by then, something else went wrong.
const LONGEST: Duration = Duration::from_secs(600);

impl Day<'_> {
    /// HNS forgets all, for a proxy that starts then and for one that runs.
    pub(super) async fn total_loss(&mut self) -> Result<(), String> {
        self.lose_all();
        self.restart_agent(false)?;
        let cold = self.until_whole().await?;
        self.lose_all();
        let lost = self.until_whole().await?;
        if cold >= COUNTS {
            self.report.met("F20 HNS forgets all, timed");
            if lost > cold * 21 / 20 + CONFIRMED {
                return Err(format!("F20: {lost:?} until all is back, {cold:?} from nothing"));
            }
        }
        Ok(())
    }

    fn lose_all(&mut self) {
        upsets::lose_all(self.emulator, &mut self.world);
        self.add_pods();
    }

    /// Has time pass until HNS has all that the proxy wants; how long that took.
    async fn until_whole(&mut self) -> Result<Duration, String> {
        let began = Instant::now();
        loop {
            let now = Instant::now();
            let due = self.agent.due().unwrap_or(now).saturating_duration_since(now);
            self.pass(due.clamp(Duration::from_millis(1), Duration::from_secs(1))).await?;
            let passed = began.elapsed();
            let look = self.has_all().and_then(|()| check::standing(self));
            match look {
                Ok(()) => return Ok(passed),
                Err(why) if passed >= LONGEST => return Err(format!("F20: {why}")),
                Err(_) => {}
            }
        }
    }

    fn has_all(&self) -> Result<(), String> {
        let there = self.emulator.steer(|service| service.state().load_balancers().count());
        let wanted = self.agent.core.reconciler().standing().wanted_load_balancers;
        (there >= wanted).then_some(()).ok_or_else(|| format!("{there} of {wanted} load balancers"))
    }
}
