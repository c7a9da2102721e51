//go:build windows

package main

import (
	"strings"

	"github.com/Microsoft/hcsshim/hcn"
)

var endpointChecks = []check{
	{"HCN-endpoints", "local endpoints are made, listed, found and deleted", endpoints},
	{"HCN-endpoint-names", "two endpoints may have one name", endpointNames},
	{"HCN-remote-endpoints", "remote endpoints keep what they are given", remoteEndpoints},
	{"HCN-endpoint-errors", "used, foreign and missing addresses, equal endpoints", endpointErrors},
	{"HCN-endpoint-policies", "policies are applied, replaced and removed", endpointPolicies},
	{"HCN-port-mappings", "one port mapping, one endpoint", portMappings},
	{"HCN-routes", "calls of SdnRoute answer E_NOTIMPL and nothing worse", routes},
	{"HCN-vanishing", "what is deleted between list and read is an error of that read alone", vanishing},
}

func endpoints() {
	network := got(bridge("cbr0").Create())
	other := got(overlay("vxlan0").Create())
	made := got(network.CreateEndpoint(endpointAt("10.62.3.20")))
	expect(made.Id != "" && made.Name == "pod-10.62.3.20", "%+v", made)
	expect(strings.EqualFold(made.HostComputeNetwork, network.Id), "it is on %s", made.HostComputeNetwork)
	expect(len(made.IpConfigurations) == 1 && made.IpConfigurations[0].PrefixLength == 24, "%+v", made.IpConfigurations)
	expect(made.MacAddress != "" && len(made.Routes) == 1, "no hardware address or route: %+v", made)
	picked := got(network.CreateEndpoint(&hcn.HostComputeEndpoint{SchemaVersion: version2}))
	expect(picked.IpConfigurations[0].IpAddress != "", "no address was picked")
	direct := endpointAt("10.62.3.21")
	direct.HostComputeNetwork = other.Id
	got(direct.Create())
	expect(len(got(hcn.ListEndpoints())) == 3, "not three endpoints")
	expect(len(got(hcn.ListEndpointsOfNetwork(network.Id))) == 2, "not two of the first network")
	expect(len(got(hcn.ListEndpointsOfNetwork(other.Id))) == 1, "not one of the second network")
	expect(got(hcn.GetEndpointByID(made.Id)).Id == made.Id, "another by its id")
	expect(got(hcn.GetEndpointByName(made.Name)).Id == made.Id, "another by its name")
	must(made.Delete())
	_, err := hcn.GetEndpointByID(made.Id)
	expect(hcn.IsNotFoundError(err), "a deleted one: %v", err)
	refused(made.Delete(), 0x803B0002, "delete it twice")
}

func endpointNames() {
	network := got(bridge("cbr0").Create())
	named := &hcn.HostComputeEndpoint{Name: "Ethernet", SchemaVersion: version2}
	first := got(network.CreateEndpoint(named))
	second := got(network.CreateEndpoint(named))
	expect(first.Id != second.Id, "it is one endpoint")
	_, err := hcn.GetEndpointByName("Ethernet")
	must(err)
}

func remoteEndpoints() {
	for _, network := range []*hcn.HostComputeNetwork{got(overlay("vxlan0").Create()), got(bridge("cbr0").Create())} {
		for _, address := range []string{"10.62.9.9", "10.62.9.10", "fd00:62:9::9"} {
			made := got(network.CreateRemoteEndpoint(remoteAt(address, "192.0.2.12")))
			expect(made.Flags == hcn.EndpointFlagsRemoteEndpoint, "%s has the flags %d", address, made.Flags)
			expect(strings.EqualFold(made.MacAddress, hardwareAddress(address)), "%s has %s", address, made.MacAddress)
			expect(made.IpConfigurations[0].IpAddress == address, "%s became %+v", address, made.IpConfigurations)
			expect(len(made.Policies) == 1 && made.Policies[0].Type == hcn.NetworkProviderAddress, "%+v", made.Policies)
			must(made.Delete())
		}
	}
}

func endpointErrors() {
	network := got(overlay("vxlan0").Create())
	got(network.CreateEndpoint(endpointAt("10.62.3.20")))
	_, err := network.CreateEndpoint(endpointAt("10.62.3.20"))
	refused(err, 0x803B002F, "a used address")
	_, err = network.CreateEndpoint(endpointAt("10.62.3.1"))
	refused(err, 0x803B002F, "the gateway")
	_, err = network.CreateEndpoint(endpointAt("192.0.2.1"))
	refused(err, 0x803B001E, "an address outside")
	_, err = network.CreateRemoteEndpoint(remoteAt("10.62.9.9", ""))
	refused(err, 0x803B000D, "no provider address on an overlay")
	got(network.CreateRemoteEndpoint(remoteAt("10.62.9.9", "192.0.2.12")))
	_, err = network.CreateRemoteEndpoint(remoteAt("10.62.9.9", "192.0.2.12"))
	refused(err, 0x1392, "an equal endpoint")
	got(network.CreateRemoteEndpoint(remoteAt("10.62.3.20", "192.0.2.12")))
	_, err = hcn.GetEndpointByID("c0f0a11e-0000-4000-8000-000000000001")
	expect(hcn.IsNotFoundError(err), "a missing id: %v", err)
	_, err = hcn.GetEndpointByName("")
	expect(hcn.IsNotFoundError(err), "the empty name: %v", err)
	_, err = hcn.GetEndpointByID("nonsense")
	expect(err != nil, "what is no id is found")
}

func rule(direction hcn.DirectionType, priority uint16) hcn.EndpointPolicy {
	return hcn.EndpointPolicy{Type: hcn.ACL, Settings: raw(hcn.AclPolicySetting{
		Protocols: "6", Action: hcn.ActionTypeAllow, Direction: direction, RuleType: hcn.RuleTypeSwitch,
		LocalAddresses: "10.62.3.0/24", LocalPorts: "80,8080", Priority: priority,
	})}
}

func policies(id string, kind hcn.EndpointPolicyType) int {
	count := 0
	for _, policy := range got(hcn.GetEndpointByID(id)).Policies {
		if policy.Type == kind {
			count++
		}
	}
	return count
}

func endpointPolicies() {
	network := got(bridge("cbr0").Create())
	endpoint := endpointAt("10.62.3.20")
	endpoint.Policies = []hcn.EndpointPolicy{{
		Type: hcn.OutBoundNAT, Settings: raw(hcn.OutboundNatPolicySetting{Exceptions: []string{"10.62.0.0/16"}}),
	}}
	made := got(network.CreateEndpoint(endpoint))
	both := hcn.PolicyEndpointRequest{Policies: []hcn.EndpointPolicy{rule(hcn.DirectionTypeIn, 200), rule(hcn.DirectionTypeOut, 201)}}
	must(made.ApplyPolicy(hcn.RequestTypeAdd, both))
	expect(policies(made.Id, hcn.ACL) == 2 && policies(made.Id, hcn.OutBoundNAT) == 1, "after Add")
	one := hcn.PolicyEndpointRequest{Policies: []hcn.EndpointPolicy{rule(hcn.DirectionTypeIn, 300)}}
	must(made.ApplyPolicy(hcn.RequestTypeUpdate, one))
	expect(policies(made.Id, hcn.ACL) == 1 && policies(made.Id, hcn.OutBoundNAT) == 1, "after Update")
	must(made.ApplyPolicy(hcn.RequestTypeRemove, one))
	expect(policies(made.Id, hcn.ACL) == 0 && policies(made.Id, hcn.OutBoundNAT) == 1, "after Remove")
	proxy := hcn.PolicyEndpointRequest{Policies: []hcn.EndpointPolicy{{
		Type:     hcn.L4WFPPROXY,
		Settings: raw(hcn.L4WfpProxyPolicySetting{OutboundProxyPort: "15001", FilterTuple: hcn.FiveTuple{Protocols: "6"}}),
	}}}
	must(made.ApplyPolicy(hcn.RequestTypeAdd, proxy))
	remote := got(network.CreateRemoteEndpoint(remoteAt("10.62.9.9", "")))
	refused(remote.ApplyPolicy(hcn.RequestTypeUpdate, one), 0x803B000F, "a policy of a remote endpoint")
}

func portMappings() {
	network := got(bridge("cbr0").Create())
	mapped := func(address string, port uint16) error {
		endpoint := endpointAt(address)
		endpoint.Policies = []hcn.EndpointPolicy{{
			Type: hcn.PortMapping, Settings: raw(hcn.PortMappingPolicySetting{Protocol: 6, InternalPort: 80, ExternalPort: port}),
		}}
		_, err := network.CreateEndpoint(endpoint)
		return err
	}
	must(mapped("10.62.3.20", 8088))
	err := mapped("10.62.3.21", 8088)
	expect(hcn.IsPortAlreadyExistsError(err), "the same mapping: %v", err)
	must(mapped("10.62.3.22", 8089))
}

func routes() {
	network := got(bridge("cbr0").Create())
	endpoint := got(network.CreateEndpoint(endpointAt("10.62.3.20")))
	_, err := hcn.AddRoute([]hcn.HostComputeEndpoint{*endpoint}, "10.62.9.0/24", "10.62.3.2", false)
	expect(hcn.IsNotImplemented(err), "add: %v", err)
	_, err = hcn.ListRoutes()
	expect(hcn.IsNotImplemented(err), "list: %v", err)
	_, err = hcn.GetRouteByID(endpoint.Id)
	expect(hcn.IsNotImplemented(err), "get: %v", err)
	// hcsshim takes a route that it cannot read for gone.
	must((&hcn.HostComputeRoute{ID: endpoint.Id}).Delete())
}

func vanishing() {
	network := got(bridge("cbr0").Create())
	endpoint := got(network.CreateEndpoint(endpointAt("10.62.3.20")))
	steer("faults", `{"faults":[{"on":{"call":"HcnOpenEndpoint"},"skip":0,"times":1,`+
		`"does":{"fault":"refuse","code":"0x803B0002"}}]}`)
	_, err := hcn.ListEndpoints()
	refused(err, 0x803B0002, "a list whose endpoint vanishes")
	expect(len(got(hcn.ListEndpoints())) == 1, "it is gone for good")
	must(endpoint.Delete())
}
