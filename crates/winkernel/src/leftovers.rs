//! What a proxy left in HNS, for whoever takes it off a node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use switchyard_hcn::{Client, ClientError, Guid, Hcn};

use crate::key::EndpointKey;
use crate::ledger::{Kind, Ledger};
use crate::observed::Observed;

/// Whose objects are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftBy {
    /// Ours: by id, by `Owner`, or by the ledger.
    Switchyard,
    /// Those that look like kube-proxy's, which marks nothing. Another program's that look exactly so are among them.
    KubeProxy,
}

/// An object that was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: Guid,
    /// `NETWORK/ADDRESS` of an endpoint; the frontends of a load balancer, with spaces between.
    pub key: String,
}

/// What a proxy left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// What can be removed, in an order in which HNS takes it: load balancers first, for they hold endpoints.
    pub removable: Vec<Leftover>,
    /// Endpoints that a load balancer of another owner names. They stay as long as it does.
    pub in_use: Vec<Leftover>,
    /// Objects that exist and cannot be read, by kind. Whose they are is not known, so they stay.
    pub unreadable: Vec<(Kind, Guid)>,
}

/// Looks for what `owner` left on all networks.
///
/// # Errors
/// When HNS cannot be read in full: half a picture would take endpoints for unused.
pub fn leftovers(hcn: &dyn Hcn, owner: LeftBy, ledger: &Ledger) -> Result<Leftovers, ClientError> {
    let client = Client::new(hcn);
    let mut found = Leftovers::default();
    let balancers = client.load_balancers_in_detail()?;
    let unreadable = balancers.unreadable.iter().map(|object| (Kind::LoadBalancer, object.id));
    found.unreadable.extend(unreadable);
    let mut observed = Observed::default();
    // What is ours by the ledger depends on which objects there are.
    let ids = balancers.objects.iter().filter_map(|one| one.id).collect();
    observed.put_listing(Kind::LoadBalancer, ids);
    balancers.objects.iter().for_each(|one| observed.put_load_balancer(one, ledger));
    let is_left = |own: bool, like_kube_proxy: bool| match owner {
        LeftBy::Switchyard => own,
        LeftBy::KubeProxy => like_kube_proxy,
    };
    let mut kept_endpoints: BTreeSet<Guid> = BTreeSet::new();
    let mut vips: BTreeSet<IpAddr> = BTreeSet::new();
    for (id, one) in observed.load_balancers() {
        if is_left(one.own, one.like_kube_proxy) {
            let key = one.holds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            vips.extend(&one.vips);
            found.removable.push(Leftover { kind: Kind::LoadBalancer, id, key });
        } else {
            kept_endpoints.extend(&one.endpoints);
        }
    }
    let mut endpoints: BTreeMap<Guid, (String, bool)> = BTreeMap::new();
    for network in client.networks()?.objects {
        let Some(network) = network.id else { continue };
        let listing = client.endpoints_of(network)?;
        found.unreadable.extend(listing.unreadable.iter().map(|one| (Kind::Endpoint, one.id)));
        let mut observed = Observed::default();
        let ids = listing.objects.iter().filter_map(|one| one.id).collect();
        observed.put_listing(Kind::Endpoint, ids);
        listing.objects.iter().for_each(|one| observed.put_endpoint(network, one, ledger));
        for (id, one) in observed.endpoints() {
            let address = one.addresses.first();
            let key = address.map(|address| EndpointKey { network, address: *address });
            let key = key.map_or_else(|| network.to_string(), |key| key.to_string());
            // On overlays kube-proxy makes one for each virtual address, with the host's hardware address.
            let for_vip =
                one.remote && one.unowned && one.addresses.iter().all(|own| vips.contains(own));
            endpoints.insert(id, (key, is_left(one.own, one.like_kube_proxy || for_vip)));
        }
    }
    for (id, (key, left)) in endpoints {
        let list = match left {
            false => continue,
            true if kept_endpoints.contains(&id) => &mut found.in_use,
            true => &mut found.removable,
        };
        list.push(Leftover { kind: Kind::Endpoint, id, key });
    }
    Ok(found)
}

/// Removes one object. One that is gone already is removed.
///
/// # Errors
/// When HNS refuses.
pub fn remove_leftover(hcn: &dyn Hcn, leftover: &Leftover) -> Result<(), ClientError> {
    let client = Client::new(hcn);
    let removed = match leftover.kind {
        Kind::LoadBalancer => client.delete_load_balancer(leftover.id),
        Kind::Endpoint => client.delete_endpoint(leftover.id),
    };
    match removed {
        Err(error) if error.class() == switchyard_hcn::ErrorClass::Gone => Ok(()),
        other => other,
    }
}
