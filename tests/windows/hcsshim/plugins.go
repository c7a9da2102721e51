//go:build windows

package main

import (
	"encoding/json"
	"net"
	"strings"

	"github.com/Microsoft/hcsshim"
	"github.com/Microsoft/hcsshim/hcn"
)

var pluginChecks = []check{
	{"PLUGIN-win-bridge", "containernetworking's win-bridge adds and deletes a pod", winBridge},
	{"PLUGIN-win-overlay", "its win-overlay does, by version 1", winOverlay},
	{"PLUGIN-sdnbridge", "sdnbridge does, with policies and DNS", sdnBridge},
	{"PLUGIN-flannel", "flannel makes its networks and routes", flannel},
	{"PLUGIN-azure", "Azure's plug-in uses two families, sets and rules", azure},
}

func winBridge() {
	got(bridge("cbr0").Create())
	network := got(hcn.GetNetworkByName("cbr0"))
	namespace := got(hcn.NewNamespace(hcn.NamespaceTypeHost).Create())
	_, err := hcn.GetEndpointByName("container_cbr0")
	expect(hcn.IsNotFoundError(err), "before: %v", err)
	endpoint := &hcn.HostComputeEndpoint{
		Name:               "container_cbr0",
		HostComputeNetwork: network.Id,
		Dns:                hcn.Dns{Domain: "cluster.local", ServerList: []string{"10.96.0.10"}, Search: []string{"svc"}},
		Routes:             []hcn.Route{{NextHop: "10.62.3.1", DestinationPrefix: "0.0.0.0/0"}},
		IpConfigurations:   []hcn.IpConfig{{IpAddress: "10.62.3.20", PrefixLength: 24}},
		Policies: []hcn.EndpointPolicy{
			{Type: hcn.OutBoundNAT, Settings: []byte(`{"Exceptions":["10.62.0.0/16","10.96.0.0/12"]}`)},
			{Type: hcn.SDNRoute, Settings: []byte(`{"DestinationPrefix":"10.96.0.0/12","NeedEncap":true}`)},
		},
		SchemaVersion: version2,
	}
	made := got(endpoint.Create())
	must(hcn.AddNamespaceEndpoint(namespace.Id, made.Id))
	again := got(hcn.GetEndpointByName("container_cbr0"))
	expect(len(again.Policies) == 2 && again.Dns.Domain == "cluster.local", "%+v", again)
	expect(len(again.Dns.Search) == 1 && len(again.Routes) == 1, "%+v", again)
	must(hcn.RemoveNamespaceEndpoint(namespace.Id, again.Id))
	must(again.Delete())
	_, err = hcn.GetEndpointByName("container_cbr0")
	expect(hcn.IsNotFoundError(err), "after: %v", err)
	must(namespace.Delete())
}

func winOverlay() {
	created := olderNetwork("vxlan0", "overlay")
	created.Subnets[0].Policies = []json.RawMessage{[]byte(`{"Type":"VSID","VSID":4096}`)}
	got(created.Create())
	network := got(hcsshim.GetHNSNetworkByName("vxlan0"))
	expect(strings.EqualFold(network.Type, "Overlay"), "%+v", network)
	expect(strings.Contains(string(raw(network.Policies)), "PA") || network.ManagementIP != "", "no provider address")
	_, err := hcsshim.GetHNSEndpointByName("container_vxlan0")
	expect(hcsshim.IsNotExist(err), "before: %v", err)
	made := got((&hcsshim.HNSEndpoint{
		Name:           "container_vxlan0",
		VirtualNetwork: network.Id,
		DNSServerList:  "10.96.0.10",
		DNSSuffix:      "svc.cluster.local",
		GatewayAddress: "10.63.3.1",
		IPAddress:      net.ParseIP("10.63.3.20"),
		MacAddress:     "0E-2A-0a-3f-03-14",
		Policies:       []json.RawMessage{[]byte(`{"Type":"ROUTE","DestinationPrefix":"10.96.0.0/12","NeedEncap":true}`)},
	}).Create())
	expect(strings.EqualFold(made.MacAddress, "0E-2A-0a-3f-03-14") && made.DNSServerList == "10.96.0.10", "%+v", made)
	must(made.ContainerAttach("c0ffee", 0))
	found := got(hcsshim.GetHNSEndpointByName("container_vxlan0"))
	expect(strings.EqualFold(found.VirtualNetwork, network.Id), "%+v", found)
	must(found.ContainerDetach("c0ffee"))
	got(found.Delete())
}

func sdnBridge() {
	network := bridge("azure")
	network.Dns = hcn.Dns{Domain: "cluster.local", ServerList: []string{"10.96.0.10"}}
	network.Policies = []hcn.NetworkPolicy{{
		Type: hcn.NetAdapterName, Settings: raw(hcn.NetAdapterNameNetworkPolicySetting{NetworkAdapterName: "Ethernet"}),
	}}
	made := got(network.Create())
	expect(len(made.Policies) >= 1 && made.Dns.ServerList[0] == "10.96.0.10", "%+v", made)
	namespace := got(hcn.NewNamespace(hcn.NamespaceTypeGuest).Create())
	endpoint := endpointAt("10.62.3.20")
	endpoint.Policies = []hcn.EndpointPolicy{
		rule(hcn.DirectionTypeIn, 4096), rule(hcn.DirectionTypeOut, 4096),
		{Type: hcn.PortMapping, Settings: raw(hcn.PortMappingPolicySetting{
			Protocol: 6, InternalPort: 80, ExternalPort: 8088, Flags: hcn.NatFlagsLocalRoutedVip,
		})},
	}
	pod := got(made.CreateEndpoint(endpoint))
	must(pod.NamespaceAttach(namespace.Id))
	expect(len(got(hcn.GetEndpointByID(pod.Id)).Policies) == 3, "policies are lost")
	must(pod.NamespaceDetach(namespace.Id))
	must(pod.Delete())
	must(namespace.Delete())
}

func flannel() {
	// host-gw, by version 1: the network, and an endpoint of the host on it.
	older := got(olderNetwork("cbr0", "l2bridge").Create())
	host := got(older.CreateEndpoint(&hcsshim.HNSEndpoint{Name: "cbr0_ep", IPAddress: net.ParseIP("10.63.3.2")}))
	must(host.HostAttach(1))
	expect(got(hcsshim.GetHNSEndpointByName("cbr0_ep")).IPAddress.String() == "10.63.3.2", "another by its name")
	got(older.Delete())
	// vxlan: other nodes come and go.
	network := got(overlay("flannel.4096").Create())
	router := ""
	for _, policy := range network.Policies {
		if policy.Type == hcn.DrMacAddress {
			var settings hcn.DrMacAddressNetworkPolicySetting
			must(json.Unmarshal(policy.Settings, &settings))
			router = settings.Address
		}
	}
	_, err := net.ParseMAC(router)
	must(err)
	must(network.AddPolicy(remoteSubnet("10.62.4.0/24", "192.0.2.12")))
	must(network.AddPolicy(remoteSubnet("10.62.5.0/24", "192.0.2.13")))
	must(network.RemovePolicy(remoteSubnet("10.62.4.0/24", "192.0.2.12")))
	expect(countPolicies(network.Id, hcn.RemoteSubnetRoute) == 1, "not one route")
}

func azure() {
	network := bridge("azure")
	network.Ipams[0].Subnets = append(network.Ipams[0].Subnets, subnet("fd00:62:3::/64", "fd00:62:3::1"))
	network.Flags = hcn.EnableNonPersistent
	made := got(network.Create())
	expect(made.Flags == hcn.EnableNonPersistent && len(made.Ipams[0].Subnets) == 2, "%+v", made)
	set := func(id, values string) hcn.PolicyNetworkRequest {
		return hcn.PolicyNetworkRequest{Policies: []hcn.NetworkPolicy{{Type: hcn.SetPolicy, Settings: raw(
			hcn.SetPolicySetting{Id: id, Name: id, Type: hcn.SetPolicyTypeIpSet, Values: values})}}}
	}
	must(made.AddPolicy(set("azure-npm-1", "10.62.3.20,10.62.3.21")))
	must(made.AddPolicy(set("azure-npm-2", "10.62.3.22")))
	expect(countPolicies(made.Id, hcn.SetPolicy) == 2, "not two sets")
	must(made.RemovePolicy(set("azure-npm-2", "10.62.3.22")))
	expect(countPolicies(made.Id, hcn.SetPolicy) == 1, "not one set")
	endpoint := endpointAt("10.62.3.20")
	endpoint.IpConfigurations = append(endpoint.IpConfigurations, hcn.IpConfig{IpAddress: "fd00:62:3::20"})
	pod := got(made.CreateEndpoint(endpoint))
	expect(len(pod.IpConfigurations) == 2 && pod.IpConfigurations[1].PrefixLength == 64, "%+v", pod.IpConfigurations)
	must(pod.ApplyPolicy(hcn.RequestTypeAdd, hcn.PolicyEndpointRequest{
		Policies: []hcn.EndpointPolicy{rule(hcn.DirectionTypeIn, 2000)},
	}))
	namespace := got(hcn.NewNamespace(hcn.NamespaceTypeHost).Create())
	must(hcn.AddNamespaceEndpoint(namespace.Id, pod.Id))
	must(hcn.RemoveNamespaceEndpoint(namespace.Id, pod.Id))
	must(pod.Delete())
}
