//! What differs between builds of HNS, by their version.
//!
//! This is the emulator's own table. It is not made from the client's (`switchyard_hcn::Capabilities`), so that a mistake in
//! one shows against the other.

use std::fmt;

use switchyard_hcn::{LoadBalancer, Version};

use crate::knobs::Modify;

/// What a build of HNS does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// What `HcnModifyLoadBalancer` does.
    pub modify: Modify,
    /// The most endpoints that a load balancer takes: 64 once (kubernetes/kubernetes#98680), 1024 since updates of 2021 and
    /// 2022 (microsoft/Windows-Containers#93). Which version each update had is not published; that of the older ones here
    /// is Windows Server 2019.
    pub maximum_destinations: usize,
    /// Whether load balancers can have direct server return.
    pub direct_server_return: bool,
    /// Whether there are load balancers of IPv6.
    pub ipv6: bool,
    /// Whether the distribution of a port mapping is looked at.
    pub distribution: bool,
}

/// What a load balancer asks of a build that the build does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// Direct server return.
    DirectServerReturn,
    /// The IPv6 family.
    Ipv6,
    /// So many endpoints.
    Destinations {
        /// How many it names.
        named: usize,
        /// How many it may.
        most: usize,
    },
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DirectServerReturn => {
                f.write_str("no direct server return, which came with 9.3 and 10.2 (hcsshim)")
            }
            Self::Ipv6 => f.write_str("no load balancers of IPv6, which came with 11.10 (hcsshim)"),
            Self::Destinations { named, most } => write!(
                f,
                "no load balancers of more than {most} endpoints, and this one names {named} \
                 (kubernetes/kubernetes#98680)"
            ),
        }
    }
}

/// Versions of builds that are found on nodes, with the product each is of. The pairs are inferred from hcsshim's feature
/// ranges and from issues, for no table is published.
pub const FOUND: [(&str, Version); 6] = [
    ("Windows Server 2019", Version::new(9, 3)),
    ("Windows Server, version 2004", Version::new(11, 10)),
    ("Windows Server 2022", Version::new(13, 2)),
    ("Windows Server, version 23H2", Version::new(15, 1)),
    ("Windows Server 2025", Version::new(15, 4)),
    ("Windows Server 2025, updated", Version::new(15, 5)),
];

impl Build {
    /// The build with this version.
    #[must_use]
    pub const fn of(version: Version) -> Self {
        let (major, minor) = (version.major, version.minor);
        Self {
            // microsoft/hnslib: 15.5 and later of 15, and 16.0 and later. kubernetes/kubernetes#131466: 15.4 says yes.
            modify: match (major, minor) {
                (15, 4) => Modify::WithoutEffect,
                (15, 5..) | (16.., _) => Modify::Works,
                _ => Modify::NotImplemented,
            },
            maximum_destinations: if major < 11 { 64 } else { 1024 },
            // microsoft/hcsshim: 9.3 and later of 9, and 10.2 and later.
            direct_server_return: matches!((major, minor), (9, 3..) | (10, 2..) | (11.., _)),
            // microsoft/hcsshim: from 11.10 on, which is build 19041.
            ipv6: matches!((major, minor), (11, 10..) | (12.., _)),
            // microsoft/hcsshim: session affinity from 12.0 on.
            distribution: major >= 12,
        }
    }

    /// What `load_balancer` asks for that this build does not have.
    pub fn beyond(self, load_balancer: &LoadBalancer) -> impl Iterator<Item = Beyond> {
        let is_ipv6 = load_balancer.is_ipv6() || load_balancer.vips().any(|vip| vip.is_ipv6());
        let (named, most) = (load_balancer.host_compute_endpoints.len(), self.maximum_destinations);
        let all = [
            (load_balancer.is_dsr() && !self.direct_server_return, Beyond::DirectServerReturn),
            (is_ipv6 && !self.ipv6, Beyond::Ipv6),
            (named > most, Beyond::Destinations { named, most }),
        ];
        all.into_iter().filter(|(is_beyond, _)| *is_beyond).map(|(_, beyond)| beyond)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_differ() {
        let check = |version: &str, modify: Modify, destinations: usize, flags: [bool; 3]| {
            let [direct_server_return, ipv6, distribution] = flags;
            let maximum_destinations = destinations;
            let expect =
                Build { modify, maximum_destinations, direct_server_return, ipv6, distribution };
            assert_eq!(Build::of(version.parse().unwrap()), expect, "{version}");
        };
        check("9.2", Modify::NotImplemented, 64, [false, false, false]);
        check("9.3", Modify::NotImplemented, 64, [true, false, false]);
        check("10.1", Modify::NotImplemented, 64, [false, false, false]);
        check("10.2", Modify::NotImplemented, 64, [true, false, false]);
        check("11.9", Modify::NotImplemented, 1024, [true, false, false]);
        check("11.10", Modify::NotImplemented, 1024, [true, true, false]);
        check("13.2", Modify::NotImplemented, 1024, [true, true, true]);
        check("15.3", Modify::NotImplemented, 1024, [true, true, true]);
        check("15.4", Modify::WithoutEffect, 1024, [true, true, true]);
        check("15.5", Modify::Works, 1024, [true, true, true]);
        check("16.0", Modify::Works, 1024, [true, true, true]);
    }
}
