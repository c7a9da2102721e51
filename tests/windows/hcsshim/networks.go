//go:build windows

package main

import (
	"strings"

	"github.com/Microsoft/hcsshim/hcn"
)

var networkChecks = []check{
	{"HCN-networks", "networks of each type are made, listed, found and deleted", networks},
	{"HCN-network-default-route", "hcsshim itself refuses a subnet without a default route", networkWithoutRoute},
	{"HCN-network-errors", "an existing name, a missing id and a missing name", networkErrors},
	{"HCN-network-policies", "policies of a network are added and removed", networkPolicies},
	{"HCN-network-settings", "what HNS does not know how to change is refused", networkSettings},
	{"HCN-network-reads-back", "an overlay says what flannel needs of it", overlayReadsBack},
}

func networks() {
	types := []hcn.NetworkType{
		hcn.NAT, hcn.Transparent, hcn.L2Bridge, hcn.L2Tunnel, hcn.ICS, hcn.Private, hcn.Overlay,
	}
	for index, kind := range types {
		network := bridge("of type " + string(kind))
		if kind == hcn.Overlay {
			network = overlay("of type Overlay")
		}
		network.Type = kind
		network.Flags = hcn.DisableHostPort
		made := got(network.Create())
		expect(made.Id != "" && made.Name == network.Name && made.Type == kind, "%+v", made)
		expect(made.Flags == hcn.DisableHostPort, "%s has the flags %d", kind, made.Flags)
		expect(len(made.Ipams) == 1 && made.Ipams[0].Subnets[0].IpAddressPrefix == "10.62.3.0/24", "%+v", made.Ipams)
		byID := got(hcn.GetNetworkByID(made.Id))
		byName := got(hcn.GetNetworkByName(made.Name))
		expect(byID.Id == made.Id && byName.Id == made.Id && byName.Type == kind, "%s is found as another", kind)
		expect(len(got(hcn.ListNetworks())) == index+1, "the list has not %d networks", index+1)
	}
	upper := got(hcn.GetNetworkByName("of type Private")).Id
	expect(got(hcn.GetNetworkByID(strings.ToUpper(upper))).Id == upper, "an id in upper case finds another")
	for _, network := range got(hcn.ListNetworks()) {
		must(network.Delete())
	}
	expect(len(got(hcn.ListNetworks())) == 0, "networks are left")
}

func networkWithoutRoute() {
	network := bridge("cbr0")
	network.Ipams[0].Subnets[0].Routes = nil
	_, err := network.Create()
	expect(err != nil && code(err) == 0, "HNS was asked: %v", err)
	expect(len(got(hcn.ListNetworks())) == 0, "there is a network")
}

func networkErrors() {
	got(bridge("cbr0").Create())
	_, err := overlay("cbr0").Create()
	refused(err, 0x803B0010, "the name again")
	_, err = hcn.GetNetworkByID("c0f0a11e-0000-4000-8000-000000000001")
	expect(hcn.IsNotFoundError(err), "a missing id: %v", err)
	_, err = hcn.GetNetworkByName("nobody")
	expect(hcn.IsNotFoundError(err), "a missing name: %v", err)
	_, err = hcn.GetNetworkByID("")
	expect(hcn.IsNotFoundError(err), "the empty id: %v", err)
	missing := hcn.HostComputeNetwork{Id: "c0f0a11e-0000-4000-8000-000000000001"}
	refused(missing.Delete(), 0x803B0001, "delete what is missing")
	_, err = missing.CreateEndpoint(endpointAt("10.62.3.20"))
	refused(err, 0x803B0001, "an endpoint on what is missing")
}

// remoteSubnet is the route that flannel adds for another node.
func remoteSubnet(prefix, provider string) hcn.PolicyNetworkRequest {
	return hcn.PolicyNetworkRequest{Policies: []hcn.NetworkPolicy{{
		Type: hcn.RemoteSubnetRoute,
		Settings: raw(hcn.RemoteSubnetRoutePolicySetting{
			DestinationPrefix: prefix, IsolationId: 4096, ProviderAddress: provider,
			DistributedRouterMacAddress: "00-15-5D-00-00-0C",
		}),
	}}}
}

func countPolicies(id string, kind hcn.NetworkPolicyType) int {
	count := 0
	for _, policy := range got(hcn.GetNetworkByID(id)).Policies {
		if policy.Type == kind {
			count++
		}
	}
	return count
}

func networkPolicies() {
	made := got(overlay("vxlan0").Create())
	for _, prefix := range []string{"10.62.4.0/24", "10.62.5.0/24", "10.62.6.0/24"} {
		must(made.AddPolicy(remoteSubnet(prefix, "192.0.2.12")))
	}
	must(made.AddPolicy(hcn.PolicyNetworkRequest{
		Policies: []hcn.NetworkPolicy{{Type: hcn.HostRoute, Settings: []byte("{}")}},
	}))
	expect(countPolicies(made.Id, hcn.RemoteSubnetRoute) == 3, "not three routes")
	expect(countPolicies(made.Id, hcn.HostRoute) == 1, "no host route")
	must(made.RemovePolicy(remoteSubnet("10.62.5.0/24", "192.0.2.12")))
	expect(countPolicies(made.Id, hcn.RemoteSubnetRoute) == 2, "not two routes")
	expect(countPolicies(made.Id, hcn.HostRoute) == 1, "the host route is gone")
}

func networkSettings() {
	made := got(bridge("cbr0").Create())
	for _, kind := range []hcn.NetworkResourceType{"Nonsense", hcn.NetworkResourceTypeExtension} {
		request := &hcn.ModifyNetworkSettingRequest{
			ResourceType: kind, RequestType: hcn.RequestTypeAdd, Settings: []byte("{}"),
		}
		err := made.ModifyNetworkSettings(request)
		expect(err != nil, "a change of %s is accepted", kind)
	}
	expect(got(hcn.GetNetworkByID(made.Id)).Name == "cbr0", "it is another now")
}

func overlayReadsBack() {
	made := got(overlay("vxlan0").Create())
	expect(countPolicies(made.Id, hcn.DrMacAddress) == 1, "no router's hardware address")
	expect(countPolicies(made.Id, hcn.ProviderAddress) == 1, "no provider address")
	expect(len(made.MacPool.Ranges) == 1, "no pool of hardware addresses: %+v", made.MacPool)
	policies := made.Ipams[0].Subnets[0].Policies
	expect(len(policies) == 1 && strings.Contains(string(policies[0]), "4096"), "the VSID is lost: %s", policies)
}
