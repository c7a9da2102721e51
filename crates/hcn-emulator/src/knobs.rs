//! What is not known of a real HNS, or differs between nodes: each a named setting, with a default and its reason.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};
use switchyard_hcn::{IpProtocol, hresult};

/// The settings of an emulated HNS. `docs/hns.md` has for each the check that settles it on a Windows node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Knobs {
    /// Whether an endpoint or load balancer gets the id that its creator asks for. Yes: hcsshim's test of updates relies on it
    /// for load balancers. Not shown for endpoints.
    pub honours_caller_id: bool,
    /// Whether `Owner` and `Name` of endpoints and load balancers are kept. Yes: the published schema has them; no client is
    /// known to read them back.
    pub keeps_owner: bool,
    /// Whether a restart gives endpoints and load balancers new ids. No: kubernetes/kubernetes#139519 reports that they are
    /// the same; docker/for-win#12425 reports the other.
    pub restores_with_new_ids: bool,
    /// What a restart brings back. All: kubernetes/kubernetes#139519, of current builds.
    pub rehydration: Rehydration,
    /// What becomes of a call that deletes an endpoint which a load balancer names. Refused: the schema has a code for it.
    /// That references to what does not exist are found (kubernetes/kubernetes#112836) speaks for the other.
    pub delete_of_referenced: DeleteOfReferenced,
    /// What becomes of a second load balancer with a frontend. `ERROR_ALREADY_EXISTS`: kubernetes/kubernetes#139519, seen after
    /// restarts; `HCN_E_PORT_ALREADY_EXISTS`: kubernetes/kubernetes#137530, behind an orphan.
    pub duplicate_frontend: DuplicateFrontend,
    /// How HNS says that a load balancer does not exist. `ERROR_NOT_FOUND`: as for namespaces, hcsshim's tests.
    pub missing_load_balancer: MissingLoadBalancer,
    /// How HNS says that a subnet cannot be read. `E_INVALIDARG`: microsoft/SIG-Windows-tools#249.
    pub malformed_subnet: MalformedSubnet,
    /// How HNS says that no block of ports is left. `HCN_E_PORT_ALREADY_EXISTS`: Microsoft's page of common problems;
    /// `E_OUTOFMEMORY`: containernetworking/plugins#613.
    pub exhausted_pool: ExhaustedPool,
    /// How many blocks of 64 ports each protocol has; each load balancer without direct server return takes one. None: the
    /// pool is not looked at, for how a node shares it is not known. The dynamic range of Windows has 256 blocks.
    pub port_blocks: Option<u32>,
    /// The most endpoints that a load balancer takes. None: by the build (see [`crate::Build`]).
    pub maximum_destinations: Option<usize>,
    /// What becomes of load balancers whose network is deleted. Degraded: microsoft/Windows-Containers#79, of WS2019 before
    /// KB5003171; what came after is not described.
    pub network_delete: NetworkDelete,
    /// The address of the machine's adapter: the `ManagementIP` of networks and the provider address of overlays. The first
    /// of the addresses for documentation that the examples give to nodes.
    pub management_address: IpAddr,
    /// The adapters of the machine. None: whichever a network names exists.
    pub adapters: Option<Vec<String>>,
    /// Ports that processes of the machine have bound at all addresses. None: nothing is known of the machine.
    pub bound_ports: Vec<BoundPort>,
    /// The order of ids in a listing. Rotated, another at each call: no order is promised, so that nobody relies on one.
    pub enumeration_order: EnumerationOrder,
    /// Whether ids are answered in upper case. No: hcsshim's samples are in lower case, `hnsdiag` prints both.
    pub upper_case_ids: bool,
    /// Whether callbacks are still registered after a restart. No: the connection they came by is gone.
    pub callbacks_survive_restart: bool,
    /// Whether networks have new ids after a reboot. Yes: kubernetes/kubernetes#79515 and #78324 saw it.
    pub reboot_changes_network_ids: bool,
    /// What `HcnModifyLoadBalancer` does. None: by the build.
    pub modify: Option<Modify>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            honours_caller_id: true,
            keeps_owner: true,
            restores_with_new_ids: false,
            rehydration: Rehydration::All,
            delete_of_referenced: DeleteOfReferenced::Refused,
            duplicate_frontend: DuplicateFrontend::AlreadyExists,
            missing_load_balancer: MissingLoadBalancer::ElementNotFound,
            malformed_subnet: MalformedSubnet::InvalidArgument,
            exhausted_pool: ExhaustedPool::PortAlreadyExists,
            port_blocks: None,
            maximum_destinations: None,
            network_delete: NetworkDelete::DegradesLoadBalancers,
            management_address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11)),
            adapters: None,
            bound_ports: Vec::new(),
            enumeration_order: EnumerationOrder::Rotated,
            upper_case_ids: false,
            callbacks_survive_restart: false,
            reboot_changes_network_ids: true,
            modify: None,
        }
    }
}

impl Knobs {
    /// The blocks of 64 ports that the dynamic range of Windows has for each protocol: 49152 to 65535.
    pub const PORT_BLOCKS: u32 = 256;
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum $name {
            $($(#[$value_doc])* $value,)*
        }

        impl $name {
            /// All choices.
            pub const ALL: &[Self] = &[$(Self::$value),*];
        }
    };
}

choice! {
    /// What a restart of HNS brings back.
    Rehydration {
        /// Everything.
        All,
        /// Everything but load balancers (kubernetes/kubernetes#110849).
        WithoutLoadBalancers,
        /// Everything but endpoints; the load balancers that named them are degraded (projectcalico/calico#5164).
        WithoutEndpoints,
        /// Networks alone.
        NetworksAlone,
        /// Nothing at all.
        Nothing,
    }
}
choice! {
    /// What becomes of a call that deletes an endpoint which a load balancer names.
    DeleteOfReferenced {
        /// It is refused with `HCN_E_ENTITY_HAS_REFERENCES`.
        Refused,
        /// The endpoint is deleted, and the load balancer names what does not exist.
        Allowed,
    }
}
choice! {
    /// What becomes of a second load balancer with a frontend.
    DuplicateFrontend {
        /// It is refused with `ERROR_ALREADY_EXISTS`.
        AlreadyExists,
        /// It is refused with `HCN_E_PORT_ALREADY_EXISTS`.
        PortAlreadyExists,
        /// It is made.
        Allowed,
    }
}
choice! {
    /// How HNS says that a load balancer does not exist.
    MissingLoadBalancer {
        /// `ERROR_NOT_FOUND`.
        ElementNotFound,
        /// `HCN_E_POLICY_NOT_FOUND`.
        PolicyNotFound,
    }
}
choice! {
    /// How HNS says that a subnet cannot be read.
    MalformedSubnet {
        /// `E_INVALIDARG`.
        InvalidArgument,
        /// `HCN_E_INVALID_SUBNET`.
        InvalidSubnet,
    }
}
choice! {
    /// How HNS says that no block of ports is left.
    ExhaustedPool {
        /// `HCN_E_PORT_ALREADY_EXISTS`.
        PortAlreadyExists,
        /// `E_OUTOFMEMORY`.
        OutOfMemory,
    }
}
choice! {
    /// What becomes of load balancers whose network is deleted.
    NetworkDelete {
        /// They stay, in state 4.
        DegradesLoadBalancers,
        /// They go with it.
        RemovesLoadBalancers,
    }
}
choice! {
    /// The order of ids in a listing.
    EnumerationOrder {
        /// Another at each call.
        Rotated,
        /// By id.
        ById,
    }
}
choice! {
    /// What `HcnModifyLoadBalancer` does.
    Modify {
        /// It is not there: `E_NOTIMPL`.
        NotImplemented,
        /// It says yes and changes nothing (kubernetes/kubernetes#131466).
        WithoutEffect,
        /// It changes the load balancer.
        Works,
    }
}

impl MissingLoadBalancer {
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::ElementNotFound => hresult::ERROR_NOT_FOUND,
            Self::PolicyNotFound => hresult::HCN_E_POLICY_NOT_FOUND,
        }
    }
}

impl MalformedSubnet {
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::InvalidArgument => hresult::E_INVALIDARG,
            Self::InvalidSubnet => hresult::HCN_E_INVALID_SUBNET,
        }
    }
}

impl ExhaustedPool {
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::PortAlreadyExists => hresult::HCN_E_PORT_ALREADY_EXISTS,
            Self::OutOfMemory => hresult::E_OUTOFMEMORY,
        }
    }
}

/// A port that a process of the machine has bound at all addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BoundPort {
    /// The protocol.
    pub protocol: IpProtocol,
    /// The port.
    pub port: u16,
}
