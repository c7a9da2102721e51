//! Preflights under Wine: one run after the other tells the knobs of the HNS behind `computenetwork.dll`, restarts by an
//! operator among them, and leaves nothing; a run that is killed is cleaned up after.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::prefix::{Prefix, ended, printed, windows_path};
use super::stage::{Running, Stage, wait};
use crate::workspace::Workspace;

/// What tells each setting of each knob.
const KNOBS: &str = "crates/preflight/tests/knobs.json";
/// What a preflight says when it wants HNS to be restarted.
const RESTART: &str = "restart HNS now";
/// The flags of a run that asks everything that is quick.
const EVERYTHING: [&str; 5] =
    ["--full", "--scratch-network", "--missing-adapter", "--exhaust-ports", "--ask-restart"];
/// How much a run has written down when it is killed.
const LINES: usize = 60;

/// Asks HNS in every setting of every knob that shows there.
pub(super) fn check(workspace: &Workspace, prefix: &Prefix) -> Result<Vec<String>> {
    let text = fs::read_to_string(workspace.root.join(KNOBS)).context("read the knobs")?;
    let rows: Vec<Value> = serde_json::from_str(&text).context("read the knobs")?;
    let runs = runs(&rows);
    let count = runs.len();
    // Each waits for an HNS that restarts, so they wait together.
    let results: Vec<Result<Vec<String>>> = thread::scope(|scope| {
        let start = |(number, run)| scope.spawn(move || tell(prefix, number, run));
        let started: Vec<_> = runs.iter().enumerate().map(start).collect();
        let ended = started.into_iter().map(|run| run.join());
        ended.map(|run| run.unwrap_or_else(|_| bail!("a preflight panicked"))).collect()
    });
    let mut troubles = Vec::new();
    for result in results {
        troubles.extend(result?);
    }
    a_killed_run_is_cleaned_up_after(prefix).context("kill a preflight")?;
    println!("preflight under Wine: {count} runs, one killed, {} troubles", troubles.len());
    Ok(troubles)
}

/// Knobs, and the answers that they make.
struct Run {
    knobs: Value,
    answers: BTreeMap<String, Value>,
}

/// Few runs that tell all settings: the first has the first of each knob, and so on, for knobs do not touch each other's
/// answers. What a restart loses is told by runs of its own, for that touches what else a restart shows.
fn runs(rows: &[Value]) -> Vec<Run> {
    let settings = |row: &Value| row["settings"].as_array().cloned().unwrap_or_default();
    // The ports of this machine are not those of the emulated one.
    let combined = rows.iter().filter(|row| row["knob"] != "boundPorts" && !is_apart(row));
    let combined: Vec<&Value> = combined.collect();
    let most = combined.iter().map(|row| settings(row).len()).max().unwrap_or_default();
    let mut runs: Vec<Run> = (0..most).map(|number| combine(&combined, number)).collect();
    for row in rows.iter().filter(|row| is_apart(row)) {
        runs.extend(
            settings(row).iter().skip(1).map(|setting| of_setting(json!({}), row, setting)),
        );
    }
    runs
}

fn is_apart(row: &Value) -> bool {
    row["knob"] == "rehydration"
}

fn combine(rows: &[&Value], number: usize) -> Run {
    let mut run = Run { knobs: json!({}), answers: BTreeMap::new() };
    for row in rows {
        let with = row["with"].as_object().into_iter().flatten();
        // A pool that is not empty does not show how it is refused.
        let is_hidden = with.into_iter().any(|(knob, setting)| run.knobs[knob] != *setting);
        if let (false, Some(setting)) = (is_hidden, row["settings"].get(number)) {
            let Run { knobs, answers } = of_setting(run.knobs, row, setting);
            run.knobs = knobs;
            run.answers.extend(answers);
        }
    }
    run
}

fn of_setting(mut knobs: Value, row: &Value, setting: &Value) -> Run {
    if let Some(knob) = row["knob"].as_str() {
        knobs[knob] = setting["is"].clone();
    }
    let answers = setting["answers"].as_object().cloned().unwrap_or_default();
    Run { knobs, answers: answers.into_iter().collect() }
}

/// An HNS with one network and one endpoint on it, and with `knobs`.
fn stage<'a>(prefix: &'a Prefix, name: &str, knobs: &Value) -> Result<Stage<'a>> {
    let network = "00000000-0000-0000-0000-0000000000cb";
    let state = json!({
        "version": { "Major": 15, "Minor": 5 },
        "networks": [{ "ID": network, "Name": "cbr0", "Type": "L2Bridge",
            "Ipams": [{ "Type": "Static", "Subnets": [{ "IpAddressPrefix": "10.1.1.0/24" }] }] }],
        "endpoints": [{ "ID": "00000000-0000-0000-0000-00000000e001", "HostComputeNetwork": network,
            "IpConfigurations": [{ "IpAddress": "10.1.1.21", "PrefixLength": 24 }] }],
    });
    let folder = prefix.folder(&format!("preflight-{name}"))?;
    Stage::new(prefix, folder, &json!({ "state": state, "knobs": knobs }))
}

impl Stage<'_> {
    /// Runs a preflight, and restarts HNS when it asks for that. What it reports.
    fn preflight(&self, flags: &[&str]) -> Result<Value> {
        let report = self.folder.join("report.json");
        let mut command = self.switchyard(&["preflight", "--report"]);
        command.arg(windows_path(&report)).args(flags);
        let out = File::create(self.folder.join("out")).context("make a file")?;
        let mut child = command.stdout(out).stderr(Stdio::piped()).spawn().context("start")?;
        let lines = BufReader::new(child.stderr.take().context("no standard error")?).lines();
        let mut said = Vec::new();
        for line in lines {
            let line = line.context("read what it says")?;
            if line.contains(RESTART) {
                self.hns("POST", "/emulator/restart")?;
            }
            said.push(line);
        }
        let status = child.wait().context("wait for it")?;
        ensure!(status.success(), "a preflight ended with {status}: {said:?}");
        let text = fs::read_to_string(report).context("read the report")?;
        serde_json::from_str(&text).context("read the report")
    }
}

/// One run; which of its answers are not those of its knobs.
fn tell(prefix: &Prefix, number: usize, run: &Run) -> Result<Vec<String>> {
    let Run { knobs, answers } = run;
    let stage = stage(prefix, &number.to_string(), knobs)?;
    let report = stage.preflight(&EVERYTHING)?;
    let probes = report["probes"].as_array().context("a report without probes")?;
    let mut troubles = Vec::new();
    for (probe, expected) in answers {
        let row = probes.iter().find(|row| row["id"] == **probe);
        let found = row.map_or(&Value::Null, |row| &row["answer"]);
        if found != expected {
            let why = row.map_or(&Value::Null, |row| &row["notAnswered"]);
            troubles.push(format!(
                "preflight under Wine: {probe}: {found} ({why}), not {expected}, with {knobs}"
            ));
        }
    }
    let state = stage.state()?.to_string();
    if state.contains("switchyard-preflight") || state.contains("192.0.2.2") {
        troubles.push(format!("preflight under Wine: something is left with {knobs}: {state}"));
    }
    Ok(troubles)
}

/// A run that is killed while objects of it are there.
fn a_killed_run_is_cleaned_up_after(prefix: &Prefix) -> Result<()> {
    let stage = stage(prefix, "killed", &json!({}))?;
    let before = stage.state()?;
    let mut command = stage.switchyard(&["preflight", "--full", "-o", "json"]);
    let mut run = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    wait_for_lines(&stage, LINES)?;
    let beside = ended(&mut stage.switchyard(&["preflight", "--cleanup"]))?;
    ensure!(beside.status.code() == Some(4), "a cleanup beside a run: {}", beside.status);
    run.kill()?;
    let again = ended(&mut stage.switchyard(&["preflight", "--full"]))?;
    ensure!(again.status.code() == Some(4), "a run after a killed one: {}", again.status);
    printed(&mut stage.switchyard(&["preflight", "--cleanup"]))?;
    ensure!(stage.state()? == before, "something is left of a killed run");
    Ok(())
}

/// Waits until a run has written down so much.
fn wait_for_lines(stage: &Stage<'_>, count: usize) -> Result<()> {
    let journal = stage.folder.join("state").join("preflight.jsonl");
    let lines = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
    let come = wait(|| Ok((lines() > count).then_some(())))?;
    come.context("the run did not come so far in time")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_every_setting_once() {
        let rows: Vec<Value> =
            serde_json::from_str(include_str!("../../../crates/preflight/tests/knobs.json"))
                .unwrap();
        let runs = runs(&rows);
        for row in rows.iter().filter(|row| row["knob"] != "boundPorts") {
            let knob = row["knob"].as_str().unwrap();
            for setting in row["settings"].as_array().unwrap() {
                let is_default = setting["is"] == row["settings"][0]["is"];
                let is_set = |run: &&Run| run.knobs[knob] == setting["is"];
                assert!(is_default || runs.iter().filter(is_set).count() == 1, "{knob}: {setting}");
            }
        }
        assert_eq!(runs.len(), 8);
    }
}
