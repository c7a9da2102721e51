//! Step `demo`: the first thing a newcomer runs.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::program;
use crate::workspace::Workspace;

/// How long the demonstration may take once it is built.
const LIMIT: Duration = Duration::from_secs(60);

/// The most changes before kubernetes and the DNS can be reached.
const MOST_BEFORE_DNS: u64 = 20;

/// Runs the demonstration, as the README has it.
pub(super) fn check(workspace: &Workspace) -> Result<()> {
    program::run(&mut workspace.cargo(&["build"]))?;
    let mut demo = workspace.cargo(&["run", "--quiet", "--", "demo"]);
    let printed = program::output_within(&mut demo, LIMIT)?;
    let printed = String::from_utf8_lossy(&printed);
    print!("{printed}");
    judge(&printed)
}

/// What the demonstration is for must show: a restart changes nothing, and kubernetes and the DNS come first after a loss.
fn judge(printed: &str) -> Result<()> {
    let words = |start: &str| {
        let line = printed.lines().find(|line| line.trim_start().starts_with(start));
        let words = line.map(|line| line.split_whitespace().collect::<Vec<_>>());
        words.with_context(|| format!("the demonstration has no line that begins with {start:?}"))
    };
    if words("restart ")?.get(2) != Some(&"0") {
        bail!("the demonstration changed HNS at a restart");
    }
    let last = words("After the loss kubernetes and the DNS")?;
    let change = last.iter().find_map(|word| word.parse::<u64>().ok());
    if change.is_none_or(|change| change > MOST_BEFORE_DNS) {
        bail!("after a loss of HNS, the demonstration had kubernetes and the DNS late: {change:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demonstration_must_show_what_it_is_for() {
        let shown = |restart: u32, first: u32| {
            format!(
                "  restart   switchyard  {restart}  158\nAfter the loss kubernetes and the DNS can be reached again from change {first} on.\n"
            )
        };
        assert!(judge(&shown(0, 7)).is_ok());
        assert!(judge(&shown(1, 7)).is_err());
        assert!(judge(&shown(0, 21)).is_err());
        assert!(judge("").is_err());
    }
}
