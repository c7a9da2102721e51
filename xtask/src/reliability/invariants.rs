//! What must hold at every moment, whatever goes wrong.

use std::collections::BTreeSet;
use std::net::IpAddr;

use switchyard_hcn_emulator::State;

use super::entrances::{Entrance, entrance};
use super::world::World;

/// I1, no invention: a load balancer of ours names only what its entrance had at some time.
pub(super) fn no_invention(
    state: &State,
    world: &World,
    had: impl Fn(&Entrance) -> Option<BTreeSet<IpAddr>>,
) -> Result<(), String> {
    for (id, held) in state.load_balancers().filter(|(id, _)| !world.foreign.contains_key(id)) {
        let Some(entrance) = entrance(held) else {
            return Err(format!("I1: load balancer {id} is not as we make them: {held:?}"));
        };
        let Some(had) = had(&entrance) else {
            return Err(format!("I1: {entrance:?} was never wanted, and {id} is there for it"));
        };
        for endpoint in &held.host_compute_endpoints {
            let addresses = state.endpoint(*endpoint).into_iter().flat_map(|own| own.addresses());
            for address in addresses {
                if !had.contains(&address) {
                    return Err(format!("I1: {entrance:?} never had {address}"));
                }
            }
        }
    }
    Ok(())
}

/// I3, no foreign touch.
pub(super) fn no_foreign_touch(state: &State, world: &World) -> Result<(), String> {
    world.touched(state).first().map_or(Ok(()), |touched| Err(format!("I3: {touched}")))
}
