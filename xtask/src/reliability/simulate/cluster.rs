//! A random cluster with a history, and what its node sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use switchyard::arguments::WindowsArguments;
use switchyard::network::{Hns, NetworkFile};
use switchyard_conformance::Setup;
use switchyard_conformance::random::Generator;
use switchyard_model::{Name, Protocol, ViewEvent};
use switchyard_nodeview::Stream;
use switchyard_source::Configuration;

use super::super::documents::read;

/// What a load balancer stands for: its address, if it has one, its port and protocol.
pub(crate) type Entrance = (Option<IpAddr>, u16, Protocol);

/// A random cluster, and its node's views.
pub(super) struct RandomCluster {
    generator: Generator,
    setup: Setup,
    pub(super) stream: Stream,
    pub(super) hns: Hns,
    /// Every backend that each entrance ever had.
    pub(super) ever: BTreeMap<Entrance, BTreeSet<IpAddr>>,
}

impl RandomCluster {
    /// The cluster with this seed.
    pub(super) fn new(seed: u64) -> Result<Self, String> {
        let mut generator = Generator::new(seed);
        let setup = generator.setup();
        let configuration: Vec<String> = setup.configuration.iter().map(Value::to_string).collect();
        let configuration =
            Configuration::parse("configuration", configuration.join("\n---\n").as_bytes())
                .map_err(|trouble| trouble.to_string())?;
        let mut stream = Stream::new(Name::from(setup.node.as_str()), configuration.settings);
        stream.apply(read(setup.documents.iter().cloned()));
        let file = setup.windows.as_ref().map(|network| NetworkFile::parse(&network.to_string()));
        let file = file.transpose()?.unwrap_or_default();
        let arguments = WindowsArguments::default();
        let hns = Hns::described(file, &arguments, &configuration.windows, &stream)
            .map_err(|failure| failure.to_string())?;
        let mut cluster = Self { generator, setup, stream, hns, ever: BTreeMap::new() };
        cluster.remember();
        Ok(cluster)
    }

    /// One random batch of changes; what changes in the views.
    pub(super) fn change(&mut self) -> Vec<ViewEvent> {
        self.generator.change(&mut self.setup);
        let wanted = read(self.setup.documents.iter().cloned());
        let events = self.stream.cluster().events_towards(wanted);
        let changes = self.stream.apply(events);
        self.remember();
        changes
    }

    /// The pods of this node, by what the cluster says.
    pub(super) fn pods(&self) -> BTreeSet<IpAddr> {
        let node = self.stream.view().node();
        let own = &self.hns.network.management_addresses;
        let endpoints = self.stream.cluster().slices().flat_map(|slice| slice.endpoints.iter());
        endpoints
            .filter(|endpoint| endpoint.node.as_ref() == Some(&node.name))
            .filter_map(|endpoint| endpoint.address)
            .filter(|address| !own.contains(address) && !node.has_address(*address))
            .collect()
    }

    /// The entrances that are served now.
    pub(super) fn entrances(&self) -> BTreeSet<Entrance> {
        let views = self.stream.view().views();
        let entrances = views.flat_map(|view| {
            let protocol = view.key.protocol;
            view.frontends.iter().map(move |own| (own.address, own.port.get(), protocol))
        });
        entrances.collect()
    }

    fn remember(&mut self) {
        for view in self.stream.view().views() {
            for frontend in &view.frontends {
                let entrance = (frontend.address, frontend.port.get(), view.key.protocol);
                let ever = self.ever.entry(entrance).or_default();
                ever.extend(view.cluster.iter().chain(&*view.local).map(|own| own.address));
            }
        }
    }
}
