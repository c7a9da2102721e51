//! The names of the types of policies.

use super::Policy;

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        impl Policy {
            $($(#[$doc])* pub const $name: &str = $word;)*

            /// All types that are known here: those of the published HNS schema, and `NeighborDiscovery`.
            pub const TYPES: &[&str] = &[$($word),*];
        }
    };
}

types! {
    /// An endpoint lets a packet pass or not.
    ACL = "ACL";
    /// A network takes its DNS servers from the host.
    AUTOMATIC_DNS = "AutomaticDNS";
    /// The hardware address of an overlay's distributed router, which HNS picks.
    DR_MAC_ADDRESS = "DrMacAddress";
    /// How many bytes of each packet of an endpoint are for encapsulation.
    ENCAP_OVERHEAD = "EncapOverhead";
    /// An endpoint encrypts, since schema 2.1.
    ENCRYPTION = "Encryption";
    /// An endpoint has a firewall, since schema 2.16.
    FIREWALL = "Firewall";
    /// Pods and their own host reach each other on an overlay.
    HOST_ROUTE = "HostRoute";
    /// An endpoint or network is on one interface of the host.
    INTERFACE_CONSTRAINT = "InterfaceConstraint";
    /// The size of an endpoint's packets, since schema 2.4.
    INTERFACE_PARAMETERS = "InterfaceParameters";
    /// An endpoint is a virtual function of a device, since schema 2.9.
    IOV = "Iov";
    /// An endpoint has a driver of its own on the switch.
    L2_DRIVER = "L2Driver";
    /// Packets go to a proxy.
    L4_PROXY = "L4Proxy";
    /// Packets go to a proxy by the Windows Filtering Platform, since schema 2.5.
    L4_WFP_PROXY = "L4WFPPROXY";
    /// A network is on one layer.
    LAYER_CONSTRAINT = "LayerConstraint";
    /// A network finds neighbours. Only Microsoft's hns.v2.psm1 knows it.
    NEIGHBOR_DISCOVERY = "NeighborDiscovery";
    /// The adapter of the host that a network is on.
    NET_ADAPTER_NAME = "NetAdapterName";
    /// A network lets a packet pass or not.
    NETWORK_ACL = "NetworkACL";
    /// Packets that leave an endpoint get the address of the node.
    OUTBOUND_NAT = "OutBoundNAT";
    /// A port of the node leads to an endpoint.
    PORT_MAPPING = "PortMapping";
    /// The name of an endpoint's port.
    PORT_NAME = "PortName";
    /// The node that an endpoint is behind, or the address of a network on this node.
    PROVIDER_ADDRESS = "ProviderAddress";
    /// How much an endpoint may send.
    QOS = "QOS";
    /// An overlay reaches the pods of another node.
    REMOTE_SUBNET_ROUTE = "RemoteSubnetRoute";
    /// An endpoint reaches some addresses by a route of their own.
    SDN_ROUTE = "SDNRoute";
    /// A network has a named set of addresses.
    SET_POLICY = "SetPolicy";
    /// The hardware address that packets of a network leave the node with.
    SOURCE_MAC_ADDRESS = "SourceMacAddress";
    /// An endpoint lets a packet pass or not, in tiers, since schema 2.10.
    TIER_ACL = "TierAcl";
    /// The VLAN of a subnet or, since schema 2.4, of an endpoint.
    VLAN = "VLAN";
    /// The number of the virtual network that a subnet of an overlay is.
    VSID = "VSID";
    /// A network has an extension of its switch.
    VSWITCH_EXTENSION = "VSwitchExtension";
    /// The UDP port of an overlay.
    VXLAN_PORT = "VxlanPort";
}
