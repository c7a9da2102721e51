//go:build windows

package main

import (
	"fmt"

	"github.com/Microsoft/hcsshim"
	"github.com/Microsoft/hcsshim/hcn"
	hnslib "github.com/Microsoft/hnslib/hcn"
)

var featureChecks = []check{
	{"HCN-features", "an HNS 15.5 has every feature that a proxy asks for", features},
	{"HCN-globals", "the version, in both generations of the interface", globals},
	{"HCN-stopped", "an HNS that is away is not one without objects", stopped},
}

func globals() {
	for _, version := range []hcn.Version{{Major: 9, Minor: 3}, {Major: 13, Minor: 2}, {Major: 15, Minor: 5}} {
		fresh(fmt.Sprintf(`{"version":{"Major":%d,"Minor":%d}}`, version.Major, version.Minor))
		expect(got(hcn.GetGlobals()).Version == version, "not %v", version)
		older := got(hcsshim.GetHNSGlobals()).Version
		expect(older.Major == version.Major && older.Minor == version.Minor, "%v is not %v", older, version)
	}
	expect(hcsshim.GetHNSSupportedFeatures().Acl.AclPortRanges, "no port ranges in rules")
	must(hcn.V2ApiSupported())
	must(hcn.DSRSupported())
}

// hcsshim asks once for each process, so what it then says depends on the version that it met first.
func features() {
	found := hcn.GetSupportedFeatures()
	expect(found.Api.V1 && found.Api.V2 && found.RemoteSubnet && found.HostRoute && found.DSR, "%+v", found)
	expect(found.Slash32EndpointPrefixes && found.VxlanPort && found.L4Proxy && found.L4WfpProxy, "%+v", found)
	expect(found.IPv6DualStack && found.SessionAffinity && found.SetPolicy && found.TierAcl, "%+v", found)
	expect(found.NetworkACL && found.NestedIpSet && found.DisableHostPort && found.ModifyLoadbalancer, "%+v", found)
	newer := hnslib.GetSupportedFeatures()
	expect(newer.ModifyLoadbalancer && newer.DSR && newer.IPv6DualStack && newer.SessionAffinity, "%+v", newer)
}

func stopped() {
	got(bridge("cbr0").Create())
	steer("stop", "")
	_, err := hcn.ListNetworks()
	expect(err != nil && !hcn.IsNotFoundError(err) && !hcn.IsElementNotFoundError(err), "in flight: %v", err)
	_, err = hcn.ListNetworks()
	refused(err, 0x6BA, "while it is away")
	_, err = hcn.GetNetworkByName("cbr0")
	refused(err, 0x6BA, "while it is away")
	_, err = hcsshim.HNSListPolicyListRequest()
	expect(err != nil, "version 1 answers while it is away")
	steer("start", "")
	expect(len(got(hcn.ListNetworks())) == 1, "the network is gone")
}
