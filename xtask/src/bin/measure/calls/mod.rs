//! The calls that reach HNS: when a node starts, when its agent starts again, when HNS loses everything, and for one change.
//!
//! * `objects`: the cluster;
//! * `world`: a node on an emulated HNS;
//! * `change`: changes of one Service, one after the other;
//! * `first`: how soon the API server and the DNS can be reached.

mod change;
mod first;
mod objects;
mod world;

use anyhow::{Result, bail};
use serde_json::json;
use switchyard_hcn::{Network, Version};
use switchyard_model::{Name, Settings, ViewSet};
use switchyard_nodeview::Stream;

use self::world::{Count, World};
use crate::{cluster, heap, paper};

pub(crate) use self::world::{Kind, network, network_id, settings};

/// `calls SCENARIO NETWORK VERSION SERVICES`: what the scenario came to, as JSON.
pub(super) fn run(scenario: &str, network: &str, version: &str, services: &str) -> Result<()> {
    let overlay = match network {
        "l2bridge" => false,
        "overlay" => true,
        other => bail!("{other:?} is neither l2bridge nor overlay"),
    };
    let kind = Kind { overlay, version: version.parse()? };
    let services = services.parse()?;
    let answer = match scenario {
        "start" => json!(start(kind, services)?),
        "change" => json!(change::run(kind, services)?),
        "first" => json!(first::run(kind, services)?),
        other => bail!("{other:?} is none of start, change and first"),
    };
    println!("{answer}");
    Ok(())
}

/// How many endpoints so many Services have.
fn endpoints(services: usize) -> usize {
    services * 5 / 2
}

/// A node with an empty HNS, then with another agent, then with an HNS that lost everything.
fn start(kind: Kind, services: usize) -> Result<Vec<(&'static str, Count)>> {
    let mut world = World::new(kind, objects::services(services, endpoints(services)));
    let cold = world.settle()?;
    let objects = world.objects();
    world.restart();
    let restart = world.settle()?;
    world.lose_everything();
    let loss = world.settle()?;
    if world.objects() != objects {
        bail!("{objects} objects before the loss, {} after it", world.objects());
    }
    Ok(vec![("cold", cold), ("restart", restart), ("loss", loss)])
}

/// The bytes that a reconciler at rest holds besides the views: what is wanted, and what is known of HNS.
pub(super) fn held(services: usize, endpoints: usize) -> Result<i64> {
    let kind = Kind { overlay: false, version: Version::new(15, 5) };
    let mut stream = Stream::new(Name::from(cluster::node_name(0)), Settings::default());
    stream.apply(objects::nodes().chain(objects::services(services, endpoints)));
    let before = heap::live();
    let views: ViewSet = stream.snapshot().into_iter().collect();
    let of_views = heap::live() - before;
    drop(views);
    let network = Network { id: Some(network_id()), ..network(kind) };
    let before = heap::live();
    let reconciler = paper::settled(settings(kind), &network, kind.version, stream.snapshot())?;
    let bytes = heap::live() - before - of_views;
    drop(reconciler);
    Ok(bytes)
}
