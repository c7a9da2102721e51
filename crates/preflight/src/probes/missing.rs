//! What HNS says of objects that do not exist.

use switchyard_hcn::Error;

use crate::answer::{Answer, Failure, Outcome, Unanswered, said, word_of};
use crate::bench::Bench;
use crate::kind::Kind;
use crate::probe::{Needs, Probe};
use crate::scratch;

pub(super) const READING: &[Probe] = &[
    Probe {
        id: "open-missing-load-balancer",
        question: "How does HNS say that there is no such load balancer, when it is opened?",
        needs: Needs::Nothing,
        ask: |bench| open(bench, Kind::LoadBalancer),
    },
    Probe {
        id: "open-missing-endpoint",
        question: "How does HNS say that there is no such endpoint, when it is opened?",
        needs: Needs::Nothing,
        ask: |bench| open(bench, Kind::Endpoint),
    },
    Probe {
        id: "open-missing-network",
        question: "How does HNS say that there is no such network, when it is opened?",
        needs: Needs::Nothing,
        ask: |bench| open(bench, Kind::Network),
    },
    Probe {
        id: "open-missing-namespace",
        question: "How does HNS say that there is no such namespace, when it is opened?",
        needs: Needs::Nothing,
        ask: |bench| open(bench, Kind::Namespace),
    },
];

pub(super) const FULL: &[Probe] = &[
    Probe {
        id: "delete-missing-load-balancer",
        question: "How does HNS say that there is no such load balancer, when it is deleted?",
        needs: Needs::Full,
        ask: |bench| delete(bench, Kind::LoadBalancer),
    },
    Probe {
        id: "delete-missing-endpoint",
        question: "How does HNS say that there is no such endpoint, when it is deleted?",
        needs: Needs::Full,
        ask: |bench| delete(bench, Kind::Endpoint),
    },
    Probe {
        id: "delete-missing-network",
        question: "How does HNS say that there is no such network, when it is deleted?",
        needs: Needs::Full,
        ask: |bench| delete(bench, Kind::Network),
    },
    Probe {
        id: "delete-missing-namespace",
        question: "How does HNS say that there is no such namespace, when it is deleted?",
        needs: Needs::Full,
        ask: |bench| delete(bench, Kind::Namespace),
    },
    Probe {
        id: "delete-twice",
        question: "What does HNS say to a second delete of a load balancer that was there?",
        needs: Needs::Full,
        ask: delete_twice,
    },
];

fn open(bench: &Bench<'_>, kind: Kind) -> Outcome {
    of(bench.open(kind, scratch::missing_id(kind)))
}

fn delete(bench: &Bench<'_>, kind: Kind) -> Outcome {
    of(bench.delete(kind, scratch::missing_id(kind)))
}

fn of(result: Result<(), Failure>) -> Outcome {
    Ok(answer(&said(result)?))
}

fn answer(result: &Result<(), Error>) -> Answer {
    match result {
        Ok(()) => Answer::new("success"),
        Err(error) => Answer::new(word_of(error)).with(error.to_string()),
    }
}

fn delete_twice(bench: &Bench<'_>) -> Outcome {
    let endpoints = bench.endpoints::<1>()?;
    let id = bench.load_balancer(&bench.load_balancer_document(&endpoints))?;
    bench.delete(Kind::LoadBalancer, id)?;
    if bench.list(Kind::LoadBalancer)?.contains(&id) {
        return Err(Unanswered::because(
            "HNS said that it deleted the load balancer, and lists it",
        ));
    }
    of(bench.delete(Kind::LoadBalancer, id))
}
