//! Puts the facts to a subject and judges its answers.

use serde::Serialize;
use serde_json::{Value, json};

use super::notation::{Case, Entry, Fixture, Frontends, Refusal, Standing, Step, ViewValue};
use super::outcome::{Trace, answer_words};
use super::{Fact, expand, fixture, load};
use crate::subject::{Answer, Subject};

/// The verdict on one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The fact.
    pub id: String,
    /// What came of it.
    pub verdict: Verdict,
    /// The limit of the backend that excuses it, for [`Verdict::Limit`].
    pub limit: Option<String>,
    /// The issue it waits for, for [`Verdict::Later`].
    pub issue: Option<u32>,
    /// What was asked, what had to come and what came, for [`Verdict::Fail`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What came of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every case held.
    Pass,
    /// A case did not hold.
    Fail,
    /// The backend cannot do it, says so, and does what it says.
    Limit,
    /// It waits for an open issue.
    Later,
    /// It belongs to another backend or to another part of the product.
    Other,
}

/// What is looked at in an answer, and which steps are asked at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Everything.
    Everything,
    /// Outcome, backends, source and affinity of the traces; nothing of who decided or of the view.
    #[cfg(test)]
    TracesAlone,
}

/// Puts every fact to `subject`, which is the backend of that name: `model` or `winkernel`.
///
/// `only` is the id of a fact or the letter of a section.
///
/// # Errors
/// A backend that nobody knows, an `only` that names nothing, or data that cannot be read. What the subject does wrong
/// is in the rows.
pub fn run(
    backend: &str,
    subject: &mut dyn Subject,
    only: Option<&str>,
) -> Result<Vec<Row>, String> {
    let all = whole_backend(backend)?;
    let fixture = fixture()?;
    let mut facts = load()?;
    if let Some(only) = only {
        facts.retain(|fact| fact.id == only || fact.section == only);
        if facts.is_empty() {
            return Err(format!("no fact and no section is named {only}"));
        }
    }
    let judged = |fact: &Fact| match all.or_else(|| fact.standing.get(backend).copied()) {
        Some(standing) => standing_row(fact, standing),
        None => match check(fact, subject, &fixture, Look::Everything) {
            Ok(()) => row(fact, Verdict::Pass),
            Err(detail) => Row { detail: Some(detail), ..row(fact, Verdict::Fail) },
        },
    };
    Ok(facts.iter().map(judged).collect())
}

/// The standing of every row on a backend, if they all have the same.
fn whole_backend(backend: &str) -> Result<Option<Standing>, String> {
    match backend {
        "model" => Ok(None),
        "winkernel" => Ok(Some(Standing::Later(5))),
        other => Err(format!("no facts for the backend {other}: there are model and winkernel")),
    }
}

fn row(fact: &Fact, verdict: Verdict) -> Row {
    Row { id: fact.id.clone(), verdict, limit: None, issue: None, detail: None }
}

fn standing_row(fact: &Fact, standing: Standing) -> Row {
    match standing {
        Standing::Other => row(fact, Verdict::Other),
        Standing::Later(issue) => Row { issue: Some(issue), ..row(fact, Verdict::Later) },
    }
}

/// Runs every case of a fact; the error says which step of which case did not hold.
pub(super) fn check(
    fact: &Fact,
    subject: &mut dyn Subject,
    fixture: &Fixture,
    look: Look,
) -> Result<(), String> {
    for (number, case) in fact.cases.iter().enumerate() {
        let name = case.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
        let place = |step: &str| format!("case {}{name}, {step}", number + 1);
        let setup = expand::setup(case, fixture)
            .map_err(|error| format!("{}: {error}", place("objects")))?;
        subject.start(&setup).map_err(|error| format!("{}: {error}", place("start")))?;
        let mut changed = None;
        for (number, step) in case.steps.iter().enumerate() {
            judge(case, step, subject, fixture, look, &mut changed)
                .map_err(|error| format!("{}: {error}", place(&format!("step {}", number + 1))))?;
        }
    }
    Ok(())
}

fn judge(
    case: &Case,
    step: &Step,
    subject: &mut dyn Subject,
    fixture: &Fixture,
    look: Look,
    changed: &mut Option<usize>,
) -> Result<(), String> {
    match step {
        Step::Trace(trace) => return judge_trace(case, trace, subject, fixture, look),
        Step::Change(objects) => {
            let batch = expand::batch(objects, fixture)?;
            *changed = Some(subject.change(&batch).map_err(|error| format!("change: {error}"))?);
            return Ok(());
        }
        _ if look != Look::Everything => return Ok(()),
        Step::Changed(count) if *changed == Some(*count) => return Ok(()),
        Step::Changed(count) => {
            return Err(format!("expected {count} changed view keys; came {changed:?}"));
        }
        _ => {}
    }
    let view = subject.view().map_err(|error| format!("view: {error}"))?;
    match step {
        Step::Refused(refusal) => refused(&view, refusal),
        Step::NotRefused(text) => not_refused(&view, text),
        Step::Conflict(conflict) => {
            let wanted = json!(conflict);
            let found = list(&view, "conflicts").contains(&wanted);
            found.then_some(()).ok_or_else(|| missing("the conflict", &wanted, &view["conflicts"]))
        }
        Step::Conflicts(count) => {
            let came = list(&view, "conflicts");
            (came.len() == *count)
                .then_some(())
                .ok_or_else(|| format!("expected {count} conflicts; came {}", json!(came)))
        }
        Step::Unserved(service) => {
            let wanted = expand::filled(service);
            let prefix = format!("{wanted}:");
            let found = list(&view, "servicePorts")
                .iter()
                .find(|entry| format!("{}:", service_of(entry)).starts_with(&prefix));
            found.map_or(Ok(()), |entry| Err(format!("expected no view of {wanted}; came {entry}")))
        }
        Step::Frontends(frontends) => judge_frontends(&view, frontends),
        Step::Value(value) => judge_value(&view, value),
        Step::Trace(_) | Step::Change(_) | Step::Changed(_) => Ok(()),
    }
}

fn judge_trace(
    case: &Case,
    trace: &Trace,
    subject: &mut dyn Subject,
    fixture: &Fixture,
    look: Look,
) -> Result<(), String> {
    let (from, to) = (trace.source(fixture), trace.destination(fixture)?);
    let packet = format!("trace {from} -> {to}");
    let answer = subject.trace(&from, &to).map_err(|error| format!("{packet}: {error}"))?;
    let mut fits = false;
    for outcome in &trace.outcomes {
        fits |= outcome.fits(&answer, &case.node, fixture)?;
    }
    if !fits {
        let mut wanted = Vec::new();
        for outcome in &trace.outcomes {
            wanted.push(outcome.words(&case.node, fixture)?);
        }
        let (wanted, came) = (wanted.join(", or "), answer_words(&answer));
        return Err(format!("{packet}: expected {wanted}; came {came}"));
    }
    if look == Look::Everything {
        judge_deciders(trace, &answer).map_err(|error| format!("{packet}: {error}"))?;
    }
    Ok(())
}

/// Who decided: what the row names, and what every answer has to name.
fn judge_deciders(trace: &Trace, answer: &Answer) -> Result<(), String> {
    let came = &answer.decided_by;
    let wanted: Vec<String> = trace.by.iter().map(|name| expand::filled(name)).collect();
    let complete =
        if trace.only { *came == wanted } else { wanted.iter().all(|name| came.contains(name)) };
    if !complete {
        let only = if trace.only { "exactly " } else { "" };
        return Err(format!("expected decided_by {only}{wanted:?}; came {came:?}"));
    }
    if !came.is_sorted() {
        return Err(format!("expected decided_by in order; came {came:?}"));
    }
    let names = |kind: &str| came.iter().any(|name| name.starts_with(kind));
    match answer.outcome.as_str() {
        "pass" if !came.is_empty() => {
            Err(format!("expected nobody to decide a pass; came {came:?}"))
        }
        "forward" | "reject" | "drop"
            if !(names("service/") && names("frontend/") || names("range/")) =>
        {
            Err(format!("expected a service and a frontend in decided_by; came {came:?}"))
        }
        _ => Ok(()),
    }
}

fn list<'a>(view: &'a Value, name: &str) -> &'a [Value] {
    view[name].as_array().map_or(&[], Vec::as_slice)
}

fn missing(what: &str, wanted: &Value, came: &Value) -> String {
    format!("expected {what} {wanted}; came {came}")
}

fn refused(view: &Value, refusal: &Refusal) -> Result<(), String> {
    let object = refusal.object.as_deref().map(expand::filled);
    let reason = refusal.reason.as_deref().map(str::to_lowercase);
    let like = |came: &&Value| {
        let text = |name: &str| came[name].as_str().unwrap_or_default();
        object.as_deref().is_none_or(|wanted| text("object") == wanted)
            && refusal.field.as_deref().is_none_or(|wanted| text("field") == wanted)
            && reason.as_deref().is_none_or(|wanted| text("reason").to_lowercase().contains(wanted))
    };
    let wanted = json!({"object": object, "field": refusal.field, "reason": reason});
    let found = list(view, "refused").iter().find(like);
    found.map(|_| ()).ok_or_else(|| missing("the refusal", &wanted, &view["refused"]))
}

fn not_refused(view: &Value, text: &str) -> Result<(), String> {
    let text = expand::filled(text);
    let found = list(view, "refused")
        .iter()
        .find(|came| came["object"].as_str().is_some_and(|object| object.contains(&text)));
    found.map_or(Ok(()), |came| Err(format!("expected no refusal of {text}; came {came}")))
}

fn service_of(entry: &Value) -> String {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    format!("{}/{}", text("namespace"), text("service"))
}

fn entry<'a>(view: &'a Value, wanted: &Entry) -> Result<&'a Value, String> {
    let is_wanted = |entry: &&Value| {
        let name = entry["port"].as_str().unwrap_or_default();
        format!("{}:{name}", service_of(entry)) == wanted.port
            && entry["protocol"] == wanted.protocol.as_str()
            && entry["family"] == wanted.family.as_str()
    };
    list(view, "servicePorts").iter().find(is_wanted).ok_or_else(|| {
        format!(
            "expected a view of {} {} {}; there is none",
            wanted.port, wanted.protocol, wanted.family
        )
    })
}

fn judge_frontends(view: &Value, frontends: &Frontends) -> Result<(), String> {
    let words = |frontend: &Value| {
        let text = |name: &str| frontend[name].as_str().unwrap_or("*").to_owned();
        format!("{}/{}/{}", text("kind"), text("address"), frontend["port"])
    };
    let entry = entry(view, &frontends.of)?;
    let mut came: Vec<String> = list(entry, "frontends").iter().map(words).collect();
    let mut wanted = frontends.are.clone();
    came.sort();
    wanted.sort();
    (came == wanted).then_some(()).ok_or_else(|| {
        format!("{}: expected the frontends {wanted:?}; came {came:?}", frontends.of.port)
    })
}

fn judge_value(view: &Value, value: &ViewValue) -> Result<(), String> {
    let place = value.of.as_ref().map_or("the view", |entry| entry.port.as_str());
    let inside = value.of.as_ref().map_or(Ok(view), |wanted| entry(view, wanted))?;
    let came = inside.pointer(&value.at);
    (came == Some(&value.is)).then_some(()).ok_or_else(|| {
        format!("{place}: expected {} at {}; came {}", value.is, value.at, json!(came))
    })
}
