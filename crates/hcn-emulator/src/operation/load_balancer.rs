//! Load balancers.

use switchyard_hcn::{Error, Guid, LoadBalancer, Version, hresult};

use crate::emulator::Service;
use crate::frontend::frontends;
use crate::settings::{drop_empty, read, refused, refused_for};

/// The most endpoints that a load balancer takes (microsoft/Windows-Containers#93).
const MAXIMUM_DESTINATIONS: usize = 1024;

/// What a version of HNS makes of the call that changes a load balancer.
enum Modify {
    /// It does not know the call.
    NotImplemented,
    /// It says yes and changes nothing (kubernetes/kubernetes#131466).
    WithoutEffect,
    /// It changes the load balancer.
    Works,
}

impl Modify {
    /// As hnslib counts: from 15.5 on and from 16.0 on; what 15.4 does is known from the field.
    fn of(version: Version) -> Self {
        match (version.major, version.minor) {
            (..15, _) | (15, ..4) => Self::NotImplemented,
            (15, 4) => Self::WithoutEffect,
            _ => Self::Works,
        }
    }
}

impl Service {
    pub(crate) fn create_load_balancer(
        &mut self,
        asked: Guid,
        settings: &str,
    ) -> Result<Guid, Error> {
        let load_balancer: LoadBalancer = read(settings)?;
        let id = self.new_id(asked, load_balancer.id);
        if self.state.load_balancer(id).is_some() {
            return Err(refused(hresult::ERROR_ALREADY_EXISTS));
        }
        self.check_load_balancer(id, &load_balancer)?;
        self.put_load_balancer(id, load_balancer);
        Ok(id)
    }

    /// Takes the whole document. The object keeps its id, whatever the document says.
    pub(crate) fn modify_load_balancer(&mut self, id: Guid, settings: &str) -> Result<(), Error> {
        let load_balancer: LoadBalancer = match Modify::of(self.state.version) {
            Modify::NotImplemented => return Err(refused(hresult::E_NOTIMPL)),
            Modify::WithoutEffect => return Ok(()),
            Modify::Works => read(settings)?,
        };
        self.check_load_balancer(id, &load_balancer)?;
        self.delete_load_balancer(id)?;
        self.put_load_balancer(id, load_balancer);
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "all deletes have one shape")]
    pub(crate) fn delete_load_balancer(&mut self, id: Guid) -> Result<(), Error> {
        if let Some(removed) = self.state.remove_load_balancer(id) {
            self.index.remove_load_balancer(id, &removed);
        }
        Ok(())
    }

    fn put_load_balancer(&mut self, id: Guid, mut load_balancer: LoadBalancer) {
        // Only HNS itself says how well a load balancer is.
        load_balancer.state = 0;
        load_balancer.frontend_vips.retain(|vip| !vip.is_empty());
        drop_empty(&mut load_balancer.unknown);
        self.index.add_load_balancer(id, &load_balancer);
        self.state.insert_load_balancer(id, load_balancer);
    }

    fn check_load_balancer(&self, id: Guid, load_balancer: &LoadBalancer) -> Result<(), Error> {
        let endpoints = &load_balancer.host_compute_endpoints;
        if endpoints.is_empty() || endpoints.iter().any(|id| self.state.endpoint(*id).is_none()) {
            let detail = "A Reference is required";
            return Err(refused_for(hresult::HCN_E_INVALID_JSON_REFERENCE, detail));
        }
        if endpoints.len() > MAXIMUM_DESTINATIONS {
            let detail = "Unable to initialize VFP LB rule: invalid number of destinations.";
            return Err(refused_for(hresult::E_INVALIDARG, detail));
        }
        if load_balancer.port_mappings.iter().any(|mapping| mapping.internal_port == 0) {
            return Err(refused(hresult::HCN_E_INVALID_INTERNAL_PORT));
        }
        let is_no_address =
            |vip: &String| !vip.is_empty() && vip.parse::<std::net::IpAddr>().is_err();
        if load_balancer.frontend_vips.iter().any(is_no_address) {
            return Err(refused(hresult::HCN_E_INVALID_IP));
        }
        let held = frontends(load_balancer)
            .any(|(frontend, _)| self.index.holders(frontend).any(|holder| holder != id));
        if held {
            return Err(refused(hresult::ERROR_ALREADY_EXISTS));
        }
        Ok(())
    }
}
