//! The smallest case that still differs, found by leaving things out.

use serde_json::Value;

use super::report::{Case, Difference};
use super::walk::differs;
use crate::oracle::Oracle;
use crate::random::apply;
use crate::subject::{Setup, Subject};

/// Leaves out batches, changes, documents, configuration and endpoints as long as the difference stays. None when the
/// case does not differ a second time, or is about a failure.
pub(super) fn smallest(subject: &mut dyn Subject, difference: &Difference) -> Option<Case> {
    let mut case = difference.case.clone();
    if !still_differs(subject, difference, &case) {
        return None;
    }
    let at_once = Case { start: end_of(&case), batches: Vec::new() };
    if still_differs(subject, difference, &at_once) {
        case = at_once;
    }
    while_it_helps(
        subject,
        difference,
        &mut case,
        |case| case.batches.len(),
        |case, index| {
            case.batches.remove(index);
        },
    );
    for batch in 0..case.batches.len() {
        while_it_helps(
            subject,
            difference,
            &mut case,
            |case| case.batches[batch].len(),
            |case, index| {
                case.batches[batch].remove(index);
            },
        );
    }
    while_it_helps(
        subject,
        difference,
        &mut case,
        |case| case.start.documents.len(),
        |case, index| {
            case.start.documents.remove(index);
        },
    );
    while_it_helps(
        subject,
        difference,
        &mut case,
        |case| case.start.configuration.len(),
        |case, index| {
            case.start.configuration.remove(index);
        },
    );
    reduce_windows(subject, difference, &mut case);
    for document in 0..case.start.documents.len() {
        for path in ["/endpoints", "/spec/ports", "/spec/externalIPs", "/status/addresses"] {
            while_it_helps(
                subject,
                difference,
                &mut case,
                |case| {
                    let found = case.start.documents[document].pointer(path);
                    found.and_then(Value::as_array).map_or(0, Vec::len)
                },
                |case, index| {
                    let found = case.start.documents[document].pointer_mut(path);
                    if let Some(list) = found.and_then(Value::as_array_mut) {
                        list.remove(index);
                    }
                },
            );
        }
    }
    Some(case)
}

/// Leaves out keys of the network, and the network where none is left.
fn reduce_windows(subject: &mut dyn Subject, difference: &Difference, case: &mut Case) {
    let keys = |case: &Case| {
        let network = case.start.windows.as_ref().and_then(Value::as_object);
        network.map_or(0, serde_json::Map::len)
    };
    while_it_helps(subject, difference, case, keys, |case, index| {
        let network = case.start.windows.as_mut().and_then(Value::as_object_mut);
        if let Some(network) = network
            && let Some(key) = network.keys().nth(index).cloned()
        {
            network.remove(&key);
        }
    });
    if keys(case) == 0 {
        case.start.windows = None;
    }
}

/// Tries to leave out each of `count` things, the last first.
fn while_it_helps(
    subject: &mut dyn Subject,
    difference: &Difference,
    case: &mut Case,
    count: impl Fn(&Case) -> usize,
    leave_out: impl Fn(&mut Case, usize),
) {
    for index in (0..count(case)).rev() {
        let mut smaller = case.clone();
        leave_out(&mut smaller, index);
        if still_differs(subject, difference, &smaller) {
            *case = smaller;
        }
    }
}

fn end_of(case: &Case) -> Setup {
    let mut end = case.start.clone();
    for change in case.batches.iter().flatten() {
        apply(&mut end.documents, change);
    }
    end
}

fn still_differs(subject: &mut dyn Subject, difference: &Difference, case: &Case) -> bool {
    if subject.start(&case.start).is_err() {
        return false;
    }
    let mut changed = 0;
    for batch in &case.batches {
        match subject.change(batch) {
            Ok(count) => changed = count,
            Err(_) => return false,
        }
    }
    let end = end_of(case);
    match difference.kind.as_str() {
        "trace" => {
            let Ok(oracle) = Oracle::new(&end) else { return false };
            let expected = oracle.trace(&difference.from, &difference.to);
            let got = subject.trace(&difference.from, &difference.to);
            // A case that only fails, because the client is gone, is another one.
            expected.is_ok() && got.is_ok() && differs(&expected, &got)
                || is_failure(&difference.got) && expected.is_ok() && got.is_err()
        }
        "view" => {
            let walked = subject.view();
            let fresh = subject.start(&end).and_then(|()| subject.view());
            walked.is_ok() && fresh.is_ok() && walked != fresh
        }
        "idle" => changed > 0 && repeats_itself(case),
        _ => false,
    }
}

/// Whether the last batch sends an object that is there already.
fn repeats_itself(case: &Case) -> bool {
    let Some((last, earlier)) = case.batches.split_last() else { return false };
    let before = end_of(&Case { start: case.start.clone(), batches: earlier.to_vec() });
    let mut after = before.documents.clone();
    last.iter().for_each(|change| apply(&mut after, change));
    after == before.documents
}

fn is_failure(answer: &Value) -> bool {
    answer.get("error").is_some()
}
