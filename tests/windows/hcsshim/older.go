//go:build windows

package main

import (
	"encoding/json"
	"net"
	"strings"

	"github.com/Microsoft/hcsshim"
	"github.com/Microsoft/hcsshim/hcn"
)

var olderChecks = []check{
	{"V1-networks", "networks are made, listed, found and deleted", olderNetworks},
	{"V1-endpoints", "endpoints are made, attached, counted, detached and deleted", olderEndpoints},
	{"V1-endpoint-policies", "policies of an endpoint come back flat", olderPolicies},
	{"V1-policy-lists", "load balancers are policy lists", olderPolicyLists},
	{"V1-one-world", "both generations show the same objects", oneWorld},
	{"V1-errors", "failures are in the answer, not of the call", olderErrors},
	{"V1-accelnet", "the list of management addresses is set, read and deleted", accelnet},
}

func olderNetwork(name, kind string) *hcsshim.HNSNetwork {
	return &hcsshim.HNSNetwork{
		Name:    name,
		Type:    kind,
		Subnets: []hcsshim.Subnet{{AddressPrefix: "10.63.3.0/24", GatewayAddress: "10.63.3.1"}},
	}
}

func olderNetworks() {
	for index, kind := range []string{"nat", "L2Bridge", "overlay", "Transparent"} {
		made := got(olderNetwork("of type "+kind, kind).Create())
		expect(made.Id != "" && strings.EqualFold(made.Type, kind), "%+v", made)
		expect(len(made.Subnets) == 1 && made.Subnets[0].GatewayAddress == "10.63.3.1", "%+v", made.Subnets)
		expect(got(hcsshim.GetHNSNetworkByID(made.Id)).Name == made.Name, "another by its id")
		expect(got(hcsshim.GetHNSNetworkByName(made.Name)).Id == made.Id, "another by its name")
		list := got(hcsshim.HNSListNetworkRequest("GET", "", ""))
		expect(len(list) == index+1, "the list has %d networks", len(list))
		expect(made.ManagementIP != "", "no management address: %+v", made)
	}
	for _, network := range got(hcsshim.HNSListNetworkRequest("GET", "", "")) {
		got(network.Delete())
	}
	expect(len(got(hcsshim.HNSListNetworkRequest("GET", "", ""))) == 0, "networks are left")
	_, err := hcsshim.GetHNSNetworkByName("nobody")
	expect(hcsshim.IsNotExist(err), "a missing name: %v", err)
}

func olderEndpoints() {
	network := got(olderNetwork("cbr0", "L2Bridge").Create())
	made := got(network.CreateEndpoint(&hcsshim.HNSEndpoint{Name: "pod", IPAddress: net.ParseIP("10.63.3.20")}))
	expect(made.Id != "" && made.IPAddress.String() == "10.63.3.20" && made.PrefixLength == 24, "%+v", made)
	expect(made.GatewayAddress == "10.63.3.1" && made.MacAddress != "" && made.State == 1, "%+v", made)
	must(made.HostAttach(1))
	attached := got(hcsshim.GetHNSEndpointByID(made.Id))
	expect(attached.State == 2 || attached.State == 3, "its state is %d", attached.State)
	expect(made.HostAttach(1) != nil, "it is attached twice")
	stats := got(hcsshim.GetHNSEndpointStats(made.Id))
	expect(strings.EqualFold(stats.EndpointID, made.Id), "statistics of %s", stats.EndpointID)
	must(made.HostDetach())
	expect(got(hcsshim.GetHNSEndpointByName("pod")).State == 4, "it is not detached")
	container := got(network.CreateEndpoint(&hcsshim.HNSEndpoint{Name: "other"}))
	must(container.ContainerAttach("c0ffee", 2))
	expect(got(container.IsAttached("c0ffee")), "the container is not named")
	must(container.ContainerDetach("c0ffee"))
	remote := got(network.CreateRemoteEndpoint(&hcsshim.HNSEndpoint{
		IPAddress: net.ParseIP("10.63.9.9"), MacAddress: "02-11-0a-3f-09-09",
	}))
	expect(remote.IsRemoteEndpoint, "%+v", remote)
	expect(remote.HostAttach(1) != nil, "a remote endpoint is attached")
	expect(len(got(hcsshim.HNSListEndpointRequest())) == 3, "not three endpoints")
	for _, endpoint := range got(hcsshim.HNSListEndpointRequest()) {
		got(endpoint.Delete())
	}
	expect(len(got(hcsshim.HNSListEndpointRequest())) == 0, "endpoints are left")
}

func olderPolicies() {
	network := got(olderNetwork("cbr0", "L2Bridge").Create())
	made := got(network.CreateEndpoint(&hcsshim.HNSEndpoint{
		Name: "pod",
		Policies: []json.RawMessage{
			[]byte(`{"Type":"OutBoundNAT","ExceptionList":["10.63.0.0/16"]}`),
			[]byte(`{"Type":"ROUTE","DestinationPrefix":"10.96.0.0/12","NeedEncap":true}`),
		},
	}))
	all := string(raw(made.Policies))
	for _, word := range []string{"OutBoundNAT", "10.63.0.0/16", "ROUTE", "10.96.0.0/12"} {
		expect(strings.Contains(all, word), "%s is not in %s", word, all)
	}
	newer := got(hcn.GetEndpointByID(made.Id))
	expect(policies(made.Id, hcn.OutBoundNAT) == 1 && policies(made.Id, hcn.SDNRoute) == 1, "%s", raw(newer.Policies))
	must(made.ApplyACLPolicy(&hcsshim.ACLPolicy{
		Type: hcsshim.ACL, Protocol: 6, Action: hcsshim.Allow, Direction: hcsshim.In, LocalPorts: "80", Priority: 200,
	}))
	expect(policies(made.Id, hcn.ACL) == 1, "the rule is lost")
}

func olderPolicyLists() {
	network := got(olderNetwork("cbr0", "L2Bridge").Create())
	first := got(network.CreateEndpoint(&hcsshim.HNSEndpoint{Name: "first"}))
	second := got(network.CreateEndpoint(&hcsshim.HNSEndpoint{Name: "second"}))
	list := got(hcsshim.AddLoadBalancer([]hcsshim.HNSEndpoint{*first}, false, "", "10.96.4.7", 6, 8080, 80))
	expect(list.ID != "" && len(list.EndpointReferences) == 1, "%+v", list)
	expect(len(got(hcsshim.HNSListPolicyListRequest())) == 1, "it is not listed")
	found := got(hcsshim.GetPolicyListByID(list.ID))
	policy := hcsshim.ELBPolicy{}
	must(json.Unmarshal(found.Policies[0], &policy))
	expect(policy.Type == hcsshim.ExternalLoadBalancer && policy.ExternalPort == 80, "%+v", policy)
	expect(len(policy.VIPs) == 1 && policy.VIPs[0] == "10.96.4.7", "%+v", policy)
	more := got(list.AddEndpoint(second))
	expect(len(more.EndpointReferences) == 2, "%+v", more)
	fewer := got(more.RemoveEndpoint(first))
	expect(len(fewer.EndpointReferences) == 1 && strings.HasSuffix(strings.ToLower(fewer.EndpointReferences[0]),
		strings.ToLower(second.Id)), "%+v", fewer)
	_, err := hcsshim.AddLoadBalancer(nil, false, "", "10.96.4.8", 6, 8080, 80)
	expect(err != nil, "a load balancer without endpoints")
	// This is how KPNG, and kube-proxy before it, begin.
	for _, list := range got(hcsshim.HNSListPolicyListRequest()) {
		got(list.Delete())
	}
	expect(len(got(hcn.ListLoadBalancers())) == 0, "load balancers are left")
}

func oneWorld() {
	older := got(olderNetwork("cbr0", "L2Bridge").Create())
	newer := got(hcn.GetNetworkByName("cbr0"))
	expect(strings.EqualFold(older.Id, newer.Id) && newer.Type == hcn.L2Bridge, "%+v", newer)
	expect(newer.Ipams[0].Subnets[0].Routes[0].NextHop == "10.63.3.1", "%+v", newer.Ipams)
	endpoint := got(newer.CreateEndpoint(endpointAt("10.63.3.20")))
	shown := got(hcsshim.GetHNSEndpointByID(endpoint.Id))
	expect(shown.IPAddress.String() == "10.63.3.20" && strings.EqualFold(shown.VirtualNetwork, older.Id), "%+v", shown)
	balancer := got(hcn.AddLoadBalancer([]hcn.HostComputeEndpoint{*endpoint}, hcn.LoadBalancerFlagsDSR, 0, "",
		[]string{"10.96.4.7"}, 17, 53, 53))
	list := got(hcsshim.GetPolicyListByID(balancer.Id))
	expect(strings.Contains(string(list.Policies[0]), `"IsDSR":true`), "%s", list.Policies[0])
	got(list.Delete())
	_, err := hcn.GetLoadBalancerByID(balancer.Id)
	expect(hcn.IsNotFoundError(err), "it is still there: %v", err)
	got(shown.Delete())
	got(older.Delete())
	expect(len(got(hcn.ListNetworks())) == 0, "the network is left")
}

func olderErrors() {
	missing := "c0f0a11e-0000-4000-8000-000000000001"
	_, err := hcsshim.GetHNSNetworkByID(missing)
	expect(err != nil && strings.Contains(err.Error(), "hns failed with error"), "a missing network: %v", err)
	_, err = hcsshim.HNSEndpointRequest("POST", "", `{"VirtualNetwork":"`+missing+`"}`)
	expect(err != nil && strings.Contains(err.Error(), "Element not found"), "an endpoint on none: %v", err)
	_, err = hcsshim.HNSNetworkRequest("POST", "", `{`)
	expect(err != nil, "what is no JSON is a network")
	_, err = hcsshim.HNSNetworkRequest("PUT", "", `{}`)
	expect(err != nil, "PUT is a method")
	said := hnsCall("GET", "/nonsense", "")
	expect(!said.Success && said.Error != "", "/nonsense is a path: %s", said.Output)
}

func accelnet() {
	addresses := []string{"00-15-5D-0A-B7-C6", "00-15-5D-38-01-00"}
	expect(len(got(hcsshim.SetNnvManagementMacAddresses(addresses)).MacAddressList) == 2, "not two are set")
	expect(len(got(hcsshim.GetNnvManagementMacAddresses()).MacAddressList) == 2, "not two are read")
	expect(len(got(hcsshim.DeleteNnvManagementMacAddresses()).MacAddressList) == 0, "some are left")
	expect(len(got(hcsshim.GetNnvManagementMacAddresses()).MacAddressList) == 0, "some are left")
}
