//! What an HNS can do, by its version.

use crate::Version;

/// A feature that not every HNS has. The names are hcsshim's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Address lists, port ranges and rule ids in access lists.
    Acl,
    /// The HCN API itself, with documents of schema 2.
    ApiV2,
    /// Routes to the pods of other nodes on an overlay.
    RemoteSubnet,
    /// Pods and their own host reach each other on an overlay.
    HostRoute,
    /// Load balancers with direct server return.
    DirectServerReturn,
    /// Endpoints with a prefix of the whole address.
    Slash32EndpointPrefixes,
    /// A VXLAN port of one's own.
    VxlanPort,
    /// Access lists for IP protocol 252.
    AclSupportForProtocol252,
    /// IPv4 and IPv6 on one network.
    Ipv6DualStack,
    /// Load balancers that keep a client with its backend.
    SessionAffinity,
    /// Named sets of addresses in access lists.
    SetPolicy,
    /// Redirection to a proxy.
    L4Proxy,
    /// Redirection to a proxy by the Windows Filtering Platform.
    L4WfpProxy,
    /// Access lists in tiers.
    TierAcl,
    /// Access lists of a network.
    NetworkAcl,
    /// Named sets of named sets.
    NestedIpSet,
    /// Networks without a port of the host.
    DisableHostPort,
    /// Accelerated networking.
    Accelnet,
    /// Changing a load balancer in place.
    ModifyLoadBalancer,
}

impl Feature {
    /// All features.
    pub const ALL: [Self; 19] = [
        Self::Acl,
        Self::ApiV2,
        Self::RemoteSubnet,
        Self::HostRoute,
        Self::DirectServerReturn,
        Self::Slash32EndpointPrefixes,
        Self::VxlanPort,
        Self::AclSupportForProtocol252,
        Self::Ipv6DualStack,
        Self::SessionAffinity,
        Self::SetPolicy,
        Self::L4Proxy,
        Self::L4WfpProxy,
        Self::TierAcl,
        Self::NetworkAcl,
        Self::NestedIpSet,
        Self::DisableHostPort,
        Self::Accelnet,
        Self::ModifyLoadBalancer,
    ];

    /// The versions that have the feature.
    ///
    /// The ranges are those of hcsshim's hcn package, but for [`Self::ModifyLoadBalancer`]: HNS 15.4 takes the call and
    /// changes nothing (kubernetes/kubernetes#131466), so hnslib counts from 15.5.
    const fn ranges(self) -> &'static [Range] {
        match self {
            Self::Acl => const { &[Range::from(7, 2)] },
            Self::ApiV2 | Self::RemoteSubnet | Self::HostRoute => const { &[Range::from(9, 2)] },
            Self::DirectServerReturn => const { &[Range::within(9, 3), Range::from(10, 2)] },
            Self::Slash32EndpointPrefixes => const { &[Range::within(9, 3), Range::from(10, 4)] },
            Self::VxlanPort => const { &[Range::from(10, 3)] },
            Self::AclSupportForProtocol252 => const { &[Range::from(11, 0)] },
            Self::Ipv6DualStack => const { &[Range::from(11, 10)] },
            Self::SessionAffinity => const { &[Range::from(12, 0)] },
            Self::SetPolicy => const { &[Range::from(13, 0)] },
            Self::L4Proxy => {
                const {
                    &[
                        Range::within(9, 5),
                        Range::within(10, 5),
                        Range::within(11, 11),
                        Range::within(12, 1),
                        Range::from(13, 1),
                    ]
                }
            }
            Self::L4WfpProxy => const { &[Range::from(13, 2)] },
            Self::TierAcl => const { &[Range::from(14, 0)] },
            Self::NetworkAcl | Self::NestedIpSet => const { &[Range::from(15, 0)] },
            Self::DisableHostPort => const { &[Range::from(15, 1)] },
            Self::Accelnet => const { &[Range::from(15, 4)] },
            Self::ModifyLoadBalancer => const { &[Range::within(15, 5), Range::from(16, 0)] },
        }
    }
}

/// Versions from `first` on, up to but without `end`.
struct Range {
    first: Version,
    end: Option<Version>,
}

impl Range {
    /// All versions from `major.minor` on.
    const fn from(major: u32, minor: u32) -> Self {
        Self { first: Version::new(major, minor), end: None }
    }

    /// The versions from `major.minor` on that have the same major part.
    const fn within(major: u32, minor: u32) -> Self {
        Self { first: Version::new(major, minor), end: Some(Version::new(major + 1, 0)) }
    }

    fn contains(&self, version: Version) -> bool {
        version >= self.first && self.end.is_none_or(|end| version < end)
    }
}

/// What an HNS of one version can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    version: Version,
}

impl Capabilities {
    /// What an HNS of `version` can do.
    #[must_use]
    pub const fn of(version: Version) -> Self {
        Self { version }
    }

    /// The version they are of.
    #[must_use]
    pub const fn version(self) -> Version {
        self.version
    }

    /// Whether HNS has `feature`.
    #[must_use]
    pub fn has(self, feature: Feature) -> bool {
        feature.ranges().iter().any(|range| range.contains(self.version))
    }

    /// The features that HNS has.
    pub fn features(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.has(*feature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(feature: Feature, with: &[&str], without: &[&str]) {
        for version in with {
            assert!(Capabilities::of(version.parse().unwrap()).has(feature), "{version}");
        }
        for version in without {
            assert!(!Capabilities::of(version.parse().unwrap()).has(feature), "{version}");
        }
    }

    #[test]
    fn features_come_with_versions() {
        check(Feature::Acl, &["7.2", "9.0"], &["7.1"]);
        check(Feature::ApiV2, &["9.2"], &["9.1"]);
        check(Feature::RemoteSubnet, &["9.2"], &["9.1"]);
        check(Feature::HostRoute, &["9.2"], &["9.1"]);
        check(
            Feature::DirectServerReturn,
            &["9.3", "9.99", "10.2", "15.5"],
            &["9.2", "10.0", "10.1"],
        );
        check(Feature::Slash32EndpointPrefixes, &["9.3", "10.4"], &["10.0", "10.3"]);
        check(Feature::VxlanPort, &["10.3"], &["10.2", "9.9"]);
        check(Feature::AclSupportForProtocol252, &["11.0"], &["10.9"]);
        check(Feature::Ipv6DualStack, &["11.10", "12.0"], &["11.9"]);
        check(Feature::SessionAffinity, &["12.0"], &["11.99"]);
        check(Feature::SetPolicy, &["13.0"], &["12.9"]);
        check(
            Feature::L4Proxy,
            &["9.5", "10.5", "11.11", "12.1", "13.1"],
            &["9.4", "12.0", "13.0"],
        );
        check(Feature::L4WfpProxy, &["13.2"], &["13.1"]);
        check(Feature::TierAcl, &["14.0"], &["13.9"]);
        check(Feature::NetworkAcl, &["15.0"], &["14.9"]);
        check(Feature::NestedIpSet, &["15.0"], &["14.9"]);
        check(Feature::DisableHostPort, &["15.1"], &["15.0"]);
        check(Feature::Accelnet, &["15.4"], &["15.3"]);
        check(Feature::ModifyLoadBalancer, &["15.5", "15.9", "16.0", "17.1"], &["15.4", "14.9"]);
    }

    #[test]
    fn a_recent_version_has_everything_and_an_old_one_nothing() {
        assert!(Capabilities::of(Version::new(15, 5)).features().eq(Feature::ALL));
        assert_eq!(Capabilities::of(Version::new(7, 1)).features().count(), 0);
    }
}
