//! The numbers in documents that stand for words.
//!
//! Values and words are those of the published HNS schema and of hcsshim's hcn package. They are written as numbers, as
//! HNS does, and read as numbers or words.

use std::ops::BitOr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::lenient;

macro_rules! wire_number {
    (
        $(#[$doc:meta])*
        $name:ident by $reader:ident {
            $($(#[$value_doc:meta])* $constant:ident = $value:literal, $($word:literal)|+;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(
            /// The number that travels.
            pub u32,
        );

        impl $name {
            $($(#[$value_doc])* pub const $constant: Self = Self($value);)*
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                lenient::$reader(deserializer, &[("None", 0), $($(($word, $value)),+),*]).map(Self)
            }
        }
    };
}

macro_rules! wire_flags {
    ($(#[$doc:meta])* $name:ident $values:tt) => {
        wire_number! { $(#[$doc])* $name by flags $values }

        impl $name {
            /// No flag at all.
            pub const NONE: Self = Self(0);

            /// Whether all flags of `other` are set.
            #[must_use]
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }
        }

        impl BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

wire_flags! {
    /// Flags of a network.
    NetworkFlags {
        /// HNS answers the network's DNS queries.
        ENABLE_DNS_PROXY = 1, "EnableDnsProxy";
        /// HNS leases the network's addresses.
        ENABLE_DHCP_SERVER = 2, "EnableDhcpServer";
        /// Ports are mirrored.
        ENABLE_MIRRORING = 4, "EnableMirroring";
        /// The network is gone after a reboot.
        ENABLE_NON_PERSISTENT = 8, "EnableNonPersistent";
        /// The network outlives a reboot.
        ENABLE_PERSISTENT = 16, "EnablePersistent";
        /// The virtual switch is the network's own.
        ISOLATE_VSWITCH = 32, "IsolateVSwitch";
        /// Flows are steered.
        ENABLE_FLOW_STEERING = 64, "EnableFlowSteering";
        /// The network is not shared.
        DISABLE_SHARING = 128, "DisableSharing";
        /// The firewall is on.
        ENABLE_FIREWALL = 256, "EnableFirewall";
        /// The link never goes down.
        SUPPRESS_MEDIA_DISCONNECT = 512, "SuppressMediaDisconnect";
        /// The host has no port on the network.
        DISABLE_HOST_PORT = 1024, "DisableHostPort";
        /// The host takes packets for its addresses from any adapter (microsoft/WSL).
        WEAK_HOST_RECEIVE_ADAPTER = 2048, "WeakHostReceiveAdapter";
        /// The host sends packets from its addresses by any adapter (microsoft/WSL).
        WEAK_HOST_SEND_ADAPTER = 4096, "WeakHostSendAdapter";
        /// The adapter is a virtual function of a device.
        ENABLE_IOV = 8192, "EnableIov";
    }
}

wire_flags! {
    /// Flags of a subnet.
    SubnetFlags {
        /// An endpoint may have the gateway's address.
        DO_NOT_RESERVE_GATEWAY_ADDRESS = 1, "DoNotReserveGatewayAddress";
    }
}

wire_flags! {
    /// Flags of a part of a subnet.
    IpSubnetFlags {
        /// The last address is for broadcasts.
        ENABLE_BROADCAST = 1, "EnableBroadcast";
        /// No endpoint gets the first address.
        RESERVE_NETWORK_ADDRESS = 2, "ReserveNetworkAddress";
    }
}

wire_flags! {
    /// Flags of an endpoint.
    EndpointFlags {
        /// The endpoint is of another node: it has an address but no port here.
        REMOTE_ENDPOINT = 1, "RemoteEndpoint";
        /// Endpoints of the network do not reach each other.
        DISABLE_INTER_COMPUTE_COMMUNICATION = 2, "DisableInterComputeCommunication";
        /// The port is mirrored.
        ENABLE_MIRRORING = 4, "EnableMirroring";
        /// The interface is preferred.
        ENABLE_LOW_INTERFACE_METRIC = 8, "EnableLowInterfaceMetric";
        /// The endpoint's DNS servers come first.
        OVERRIDE_DNS_SERVER_ORDER = 16, "OverrideDNSServerOrder";
        /// The address is leased.
        ENABLE_DHCP = 32, "EnableDhcp";
    }
}

wire_flags! {
    /// Flags of a load balancer.
    LoadBalancerFlags {
        /// Direct server return: backends answer clients themselves.
        DSR = 1, "EnableDirectServerReturn";
        /// The load balancer is of the IPv6 family.
        IPV6 = 2, "IPv6" | "EnableIPv6";
    }
}

wire_flags! {
    /// Flags of a load balancer's port mapping.
    PortMappingFlags {
        /// Internal load balancer: for clients on this node only.
        ILB = 1, "EnableInternalLoadBalancer";
        /// The node itself reaches the frontend.
        LOCAL_ROUTED_VIP = 2, "LocalRoutedVip";
        /// Packets come by a load balancer that left their destination as it was. The published schema has "NotUsed" here.
        USE_MUX = 4, "UseMux" | "NotUsed";
        /// Destination address and port reach the backend unchanged.
        PRESERVE_DIP = 8, "EnablePreserveDip";
        /// The frontend is not of the cluster: connections keep their backend when the set changes
        /// (kubernetes/kubernetes#113742).
        VIP_EXTERNAL_IP = 16, "VipExternalIP";
    }
}

wire_flags! {
    /// Flags of an endpoint's port mapping or of its translation of outgoing packets.
    NatFlags {
        /// The node itself reaches the port (Azure/azure-container-networking#1863).
        LOCAL_ROUTED_VIP = 1, "LocalRoutedVip";
        /// It is of the IPv6 family.
        IPV6 = 2, "IPv6";
        /// Someone else has reserved the port. Only Microsoft's hns.v2.psm1 knows it.
        EXTERNAL_PORT_RESERVED = 4, "ExternalPortReserved";
    }
}

wire_flags! {
    /// Flags of a query.
    QueryFlags {
        /// The answer has the state and the resources of the object too.
        DETAILED = 1, "Detailed";
    }
}

wire_number! {
    /// How a load balancer picks a backend.
    Distribution by word {
        /// By addresses, ports and protocol: any backend for each connection.
        FIVE_TUPLE = 0, "None";
        /// By source, destination and protocol: one backend for each client and protocol.
        SOURCE_IP_PROTOCOL = 1, "SourceIPProtocol";
        /// By source and destination: one backend for each client.
        SOURCE_IP = 2, "SourceIP";
    }
}

wire_number! {
    /// A protocol, by its number in an IP header.
    IpProtocol by word {
        /// None that was said.
        UNKNOWN = 0, "Unknown";
        /// ICMP over IPv4.
        ICMPV4 = 1, "ICMPv4";
        /// IGMP.
        IGMP = 2, "IGMP";
        /// TCP.
        TCP = 6, "TCP";
        /// UDP.
        UDP = 17, "UDP";
        /// ICMP over IPv6.
        ICMPV6 = 58, "ICMPv6";
        /// SCTP. The published schema does not name it; kube-proxy sends its number.
        SCTP = 132, "SCTP";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T>(text: &str, expect: Option<T>)
    where
        T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::from_str::<T>(text).ok(), expect, "{text}");
    }

    #[test]
    fn numbers_and_words_are_read() {
        let dsr_ipv6 = LoadBalancerFlags::DSR | LoadBalancerFlags::IPV6;
        check("3", Some(dsr_ipv6));
        check("\"3\"", Some(dsr_ipv6));
        check("\"EnableDirectServerReturn, enableipv6\"", Some(dsr_ipv6));
        check("null", Some(LoadBalancerFlags::NONE));
        check("\"None\"", Some(LoadBalancerFlags::NONE));
        check("1024", Some(LoadBalancerFlags(1024)));
        check::<LoadBalancerFlags>("\"EnableSomething\"", None);
        check::<LoadBalancerFlags>("-1", None);
        check::<LoadBalancerFlags>("4294967296", None);
        check("\"IPv6\"", Some(LoadBalancerFlags::IPV6));
        check("\"LocalRoutedVip,IPv6\"", Some(NatFlags::LOCAL_ROUTED_VIP | NatFlags::IPV6));
        check("\"NotUsed\"", Some(PortMappingFlags::USE_MUX));
        check("\"Unknown\"", Some(IpProtocol::UNKNOWN));
        check("\"udp\"", Some(IpProtocol::UDP));
        check("132", Some(IpProtocol::SCTP));
        check::<IpProtocol>("\"TCP,UDP\"", None);
        check("\"SourceIP\"", Some(Distribution::SOURCE_IP));
    }

    #[test]
    fn numbers_are_written() {
        let flags = PortMappingFlags::LOCAL_ROUTED_VIP | PortMappingFlags::VIP_EXTERNAL_IP;
        assert_eq!(serde_json::to_string(&flags).unwrap(), "18");
        assert!(flags.contains(PortMappingFlags::VIP_EXTERNAL_IP));
        assert!(!flags.contains(PortMappingFlags::ILB));
        let preserved = PortMappingFlags::USE_MUX
            | PortMappingFlags::PRESERVE_DIP
            | PortMappingFlags::VIP_EXTERNAL_IP;
        assert_eq!(preserved.0, 28);
    }
}
