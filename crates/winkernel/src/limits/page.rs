//! What people read of each limit.

use super::Limit;

/// A limit in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// What a Service asks for.
    pub asked: &'static str,
    /// What HNS does instead.
    pub instead: &'static str,
    /// When that is so.
    pub applies: &'static str,
    /// What a user can do.
    pub remedy: &'static str,
    /// Where that is known from.
    pub source: &'static str,
}

impl Limit {
    /// The limit in words.
    #[must_use]
    pub fn page(self) -> Page {
        match self {
            Self::Refusal => Page {
                asked: "a packet is rejected or dropped: no backend, a port that the Service does not serve, an address that nobody has",
                instead: "the packet is left alone: the client times out, or the packet goes elsewhere",
                applies: "the rules of Services reject or drop the packet, and no load balancer is for it",
                remedy: "clients that wait for a refusal need a time-out of their own",
                source: "HNS takes no load balancer without backends (HCN_E_INVALID_JSON_REFERENCE; kubernetes/kubernetes#98680, #100384) and has no action but to forward",
            },
            Self::SourceRanges => Page {
                asked: "`loadBalancerSourceRanges` let some clients in",
                instead: "everybody is served",
                applies: "the client is outside all ranges of the load-balancer address, and the address has backends",
                remedy: "filter before the node: the cloud's load balancer, or a NetworkPolicy for the pods",
                source: "Kubernetes, Networking on Windows: HNS load balancers have no access list",
            },
            Self::NodePortAddresses => Page {
                asked: "node ports answer at some of the node's addresses (`nodePortAddresses`, or the primary one)",
                instead: "they answer at all of them, but never at a loopback address",
                applies: "the packet is for a node port at an address of the node that is not to answer, or at a loopback address that is",
                remedy: "filter before the node, in the network",
                source: "a node port is a load balancer without an address of its own (kubernetes/kubernetes, pkg/proxy/winkernel/proxier.go)",
            },
            Self::InternalShortcut => Page {
                asked: "under the policy Local, pods and the node reach another set of backends than clients outside",
                instead: "all have one set: that for pods at a ClusterIP, that for clients outside at all other frontends",
                applies: "the client is of the other class, and its set of backends is another",
                remedy: "have pods use the ClusterIP, and clients outside the other addresses",
                source: "kubernetes/kubernetes#109780",
            },
            Self::DsrRemoteClient => Page {
                asked: "a client elsewhere that sends to the frontend through this node reaches all backends",
                instead: "it reaches the backends on this node only, or none where there is none",
                applies: "the load balancer has direct server return, the client is neither the node nor one of its pods, and not all backends are on this node or the source address is another",
                remedy: "start with `--enable-dsr=false`, or send to a node port, which has no direct server return under the policy Cluster",
                source: "Microsoft, Direct Server Return (DSR) in a nutshell: the backend answers by itself, which only one on this node can",
            },
            Self::ClientAddress => Page {
                asked: "the backend sees the client's address",
                instead: "it sees an address of the node, or the source VIP of an overlay",
                applies: "the load balancer has no direct server return, and the rules of Services keep the client's address",
                remedy: "start with `--enable-dsr`, or use the policy Local at external addresses",
                source: "Microsoft, Direct Server Return (DSR) in a nutshell: without it the host translates both addresses",
            },
            Self::AffinityTimeout => Page {
                asked: "a client stays with its backend for `timeoutSeconds`",
                instead: "it stays for as long as HNS likes; below HNS 12.0 it does not stay at all",
                applies: "the Service has `sessionAffinity: ClientIP`, and the frontend has backends",
                remedy: "none: an application that needs its clients to stay must bring its own sessions",
                source: "kubernetes/kubernetes#53636, #107398; hcsshim's SessionAffinity is from 12.0",
            },
            Self::InternalPort => Page {
                asked: "backends of one service port have different port numbers",
                instead: "the most common number is served, of equals the lowest; the other backends are left out",
                applies: "a named target port resolves to several numbers among the usable backends",
                remedy: "give the container ports one number, or make a Service for each",
                source: "a port mapping has one InternalPort (kubernetes/kubernetes#91783)",
            },
            Self::TooManyBackends => Page {
                asked: "connections are spread over all backends",
                instead: "they are spread over 1,024 of them, chosen by hash, ready ones first; over 64 below HNS 11.0, or where HNS refuses more",
                applies: "the frontend has more usable backends than a load balancer takes",
                remedy: "use a build with HNS 11.0 or later, or split the Service",
                source: "kubernetes/kubernetes#98680, #135518",
            },
            Self::MixedBackends => Page {
                asked: "connections are spread over pods and over addresses that are no pods: nodes, or what is outside the cluster",
                instead: "they are spread over the pods alone",
                applies: "the network is an overlay, and the backends are of both kinds",
                remedy: "make a Service for the pods, and another for the rest",
                source: "a load balancer has one SourceVIP: pods answer to the overlay's, others to the node's address (kubernetes/kubernetes, pkg/proxy/winkernel/proxier.go)",
            },
            Self::PreserveDestination => Page {
                asked: "packets for a load-balancer address or node port are spread over all backends, and reach them at their own address and port",
                instead: "they reach backends on this node only; at a load-balancer address as they came, to the address and the port that the client used",
                applies: "the Service has the annotation `preserve-destination: \"true\"`, and HNS has direct server return",
                remedy: "remove the annotation, or listen on the address and the port that clients use",
                source: "kubernetes/kubernetes, pkg/proxy/winkernel/proxier.go (preserveDIP)",
            },
            Self::Unsupported => Page {
                asked: "IPv6 addresses of Services are served",
                instead: "they are left alone: there is no load balancer for them",
                applies: "the frontend is an IPv6 one, and HNS is below 11.10 or the network is an overlay",
                remedy: "use Windows Server 2022 or later with an l2bridge network, or IPv4",
                source: "hcsshim's IPv6DualStack is from 11.10; Kubernetes, IPv4/IPv6 dual-stack: overlay networks on Windows carry IPv4 only",
            },
        }
    }

    /// The name as conditions and events have it.
    #[must_use]
    pub fn condition(self) -> &'static str {
        match self {
            Self::Refusal => "Refusal",
            Self::SourceRanges => "SourceRanges",
            Self::NodePortAddresses => "NodePortAddresses",
            Self::InternalShortcut => "InternalShortcut",
            Self::DsrRemoteClient => "DsrRemoteClient",
            Self::ClientAddress => "ClientAddress",
            Self::AffinityTimeout => "AffinityTimeout",
            Self::InternalPort => "InternalPort",
            Self::TooManyBackends => "TooManyBackends",
            Self::MixedBackends => "MixedBackends",
            Self::PreserveDestination => "PreserveDestination",
            Self::Unsupported => "Unsupported",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_the_name_in_camel_case() {
        for limit in Limit::ALL {
            let words = limit.as_str().split('-').map(|word| {
                let (first, rest) = word.split_at(1);
                first.to_uppercase() + rest
            });
            assert_eq!(limit.condition(), words.collect::<String>());
        }
    }
}
