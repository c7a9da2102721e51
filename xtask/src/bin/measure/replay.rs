//! kube-proxy's published patterns of calls, through the emulator.

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::json;
use switchyard_hcn_emulator::{Concurrency, Latency, Pattern, Workload, replay};

/// Replays the published workload, and prints the modelled minutes and what was counted.
pub(super) fn run(profile: &str, growth: &str, pattern: &str) -> Result<()> {
    let pattern = match pattern {
        "old" => Pattern::Old,
        "cached" => Pattern::Cached,
        other => bail!("{other:?} is neither old nor cached"),
    };
    let (profile, growth) = (word(profile)?, word(growth)?);
    let latency = Latency { profile, growth, concurrency: Concurrency::Serial };
    let replayed = replay(pattern, Workload::PUBLISHED, latency)?;
    let answer = json!({
        "minutes": replayed.minutes,
        "objectsRead": replayed.objects_read,
        "mutatingCalls": replayed.calls.total_mutating(),
        "nativeCalls": replayed.calls.total(),
    });
    println!("{answer}");
    Ok(())
}

fn word<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(json!(text)).with_context(|| format!("{text:?} is not known"))
}
