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

/// The networks of many clusters, as lines of type, version and so on.
fn networks() -> Vec<(Setup, Value)> {
    let network = |seed: u64| {
        let mut setup = Generator::new(seed).setup();
        let network = setup.windows.take().unwrap();
        (setup, network)
    };
    (0..1_000).map(network).collect()
}

#[test]
fn networks_are_of_every_type_and_version() {
    let networks = networks();
    let share = |wanted: &dyn Fn(&Value) -> bool| {
        networks.iter().filter(|(_, network)| wanted(network)).count() / 10
    };
    let about = |wanted: usize, got: usize| assert!(got.abs_diff(wanted) <= 5, "{wanted}: {got}");
    about(15, share(&|network| network["type"] == "overlay"));
    about(70, share(&|network| network["dsr"] == true));
    about(50, share(&|network| network["hnsVersion"] == "15.5"));
    about(25, share(&|network| network["podSubnets"].is_null()));
    for version in ["9.2", "9.3", "10.1", "10.4", "11.10", "12.0", "13.2", "15.4", "16.0"] {
        let is_there = networks.iter().any(|(_, network)| network["hnsVersion"] == version);
        assert!(is_there, "{version}");
    }
}

#[test]
fn overlays_have_a_source_vip_that_no_pod_has() {
    for (setup, network) in networks() {
        let is_overlay = network["type"] == "overlay";
        assert_eq!(network["sourceVip"].is_string(), is_overlay, "{network}");
        assert_eq!(network["remoteSubnets"].is_array(), is_overlay, "{network}");
        if is_overlay {
            let quoted = network["sourceVip"].to_string();
            let taken = setup.documents.iter().any(|object| object.to_string().contains(&quoted));
            assert!(!taken, "{quoted}");
        }
    }
}

#[test]
fn the_annotations_for_windows_turn_up() {
    let texts: String =
        networks().iter().map(|(setup, _)| format!("{:?}", setup.documents)).collect();
    for annotation in ["preserve-destination", "winProxyOptimization"] {
        assert!(texts.matches(annotation).count() > 300, "{annotation}");
    }
}

#[test]
fn what_is_decided_aside_changes_nothing_else() {
    let mut dice = Dice::new(7);
    let aside: Vec<usize> = (0..5).map(|_| dice.aside().below(100)).collect();
    assert_eq!(dice.below(1_000), Dice::new(7).below(1_000));
    assert!(aside.iter().all(|number| *number == aside[0]));
}
