//! How one frontend answers one packet: what a view means, apart from how its frontend was found.

use std::net::IpAddr;

use crate::{
    Backend, Client, Deciders, Family, Frontend, NodeFacts, Origin, Outcome, Packet, Protocol,
    Reached, ServicePortView, Serving, SourceRule, SourceSeen, Verdict, WhenEmpty,
};

impl ServicePortView {
    /// Where a packet goes that reached `frontend`, one of this view's.
    #[must_use]
    pub fn verdict(&self, frontend: &Frontend, node: &NodeFacts, packet: &Packet) -> Verdict {
        let client = &packet.client;
        let decided_by = self.deciders(frontend);
        if packet.destination.address().is_loopback() {
            // A loopback address is the node's alone (CVE-2020-8558), and only TCP can be served there (KEP-6032).
            if client.origin != Origin::Node {
                return Verdict::pass();
            }
            if self.key.protocol != Protocol::Tcp {
                return Verdict::without_backends(Outcome::Reject, decided_by);
            }
        }
        if !frontend.admits(client, node) {
            return Verdict::without_backends(Outcome::Drop, decided_by);
        }
        let serving = frontend.serving(client);
        let backends = self.backends(serving.set);
        if backends.is_empty() {
            return match serving.when_empty {
                WhenEmpty::Reject => Verdict::without_backends(Outcome::Reject, decided_by),
                WhenEmpty::Drop => Verdict::without_backends(Outcome::Drop, decided_by),
                WhenEmpty::Pass => Verdict::pass(),
            };
        }
        Verdict {
            outcome: Outcome::Forward,
            backends: backends.iter().map(Reached::from).collect(),
            source: Some(SourceSeen::of(
                serving.source,
                client,
                backends.iter().map(|backend| backend.address),
            )),
            sticky: self.affinity_timeout.is_some(),
            decided_by,
        }
    }

    /// The service port and `frontend`, as what decided something.
    #[must_use]
    pub fn deciders(&self, frontend: &Frontend) -> Deciders {
        let mut decided_by = Deciders::default();
        decided_by.service(&self.key.service.namespace, &self.key.service.name, &self.key.port);
        let (address, port) = (frontend.address, frontend.port.get());
        decided_by.frontend(frontend.kind, address, port, self.key.protocol);
        decided_by
    }
}

impl Frontend {
    /// How `client`'s class is served.
    #[must_use]
    pub fn serving(&self, client: &Client) -> &Serving {
        if client.internal { &self.internal } else { &self.external }
    }

    /// Whether the source ranges let `client` in. The node is judged by its primary address.
    #[must_use]
    pub fn admits(&self, client: &Client, node: &NodeFacts) -> bool {
        let Some(ranges) = &self.source_ranges else { return true };
        let address = match client.origin {
            Origin::Node => node.primary(Family::of(client.address)),
            Origin::LocalPod | Origin::RemotePod | Origin::Outside => Some(client.address),
        };
        address.is_some_and(|address| ranges.iter().any(|range| range.contains(&address)))
    }
}

impl SourceSeen {
    /// What the backends at `addresses` see of `client`. The node itself is always rewritten, and so is a client that is its
    /// own backend, wherever it is: it would not take an answer from itself.
    #[must_use]
    pub fn of(
        rule: SourceRule,
        client: &Client,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        if rule == SourceRule::Rewrite || client.origin == Origin::Node {
            return Self::Rewrite;
        }
        let (mut own, mut others) = (false, false);
        for address in addresses {
            let is_own = address == client.address;
            own |= is_own;
            others |= !is_own;
        }
        match (own, others) {
            (true, true) => Self::Mixed,
            (true, false) => Self::Rewrite,
            (false, _) => Self::Keep,
        }
    }
}

impl From<&Backend> for Reached {
    fn from(backend: &Backend) -> Self {
        Self { address: backend.address, port: backend.port.get(), local: backend.local }
    }
}
