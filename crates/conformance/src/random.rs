//! Random clusters, packets and histories, the same for the same seed.
//!
//! The clusters are small and crowded: addresses, node ports and pods come from small pools, so that services collide,
//! slices overlap and most packets meet a rule. Every kind of malformed field turns up now and then.
//!
//! * `dice`: the source of randomness.
//! * `nodes`: Nodes, Pods and the address plan.
//! * `services`, `slices`, `configuration`: the other documents.
//! * `windows`: the HNS network of a Windows node.
//! * `packets`: questions about a setup.
//! * `history`: changes of a setup.

mod configuration;
mod dice;
mod history;
mod nodes;
mod packets;
mod services;
mod slices;
#[cfg(test)]
mod tests;
mod windows;

use serde_json::Value;

use self::nodes::Plan;
use crate::subject::{Change, Setup};

pub use self::dice::Dice;
pub use self::history::apply;

/// The namespaces in use. Documents of `default` often do not name it.
const NAMESPACES: [&str; 3] = ["shop", "default", "infra"];

/// A stream of random clusters, and of packets and changes for them.
#[derive(Debug, Clone)]
pub struct Generator {
    dice: Dice,
}

impl Generator {
    /// A generator whose whole output follows from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { dice: Dice::new(seed) }
    }

    /// A random cluster, seen from one of its nodes. No two documents share kind, namespace and name.
    pub fn setup(&mut self) -> Setup {
        let dice = &mut self.dice;
        let plan = Plan::random(dice);
        let mut documents = plan.nodes(dice);
        let service_count = dice.between(1, 12);
        for number in 0..service_count {
            let service = services::random(dice, &plan, number);
            slices::for_service(dice, &plan, &service, &mut documents);
            documents.push(service);
        }
        plan.pods(dice, &mut documents);
        dice.shuffle(&mut documents);
        let configuration = configuration::random(dice, plan.has_v6);
        let mut setup =
            Setup { node: plan.own_name(), documents, configuration, ..Setup::default() };
        setup.windows = Some(windows::random(&mut dice.aside(), &plan, &setup));
        windows::crowd(&mut setup);
        setup
    }

    /// Random questions about `setup`, as (from, to): mostly to frontends that exist, from every class of source.
    pub fn packets(&mut self, setup: &Setup, count: usize) -> Vec<(String, String)> {
        packets::random(&mut self.dice, setup, count)
    }

    /// A random batch of changes, which is applied to `setup` as well. The node under test always stays.
    pub fn change(&mut self, setup: &mut Setup) -> Vec<Change> {
        history::random(&mut self.dice, setup)
    }

    /// One of the documents of `setup`; none when it has none.
    pub fn document<'a>(&mut self, setup: &'a Setup) -> Option<&'a Value> {
        let index = self.dice.below(setup.documents.len().max(1));
        setup.documents.get(index)
    }
}
