//! A report for people.

use std::io::Write;

use switchyard_preflight::{Check, Cleanup, ProbeRow, Report};

use crate::failure::Failure;
use crate::print::{counted, table};

/// How every reason begins why a question was not asked.
const NOT_ASKED: &str = "not asked: it needs ";

pub(super) fn print(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    readiness(report, out)?;
    let mut rows = table(["PROBE", "ANSWER", "QUESTION"]);
    for row in report.probes.iter().filter(|row| flags(row).is_none()) {
        let unknown = || "?".to_owned();
        rows.add_row([row.id, &row.answer.clone().unwrap_or_else(unknown), row.question]);
    }
    let text = rows.to_string();
    text.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
    for row in report.probes.iter().filter(|row| flags(row).is_none()) {
        if let Some(reason) = &row.not_answered {
            writeln!(out, "not answered: {}: {reason}", row.id)?;
        }
    }
    not_asked(report, out)?;
    left(&report.cleanup, out)?;
    let answered = report.probes.iter().filter(|row| row.answer.is_some()).count();
    writeln!(
        out,
        "{answered} of {} answered; {} made, {}",
        counted(report.probes.len(), "question"),
        counted(report.cleanup.made, "object"),
        if report.cleanup.is_complete() { "nothing left" } else { "not all removed" }
    )?;
    Ok(())
}

fn readiness(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let word = if report.readiness.is_ready { "ready" } else { "not ready" };
    writeln!(out, "{}: {word} for a proxy", report.node)?;
    for check in &report.readiness.checks {
        writeln!(out, "  {:4} {}: {}", mark(check), check.id, check.detail)?;
        if let Some(advice) = check.advice {
            writeln!(out, "       {advice}")?;
        }
    }
    writeln!(out)?;
    Ok(())
}

const fn mark(check: &Check) -> &'static str {
    match (check.passed, check.is_required) {
        (true, _) => "yes",
        (false, true) => "NO",
        (false, false) => "note",
    }
}

/// The flags that a question needs that was not asked.
fn flags(row: &ProbeRow) -> Option<&str> {
    row.not_answered.as_deref()?.strip_prefix(NOT_ASKED)
}

/// How many questions each set of flags would ask more.
fn not_asked(report: &Report, out: &mut dyn Write) -> Result<(), Failure> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for flags in report.probes.iter().filter_map(flags) {
        match counts.iter_mut().find(|(known, _)| *known == flags) {
            Some((_, count)) => *count += 1,
            None => counts.push((flags, 1)),
        }
    }
    for (flags, count) in counts {
        writeln!(out, "not asked: {}: {flags}", counted(count, "question"))?;
    }
    Ok(())
}

/// What is still there.
pub(super) fn left(cleanup: &Cleanup, out: &mut dyn Write) -> Result<(), Failure> {
    for left in &cleanup.left {
        let id = left.id.map(|id| format!(" {id}")).unwrap_or_default();
        let kind = left.kind.map_or("something", switchyard_preflight::Kind::as_str);
        writeln!(out, "left: {kind}{id}: {}", left.reason)?;
    }
    if cleanup.may_still_appear {
        let why = "a call did not return, and what it asked for may still happen";
        writeln!(out, "left: {why}: run preflight --cleanup when HNS answers again")?;
    }
    Ok(())
}
