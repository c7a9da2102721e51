//! Several calls under way at once.

use switchyard_hcn_emulator::Knobs;
use switchyard_winkernel::{Ledger, Performer, Reconciler};

use crate::{Node, service};

/// Numbers that follow from the first.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Some of eight Services, with some of six backends each.
fn random_shop(numbers: &mut Numbers) -> String {
    let mut text = String::new();
    for index in 1..=8 {
        if numbers.below(4) == 0 {
            continue;
        }
        let chosen: Vec<String> = (1..=6)
            .filter(|_| numbers.below(2) == 0)
            .map(|last| format!("10.1.2.{last}"))
            .collect();
        let backends: Vec<&str> = chosen.iter().map(String::as_str).collect();
        text += &service(&format!("s{index}"), &format!("172.20.0.{index}"), &backends);
    }
    text
}

#[test]
fn several_calls_at_once_end_where_one_after_the_other_does() {
    for seed in 60..100 {
        let mut numbers = Numbers(seed);
        let mut node = Node::new(Knobs::default());
        node.settings.writers = 4;
        node.reconciler = Reconciler::new(node.settings.clone(), Ledger::default());
        let mut manifests = random_shop(&mut numbers);
        node.see(&manifests);
        let mut unanswered = Vec::new();
        for _ in 0..300 {
            if numbers.below(20) == 0 {
                manifests = random_shop(&mut numbers);
                node.see(&manifests);
            }
            let now = node.emulator.now();
            if numbers.below(2) == 0 && !unanswered.is_empty() {
                let index = numbers.below(unanswered.len());
                let (id, result) = unanswered.swap_remove(index);
                node.reconciler.call_done(id, result, now);
            } else if let Some((id, call)) = node.reconciler.next(now) {
                let result = Performer::new(&node.emulator).perform(&call, &mut node.ledger);
                unanswered.push((id, result));
            }
            assert!(unanswered.len() <= 4, "seed {seed}");
        }
        let now = node.emulator.now();
        for (id, result) in unanswered {
            node.reconciler.call_done(id, result, now);
        }
        node.seconds(5);
        let mut alone = Node::new(Knobs::default());
        alone.see(&manifests);
        alone.seconds(1);
        assert_eq!(node.programmed(), alone.programmed(), "seed {seed}");
        let counts = |node: &Node| node.emulator.state().endpoints().count();
        assert_eq!(counts(&node), counts(&alone), "seed {seed}");
        let standing = node.standing();
        assert_eq!(standing.counters.failures, 0, "seed {seed}: {standing:?}");
    }
}
