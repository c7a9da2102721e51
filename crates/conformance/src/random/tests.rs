//! The generator keeps its promises.

use std::collections::BTreeSet;

use super::history::{find, namespace_of};
use super::*;
use crate::oracle::Oracle;

#[test]
fn the_same_seed_gives_the_same_cluster_packets_and_changes() {
    let run = |seed: u64| {
        let mut generator = Generator::new(seed);
        let mut setup = generator.setup();
        let packets = generator.packets(&setup, 20);
        let batch = generator.change(&mut setup);
        (setup, packets, batch)
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn names_are_unique_and_the_node_stays_through_every_history() {
    for seed in 0..200 {
        let mut generator = Generator::new(seed);
        let mut setup = generator.setup();
        let mut replayed = setup.documents.clone();
        for _ in 0..10 {
            let batch = generator.change(&mut setup);
            batch.iter().for_each(|change| apply(&mut replayed, change));
            let mut names = BTreeSet::new();
            for object in &setup.documents {
                let key = (
                    object["kind"].to_string(),
                    namespace_of(object).to_owned(),
                    object["metadata"]["name"].to_string(),
                );
                assert!(names.insert(key), "seed {seed}: {object}");
            }
            assert!(find(&setup.documents, "Node", "", &setup.node).is_some(), "seed {seed}");
        }
        assert_eq!(replayed, setup.documents, "seed {seed}");
    }
}

#[test]
fn every_packet_can_be_answered() {
    for seed in 0..200 {
        let mut generator = Generator::new(seed);
        let setup = generator.setup();
        let oracle = Oracle::new(&setup).unwrap();
        for (from, to) in generator.packets(&setup, 100) {
            let answer = oracle.trace(&from, &to);
            assert!(answer.is_ok(), "seed {seed}: {from} -> {to}: {answer:?}");
        }
    }
}
