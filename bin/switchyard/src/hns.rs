//! The HNS that a command calls.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use switchyard_hcn::{Client, ClientError, Guid, Listing};
use switchyard_hcn_emulator::State;
use switchyard_hcn_sys::WindowsHns;

use crate::arguments::Hcn;
use crate::failure::Failure;
use crate::privilege;

/// The HNS that a command calls.
pub(crate) enum Called {
    /// One in memory.
    Emulated,
    /// That of Windows.
    OfWindows(Arc<WindowsHns>),
}

/// The HNS that is asked for; without a word that of Windows. `state` is the file of an emulated one that is named.
///
/// # Errors
/// When there is none.
pub(crate) fn called(asked: Option<Hcn>, state: Option<&str>) -> Result<Called, Failure> {
    let asked = match asked {
        Some(asked) => asked,
        None if cfg!(windows) => Hcn::Windows,
        None => {
            let why = "there is no HNS on this system, only Windows has one: --hcn emulator works on an emulated one";
            return Err(anyhow!(why).into());
        }
    };
    if asked == Hcn::Emulator {
        return Ok(Called::Emulated);
    }
    if state.is_some() {
        let why = "--hns is the state of an emulated HNS: add --hcn emulator, or leave it out";
        return Err(Failure::Usage(why.to_owned()));
    }
    let hns = switchyard_hcn_sys::open().map_err(anyhow::Error::new)?;
    // HNS would only say that access is denied.
    privilege::check()?;
    Ok(Called::OfWindows(hns))
}

/// All that `hns` holds, with the states of load balancers. What cannot be read is left out and named.
///
/// # Errors
/// When HNS refuses.
pub(crate) fn state(hns: &dyn switchyard_hcn::Hcn) -> Result<(State, Vec<String>), Failure> {
    let client = Client::new(hns);
    let mut left = Vec::new();
    let mut state = State::new(client.version().context("ask HNS for its version")?);
    for network in readable("network", client.networks(), &mut left)? {
        state.insert_network(network.id.unwrap_or(Guid::NIL), network);
    }
    for endpoint in readable("endpoint", client.endpoints(), &mut left)? {
        state.insert_endpoint(endpoint.id.unwrap_or(Guid::NIL), endpoint);
    }
    for namespace in readable("namespace", client.namespaces(), &mut left)? {
        state.insert_namespace(namespace.id.unwrap_or(Guid::NIL), namespace);
    }
    for object in readable("load balancer", client.load_balancers_in_detail(), &mut left)? {
        state.insert_load_balancer(object.id.unwrap_or(Guid::NIL), object);
    }
    Ok((state, left))
}

/// The objects of a listing; those that cannot be read are named in `left`.
fn readable<T>(
    kind: impl fmt::Display,
    listing: Result<Listing<T>, ClientError>,
    left: &mut Vec<String>,
) -> Result<Vec<T>, Failure> {
    let listing = listing.with_context(|| format!("read the {kind}s of HNS"))?;
    let unreadable = listing.unreadable.iter();
    left.extend(unreadable.map(|object| format!("{kind} {}: {}", object.id, object.source)));
    Ok(listing.objects)
}
