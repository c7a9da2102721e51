//! `cargo xtask limits`: the page about what HNS cannot do, out of the limits themselves.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result};
use clap::Args;
use switchyard_winkernel::limits::Limit;

use crate::workspace::Workspace;

/// The page.
const PAGE: &str = "docs/limits.md";

const HEAD: &str = "\
# What HNS cannot do

The Windows Host Networking Service (HNS) spreads connections over backends. It does not refuse, filter, or tell kinds of clients
apart. Where a Service asks for that, Switchyard programs what comes nearest and says so: `plan` lists each limit that some packet meets
at present, `explain` those of one Service, and `trace` names those that decided (`limit/NAME`).

There are these twelve and no others. What HNS does instead is computed from the Service, the Node and the network alone, so that the
rules of Services and the limits together can be held against what HNS does: `cargo xtask check --backend winkernel`.

This page is made by `cargo xtask limits` from `crates/winkernel/src/limits`.

";

const FOOT: &str = "\
`dangling` is not a limit but a broken state: a load balancer names an endpoint that does not exist, or HNS reports it as degraded.
";

/// Writes docs/limits.md from the limits as they are.
#[derive(Args)]
pub(crate) struct Limits {}

impl Limits {
    #[expect(clippy::unused_self, reason = "every task is run so")]
    pub(crate) fn run(self) -> Result<bool> {
        let path = Workspace::find()?.root.join(PAGE);
        fs::write(&path, page()).with_context(|| format!("write {}", path.display()))?;
        Ok(true)
    }
}

/// The page as it should be.
fn page() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("| limit | condition | in short |\n| --- | --- | --- |\n");
    for limit in Limit::ALL {
        let (name, condition) = (limit.as_str(), limit.condition());
        // Writing to a text cannot fail.
        let _ = writeln!(text, "| [`{name}`](#{name}) | `{condition}` | {} |", limit.explanation());
    }
    for limit in Limit::ALL {
        let page = limit.page();
        let _ = write!(text, "\n## {limit}\n\n| | |\n| --- | --- |\n");
        for (title, words) in [
            ("a Service asks", page.asked),
            ("HNS instead", page.instead),
            ("when", page.applies),
            ("what you can do", page.remedy),
            ("source", page.source),
        ] {
            let _ = writeln!(text, "| {title} | {words} |");
        }
    }
    text.push('\n');
    text.push_str(FOOT);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_as_the_limits_are() {
        let path = Workspace::find().unwrap().root.join(PAGE);
        let written = fs::read_to_string(path).unwrap();
        assert!(written == page(), "{PAGE} is stale: cargo xtask limits writes it anew");
    }
}
