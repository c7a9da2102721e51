//! A random cluster with a history, and what its node sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use switchyard::arguments::WindowsArguments;
use switchyard::network::{Hns, NetworkFile};
use switchyard_conformance::Setup;
use switchyard_conformance::random::Generator;
use switchyard_model::{Name, ViewEvent};
use switchyard_nodeview::Stream;
use switchyard_source::Configuration;

use super::super::documents::read;
use super::super::entrances::{self, Entrance};

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
        entrances::pods(&self.stream, &self.hns.network)
    }

    /// The entrances that are served now.
    pub(super) fn entrances(&self) -> BTreeSet<Entrance> {
        entrances::wanted(&self.stream)
    }

    fn remember(&mut self) {
        for view in self.stream.view().views() {
            for frontend in &view.frontends {
                let entrance = Entrance {
                    family: view.key.family,
                    vip: frontend.address,
                    port: frontend.port.get(),
                    protocol: view.key.protocol,
                };
                let ever = self.ever.entry(entrance).or_default();
                ever.extend(view.cluster.iter().chain(&*view.local).map(|own| own.address));
            }
        }
    }
}
