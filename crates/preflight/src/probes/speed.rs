//! How long calls take. These are measurements of one run on one node.

use std::thread;
use std::time::Duration;

use serde_json::Value;
use switchyard_hcn::{Error, Guid, Hcn, Query, v1};

use crate::answer::{Answer, Failure, Outcome, Unanswered};
use crate::bench::Bench;
use crate::call::{Times, milliseconds};
use crate::journal::Entry;
use crate::kind::Kind;
use crate::probe::{Needs, Probe};

/// How often the network is read.
const READS: usize = 50;

/// How many load balancers are made one by one, and as many again at once.
const CREATES: usize = 24;

/// By how many threads.
const THREADS: usize = 4;

pub(super) const READING: &[Probe] = &[
    Probe {
        id: "read-latency",
        question: "How long does it take to open, query and close an object?",
        needs: Needs::Nothing,
        ask: read_latency,
    },
    Probe {
        id: "bulk-reading",
        question: "Does one GET /policylists/ tell what reading one by one tells, and how much faster?",
        needs: Needs::Nothing,
        ask: bulk_reading,
    },
];

pub(super) const FULL: &[Probe] = &[Probe {
    id: "parallel-creates",
    question: "Are load balancers right that are made by four threads at once, and is that faster?",
    needs: Needs::Full,
    ask: parallel_creates,
}];

fn read_latency(bench: &Bench<'_>) -> Outcome {
    bench.is_counted_only.set(true);
    let (id, _) = bench.network()?;
    let mut times = Vec::new();
    for _ in 0..READS {
        let begin = bench.surroundings.now();
        bench.read(Kind::Network, id)?;
        times.push(bench.surroundings.now().saturating_sub(begin));
    }
    let times = Times::of(times.into_iter());
    let word = format!(
        "p50 {:.2} ms, p99 {:.2} ms",
        milliseconds(times.at(50)),
        milliseconds(times.at(99))
    );
    Ok(Answer::new(word).with(format!("{READS} times, the network")))
}

fn bulk_reading(bench: &Bench<'_>) -> Outcome {
    bench.is_counted_only.set(true);
    let begin = bench.surroundings.now();
    let request = v1::Request::List(v1::Collection::PolicyLists);
    let bulk = bench.client().hns_call(&request).map_err(of_client)?;
    let middle = bench.surroundings.now();
    let single = bench.client().load_balancers().map_err(of_client)?;
    let end = bench.surroundings.now();
    let bulk = bulk.as_array().cloned().unwrap_or_default();
    let id = |document: &Value| {
        document.get("ID").and_then(Value::as_str).and_then(|text| text.parse::<Guid>().ok())
    };
    let mut in_bulk: Vec<Guid> = bulk.iter().filter_map(id).collect();
    in_bulk.sort_unstable();
    let one_by_one: Vec<Guid> = single.objects.iter().filter_map(|one| one.id).collect();
    let word = match (one_by_one.is_empty() && in_bulk.is_empty(), in_bulk == one_by_one) {
        (true, _) => "the same: nothing",
        (false, true) => "the same",
        (false, false) if one_by_one.iter().all(|id| in_bulk.contains(id)) => "more in one call",
        (false, false) => "others",
    };
    let took = |time: Duration| format!("{:.2} ms", milliseconds(time));
    let answer = Answer::new(word)
        .with(format!("in one call: {} in {}", bulk.len(), took(middle.saturating_sub(begin))))
        .with(format!("one by one: {} in {}", one_by_one.len(), took(end.saturating_sub(middle))));
    Ok(answer)
}

fn of_client(error: switchyard_hcn::ClientError) -> Unanswered {
    match error {
        switchyard_hcn::ClientError::Refused { source, .. } => source.into(),
        unreadable @ switchyard_hcn::ClientError::Unreadable { .. } => {
            Unanswered::because(unreadable.to_string())
        }
    }
}

fn parallel_creates(bench: &Bench<'_>) -> Outcome {
    let endpoints = bench.endpoints::<2>()?;
    let begin = bench.surroundings.now();
    make_all(bench, &prepare(bench, &endpoints)?, 1)?;
    let middle = bench.surroundings.now();
    bench.tidy();
    let endpoints = bench.endpoints::<2>()?;
    let prepared = prepare(bench, &endpoints)?;
    let start = bench.surroundings.now();
    let ids = make_all(bench, &prepared, THREADS)?;
    let end = bench.surroundings.now();
    let listed = bench.list(Kind::LoadBalancer)?;
    let mut right = 0;
    for (id, prepared) in ids.iter().zip(&prepared).filter(|(id, _)| listed.contains(id)) {
        let shown = bench.read(Kind::LoadBalancer, *id)?;
        right += usize::from(shown["PortMappings"] == prepared.1["PortMappings"]);
    }
    let word = if right == CREATES {
        "all right".to_owned()
    } else {
        format!("{right} of {CREATES} right")
    };
    let took = |time: Duration| format!("{CREATES} in {:.2} ms", milliseconds(time));
    Ok(Answer::new(word)
        .with(format!("one by one: {}", took(middle.saturating_sub(begin))))
        .with(format!("by {THREADS} threads: {}", took(end.saturating_sub(start)))))
}

/// Ids and documents of load balancers, which are written down.
fn prepare(bench: &Bench<'_>, endpoints: &[Guid]) -> Result<Vec<(Guid, Value)>, Failure> {
    let mut prepared = Vec::new();
    for _ in 0..CREATES {
        let id = bench.id(Kind::LoadBalancer);
        bench.note(Entry::Making { kind: Kind::LoadBalancer, id })?;
        prepared.push((id, bench.load_balancer_document(endpoints)));
    }
    Ok(prepared)
}

/// Makes them by so many threads; the ids that they got, in the same order.
fn make_all(
    bench: &Bench<'_>,
    prepared: &[(Guid, Value)],
    threads: usize,
) -> Result<Vec<Guid>, Failure> {
    let hcn: &(dyn Hcn + Sync) = bench.recorder;
    let make = |(asked, document): &(Guid, Value)| -> Result<String, Error> {
        let handle = hcn.create_load_balancer(*asked, &document.to_string())?;
        let text = hcn.query_load_balancer_properties(handle, &Query::all().to_json());
        let _ = hcn.close_load_balancer(handle);
        text
    };
    let share = prepared.len().div_ceil(threads);
    let made: Vec<Option<Vec<Result<String, Error>>>> = thread::scope(|scope| {
        let work = |part: &'_ [(Guid, Value)]| part.iter().map(make).collect::<Vec<_>>();
        let parts: Vec<_> =
            prepared.chunks(share).map(|part| scope.spawn(move || work(part))).collect();
        parts.into_iter().map(|part| part.join().ok()).collect()
    });
    let mut ids = Vec::new();
    let mut failed = None;
    for (result, (asked, _)) in made.into_iter().flatten().flatten().zip(prepared) {
        let id = result
            .map_err(Failure::from)
            .and_then(|text| crate::bench::id_of(&crate::bench::parse(&text)?));
        match id {
            Ok(id) => {
                bench.remember(Kind::LoadBalancer, id);
                if id != *asked {
                    bench.note(Entry::Made { kind: Kind::LoadBalancer, id })?;
                }
                ids.push(id);
            }
            Err(failure) => failed = Some(failure),
        }
    }
    failed.map_or(Ok(ids), Err)
}
