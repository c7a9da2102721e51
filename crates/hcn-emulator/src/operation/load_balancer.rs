//! Load balancers.

use switchyard_hcn::{Endpoint, Error, Guid, LoadBalancer, hresult};

use crate::Beyond;
use crate::frontend::frontends;
use crate::index::blocks;
use crate::knobs::{DuplicateFrontend, Modify};
use crate::service::Service;
use crate::settings::{drop_empty, read_load_balancer, refused, refused_for};

impl Service {
    pub(crate) fn create_load_balancer(
        &mut self,
        asked: Guid,
        settings: &str,
    ) -> Result<Guid, Error> {
        let load_balancer = read_load_balancer(settings)?;
        self.make_load_balancer(asked, load_balancer)
    }

    pub(crate) fn make_load_balancer(
        &mut self,
        asked: Guid,
        load_balancer: LoadBalancer,
    ) -> Result<Guid, Error> {
        let id = self.new_id(asked, load_balancer.id);
        if self.state.load_balancer(id).is_some() {
            return Err(refused(hresult::ERROR_ALREADY_EXISTS));
        }
        self.check_load_balancer(None, &load_balancer)?;
        self.put_load_balancer(id, load_balancer);
        Ok(id)
    }

    /// Takes the whole document. The object keeps its id, whatever the document says.
    pub(crate) fn modify_load_balancer(&mut self, id: Guid, settings: &str) -> Result<(), Error> {
        let modify = self.knobs.modify.unwrap_or_else(|| self.build().modify);
        if modify == Modify::NotImplemented {
            return Err(refused(hresult::E_NOTIMPL));
        }
        let load_balancer = read_load_balancer(settings)?;
        if modify == Modify::WithoutEffect {
            return Ok(());
        }
        self.check_load_balancer(Some(id), &load_balancer)?;
        self.remove_load_balancer(id);
        self.put_load_balancer(id, load_balancer);
        Ok(())
    }

    pub(crate) fn remove_load_balancer(&mut self, id: Guid) {
        if let Some(removed) = self.state.remove_load_balancer(id) {
            self.index.remove_load_balancer(id, &removed);
        }
    }

    fn put_load_balancer(&mut self, id: Guid, mut load_balancer: LoadBalancer) {
        // Only HNS itself says how well a load balancer is.
        load_balancer.state = 0;
        load_balancer.frontend_vips.retain(|vip| !vip.is_empty());
        if !self.knobs.keeps_owner {
            load_balancer.owner.clear();
            load_balancer.name.clear();
        }
        drop_empty(&mut load_balancer.unknown);
        self.index.add_load_balancer(id, &load_balancer);
        self.state.insert_load_balancer(id, load_balancer);
    }

    /// Whether HNS takes a load balancer; `own` is the id of the one that it is to change.
    fn check_load_balancer(
        &self,
        own: Option<Guid>,
        load_balancer: &LoadBalancer,
    ) -> Result<(), Error> {
        self.check_backends(load_balancer)?;
        // The published schema: "the internal port must exist and cannot be zero".
        if load_balancer.port_mappings.iter().any(|mapping| mapping.internal_port == 0) {
            return Err(refused(hresult::HCN_E_INVALID_INTERNAL_PORT));
        }
        let is_no_address =
            |vip: &String| !vip.is_empty() && vip.parse::<std::net::IpAddr>().is_err();
        if load_balancer.frontend_vips.iter().any(is_no_address) {
            return Err(refused(hresult::HCN_E_INVALID_IP));
        }
        self.check_build(load_balancer)?;
        self.check_frontends(own, load_balancer)?;
        self.check_port_blocks(own, load_balancer)
    }

    fn check_backends(&self, load_balancer: &LoadBalancer) -> Result<(), Error> {
        let named = &load_balancer.host_compute_endpoints;
        let mut endpoints = Vec::with_capacity(named.len());
        for id in named {
            endpoints.extend(self.state.endpoint(*id));
        }
        // kubernetes/kubernetes#100384 and #106936.
        if endpoints.is_empty() || endpoints.len() < named.len() {
            let detail = "A Reference is required";
            return Err(refused_for(hresult::HCN_E_INVALID_JSON_REFERENCE, detail));
        }
        // kubernetes/kubernetes#98680 has the words.
        let maximum = self.knobs.maximum_destinations;
        if named.len() > maximum.unwrap_or_else(|| self.build().maximum_destinations) {
            let detail = "Unable to initialize VFP LB rule: invalid number of destinations.";
            return Err(refused_for(hresult::E_INVALIDARG, detail));
        }
        // microsoft/hcsshim#1043: the port of an endpoint has gone while the endpoint has not. Inferred: that is what a
        // detached one is.
        if endpoints.iter().any(|endpoint| endpoint.state == Endpoint::DETACHED) {
            return Err(refused(hresult::HCN_E_PORT_NOT_FOUND));
        }
        Ok(())
    }

    /// microsoft/Windows-Containers#485: what a build cannot do is an unsupported request. That these two are: inferred.
    fn check_build(&self, load_balancer: &LoadBalancer) -> Result<(), Error> {
        // How many endpoints are too many may be set, and is checked before.
        let mut lacks = self.build().beyond(load_balancer);
        if lacks.any(|beyond| !matches!(beyond, Beyond::Destinations { .. })) {
            return Err(refused(hresult::HCN_E_REQUEST_UNSUPPORTED));
        }
        Ok(())
    }

    fn check_frontends(
        &self,
        own: Option<Guid>,
        load_balancer: &LoadBalancer,
    ) -> Result<(), Error> {
        let is_held = frontends(load_balancer)
            .any(|(frontend, _)| self.index.holders(frontend).any(|holder| Some(holder) != own));
        match self.knobs.duplicate_frontend {
            DuplicateFrontend::AlreadyExists if is_held => {
                return Err(refused(hresult::ERROR_ALREADY_EXISTS));
            }
            DuplicateFrontend::PortAlreadyExists if is_held => {
                return Err(refused(hresult::HCN_E_PORT_ALREADY_EXISTS));
            }
            _ => {}
        }
        // kubernetes/community#8883: a load balancer for port 10256, which kube-proxy itself had bound.
        let is_bound = load_balancer.port_mappings.iter().any(|mapping| {
            self.knobs.bound_ports.iter().any(|bound| {
                bound.port == mapping.external_port && bound.protocol == mapping.protocol
            })
        });
        if is_bound { Err(refused(hresult::HCN_E_PORT_ALREADY_EXISTS)) } else { Ok(()) }
    }

    /// containernetworking/plugins#613, and Microsoft's page of common problems.
    fn check_port_blocks(
        &self,
        own: Option<Guid>,
        load_balancer: &LoadBalancer,
    ) -> Result<(), Error> {
        let Some(there_are) = self.knobs.port_blocks else { return Ok(()) };
        let own = own.and_then(|id| self.state.load_balancer(id)).map(blocks).unwrap_or_default();
        let is_short = blocks(load_balancer).into_iter().any(|protocol| {
            !own.contains(&protocol) && self.index.port_blocks(protocol) >= there_are
        });
        if is_short { Err(refused(self.knobs.exhausted_pool.code())) } else { Ok(()) }
    }
}
