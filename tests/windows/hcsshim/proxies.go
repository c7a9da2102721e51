//go:build windows

package main

import (
	"fmt"
	"strings"

	"github.com/Microsoft/hcsshim"
	"github.com/Microsoft/hcsshim/hcn"
	hnslib "github.com/Microsoft/hnslib/hcn"
)

var proxyChecks = []check{
	{"PROXY-kube-proxy", "kube-proxy's start, a change and the end of a service, by hnslib", kubeProxy},
	{"PROXY-kube-proxy-restart", "it finds what its predecessor left, and deletes it", kubeProxyRestart},
	{"PROXY-kpng", "KPNG's Windows backend, by both generations", kpng},
}

// proxy is what kube-proxy keeps of HNS: endpoints by address and id, load balancers by frontend.
type proxy struct {
	network   *hnslib.HostComputeNetwork
	sourceVIP string
	endpoints map[string]hnslib.HostComputeEndpoint
	balancers map[string]hnslib.HostComputeLoadBalancer
}

func frontend(balancer *hnslib.HostComputeLoadBalancer) string {
	vip := ""
	if len(balancer.FrontendVIPs) > 0 {
		vip = balancer.FrontendVIPs[0]
	}
	mapping := balancer.PortMappings[0]
	return fmt.Sprintf("%d/%d/%d/%s", mapping.Protocol, mapping.InternalPort, mapping.ExternalPort, vip)
}

// look reads everything again, as each sync does.
func (proxy *proxy) look() {
	proxy.endpoints = map[string]hnslib.HostComputeEndpoint{}
	for _, endpoint := range got(hnslib.ListEndpointsOfNetwork(proxy.network.Id)) {
		proxy.endpoints[endpoint.IpConfigurations[0].IpAddress] = endpoint
	}
	proxy.balancers = map[string]hnslib.HostComputeLoadBalancer{}
	for _, balancer := range got(hnslib.ListLoadBalancers()) {
		key := frontend(&balancer)
		_, twice := proxy.balancers[key]
		expect(!twice, "two load balancers hold %s", key)
		proxy.balancers[key] = balancer
	}
}

// remote finds or makes the endpoint of a backend elsewhere.
func (proxy *proxy) remote(address, provider string) string {
	if found, ok := proxy.endpoints[address]; ok {
		return found.Id
	}
	endpoint := &hnslib.HostComputeEndpoint{
		IpConfigurations: []hnslib.IpConfig{{IpAddress: address}},
		MacAddress:       hardwareAddress(address),
		Flags:            hnslib.EndpointFlagsRemoteEndpoint,
		SchemaVersion:    hnslib.SchemaVersion{Major: 2},
		Policies: []hnslib.EndpointPolicy{{
			Type:     hnslib.NetworkProviderAddress,
			Settings: raw(hnslib.ProviderAddressEndpointPolicySetting{ProviderAddress: provider}),
		}},
	}
	made := got(proxy.network.CreateRemoteEndpoint(endpoint))
	proxy.endpoints[address] = *made
	return made.Id
}

// balance makes the load balancer of a frontend, or replaces its endpoints.
func (proxy *proxy) balance(vip string, external uint16, flags hnslib.LoadBalancerFlags, endpoints []string) string {
	wanted := &hnslib.HostComputeLoadBalancer{
		HostComputeEndpoints: endpoints,
		SourceVIP:            proxy.sourceVIP,
		Flags:                flags,
		PortMappings:         []hnslib.LoadBalancerPortMapping{{Protocol: 6, InternalPort: 8080, ExternalPort: external}},
		SchemaVersion:        hnslib.SchemaVersion{Major: 2},
	}
	if vip != "" {
		wanted.FrontendVIPs = []string{vip}
	}
	if held, ok := proxy.balancers[frontend(wanted)]; ok {
		wanted.Id = held.Id
		return got(wanted.Update(held.Id)).Id
	}
	return got(wanted.Create()).Id
}

// startProxy does what kube-proxy does before its first sync.
func startProxy(sourceVIP string) *proxy {
	expect(hnslib.GetSupportedFeatures().DSR, "no DSR")
	network := got(hnslib.GetNetworkByName("vxlan0"))
	expect(strings.EqualFold(string(network.Type), "overlay"), "the network is of type %s", network.Type)
	remoteSubnets := 0
	for _, policy := range network.Policies {
		if policy.Type == hnslib.RemoteSubnetRoute {
			remoteSubnets++
		}
	}
	expect(remoteSubnets == 1, "%d routes to other nodes", remoteSubnets)
	for _, balancer := range got(hnslib.ListLoadBalancers()) {
		must(balancer.Delete())
	}
	started := &proxy{network: network, sourceVIP: sourceVIP}
	started.look()
	if _, ok := started.endpoints[sourceVIP]; !ok {
		got(network.CreateEndpoint(&hnslib.HostComputeEndpoint{
			Name:             "source-vip",
			IpConfigurations: []hnslib.IpConfig{{IpAddress: sourceVIP, PrefixLength: 24}},
			MacAddress:       "00-15-5D-3E-03-02",
			SchemaVersion:    hnslib.SchemaVersion{Major: 2},
		}))
		started.look()
	}
	return started
}

// node is an overlay with a pod, as the network plug-in leaves it.
func node() {
	network := got(overlay("vxlan0").Create())
	must(network.AddPolicy(remoteSubnet("10.62.9.0/24", "192.0.2.12")))
	got(network.CreateEndpoint(endpointAt("10.62.3.20")))
}

// sync is one pass over one service with these backends elsewhere.
func (proxy *proxy) sync(backends []string) {
	proxy.look()
	local := proxy.endpoints["10.62.3.20"].Id
	expect(local != "", "the pod's endpoint is not found by its address")
	all := []string{local}
	for _, address := range backends {
		all = append(all, proxy.remote(address, "192.0.2.12"))
	}
	proxy.remote("10.96.4.7", "192.0.2.11")
	proxy.balance("10.96.4.7", 80, 0, all)
	proxy.balance("", 31080, 0, all)
	proxy.balance("203.0.113.7", 80, hnslib.LoadBalancerFlagsDSR, []string{local})
}

// clear takes the service away: load balancers first, then the endpoints that only it used.
func (proxy *proxy) clear() {
	proxy.look()
	for _, balancer := range proxy.balancers {
		must(got(hnslib.GetLoadBalancerByID(balancer.Id)).Delete())
	}
	for _, endpoint := range proxy.endpoints {
		if endpoint.Flags == hnslib.EndpointFlagsRemoteEndpoint {
			must(got(hnslib.GetEndpointByID(endpoint.Id)).Delete())
		}
	}
}

func kubeProxy() {
	node()
	started := startProxy("10.62.3.2")
	started.sync([]string{"10.62.9.9", "10.62.9.10"})
	started.look()
	expect(len(started.balancers) == 3 && len(started.endpoints) == 5, "%d and %d", len(started.balancers), len(started.endpoints))
	held := started.balancers["6/8080/80/10.96.4.7"]
	expect(len(held.HostComputeEndpoints) == 3 && held.SourceVIP == "10.62.3.2", "%+v", held)
	started.sync([]string{"10.62.9.10", "10.62.9.11"})
	started.look()
	changed := started.balancers["6/8080/80/10.96.4.7"]
	expect(changed.Id == held.Id && len(changed.HostComputeEndpoints) == 3, "%+v", changed)
	must(got(hnslib.GetEndpointByID(started.endpoints["10.62.9.9"].Id)).Delete())
	started.clear()
	started.look()
	expect(len(started.balancers) == 0 && len(started.endpoints) == 2, "%d and %d", len(started.balancers), len(started.endpoints))
}

func kubeProxyRestart() {
	node()
	first := startProxy("10.62.3.2")
	first.sync([]string{"10.62.9.9"})
	second := startProxy("10.62.3.2")
	expect(len(second.balancers) == 0, "%d load balancers are left", len(second.balancers))
	expect(len(second.endpoints) == 4, "%d endpoints are found again", len(second.endpoints))
	second.sync([]string{"10.62.9.9"})
	steer("restart", "")
	second.sync([]string{"10.62.9.9", "10.62.9.10"})
	second.look()
	expect(len(second.balancers) == 3, "%d load balancers after HNS was restarted", len(second.balancers))
}

func kpng() {
	node()
	for _, list := range got(hcsshim.HNSListPolicyListRequest()) {
		got(list.Delete())
	}
	network := got(hcn.GetNetworkByName("vxlan0"))
	_, err := hcn.GetEndpointByID("")
	expect(hcn.IsNotFoundError(err), "the empty id: %v", err)
	remote := got(network.CreateRemoteEndpoint(remoteAt("10.62.9.9", "192.0.2.12")))
	balancer := hcn.HostComputeLoadBalancer{
		HostComputeEndpoints: []string{strings.ToUpper(remote.Id)},
		SourceVIP:            "10.62.3.2",
		FrontendVIPs:         []string{"10.96.4.7"},
		PortMappings:         tcp(8080, 80),
		SchemaVersion:        version2,
	}
	made := got(balancer.Create())
	expect(strings.EqualFold(made.HostComputeEndpoints[0], remote.Id), "%v", made.HostComputeEndpoints)
	_, err = balancer.Create()
	refused(err, 0xB7, "the frontend again")
	lists := got(hcsshim.HNSListPolicyListRequest())
	expect(len(lists) == 1 && strings.EqualFold(lists[0].ID, made.Id), "%+v", lists)
	got(lists[0].Delete())
	must(remote.Delete())
}
