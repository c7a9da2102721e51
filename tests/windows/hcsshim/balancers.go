//go:build windows

package main

import (
	"slices"
	"strings"

	"github.com/Microsoft/hcsshim/hcn"
)

var balancerChecks = []check{
	{"HCN-load-balancers", "load balancers are made, listed, found and deleted", balancers},
	{"HCN-load-balancer-flags", "every flag comes back", balancerFlags},
	{"HCN-load-balancer-update", "UpdateLoadBalancer replaces the document", balancerUpdate},
	{"HCN-load-balancer-update-older", "older builds answer E_NOTIMPL, 15.4 pretends", balancerUpdateOlder},
	{"HCN-load-balancer-endpoints", "AddEndpoint and RemoveEndpoint make it anew", balancerEndpoints},
	{"HCN-load-balancer-errors", "no endpoints, a missing one, a used frontend, the port 0", balancerErrors},
	{"HCN-referenced-endpoints", "an endpoint that a load balancer names stays", referencedEndpoints},
}

// backends are remote endpoints on a new overlay.
func backends(count int) []hcn.HostComputeEndpoint {
	network := got(overlay("vxlan0").Create())
	addresses := []string{"10.62.9.9", "10.62.9.10", "10.62.9.11", "10.62.9.12"}
	var made []hcn.HostComputeEndpoint
	for _, address := range addresses[:count] {
		made = append(made, *got(network.CreateRemoteEndpoint(remoteAt(address, "192.0.2.12"))))
	}
	return made
}

func balancers() {
	made := backends(2)
	first := got(hcn.AddLoadBalancer(made, hcn.LoadBalancerFlagsNone, hcn.LoadBalancerPortMappingFlagsNone,
		"10.62.3.2", []string{"10.96.4.7"}, 6, 8080, 80))
	expect(first.Id != "" && len(first.HostComputeEndpoints) == 2 && first.SourceVIP == "10.62.3.2", "%+v", first)
	expect(slices.Equal(first.FrontendVIPs, []string{"10.96.4.7"}), "%v", first.FrontendVIPs)
	mapping := hcn.LoadBalancerPortMapping{Protocol: 6, InternalPort: 8080, ExternalPort: 80}
	expect(slices.Equal(first.PortMappings, []hcn.LoadBalancerPortMapping{mapping}), "%+v", first.PortMappings)
	nodePort := got(hcn.AddLoadBalancer(made[:1], hcn.LoadBalancerFlagsDSR,
		hcn.LoadBalancerPortMappingFlagsLocalRoutedVIP, "", nil, 17, 53, 31053))
	expect(len(nodePort.FrontendVIPs) == 0 && nodePort.Flags == hcn.LoadBalancerFlagsDSR, "%+v", nodePort)
	expect(len(got(hcn.ListLoadBalancers())) == 2, "not two load balancers")
	found := got(hcn.GetLoadBalancerByID(strings.ToUpper(nodePort.Id)))
	expect(found.Id == nodePort.Id && found.PortMappings[0].ExternalPort == 31053, "%+v", found)
	must(first.Delete())
	_, err := hcn.GetLoadBalancerByID(first.Id)
	expect(hcn.IsNotFoundError(err), "a deleted one: %v", err)
	err = first.Delete()
	expect(hcn.IsElementNotFoundError(err), "delete it twice: %v", err)
	expect(len(got(hcn.ListLoadBalancers())) == 1, "not one load balancer")
}

func balancerFlags() {
	made := backends(1)
	for flags := hcn.LoadBalancerFlags(0); flags < 4; flags++ {
		for mapping := hcn.LoadBalancerPortMappingFlags(0); mapping < 32; mapping++ {
			vip := "10.96.4.7"
			if flags&hcn.LoadBalancerFlagsIPv6 != 0 {
				vip = "fd00:96::7"
			}
			balancer := hcn.HostComputeLoadBalancer{
				HostComputeEndpoints: []string{made[0].Id},
				FrontendVIPs:         []string{vip},
				Flags:                flags,
				PortMappings: []hcn.LoadBalancerPortMapping{{
					Protocol: 6, InternalPort: 80, ExternalPort: 80, Flags: mapping,
					DistributionType: hcn.LoadBalancerDistribution(mapping % 3),
				}},
				SchemaVersion: version2,
			}
			back := got(balancer.Create())
			expect(back.Flags == flags, "the flags %d became %d", flags, back.Flags)
			expect(slices.Equal(back.PortMappings, balancer.PortMappings), "%+v", back.PortMappings)
			must(back.Delete())
		}
	}
}

func balancerUpdate() {
	made := backends(3)
	balancer := got(hcn.AddLoadBalancer(made[:1], hcn.LoadBalancerFlagsDSR, 0, "", []string{"10.96.4.7"}, 6, 8080, 80))
	balancer.HostComputeEndpoints = []string{made[0].Id, made[1].Id, made[2].Id}
	balancer.Flags = hcn.LoadBalancerFlagsNone
	updated := got(balancer.Update(balancer.Id))
	expect(updated.Id == balancer.Id && len(updated.HostComputeEndpoints) == 3 && updated.Flags == 0, "%+v", updated)
	expect(len(got(hcn.ListLoadBalancers())) == 1, "there are two now")
	updated.HostComputeEndpoints = nil
	_, err := updated.Update(updated.Id)
	refused(err, 0x803B001C, "no endpoints")
	expect(len(got(hcn.GetLoadBalancerByID(balancer.Id)).HostComputeEndpoints) == 3, "it had its effect")
}

func balancerUpdateOlder() {
	fresh(`{"version":{"Major":13,"Minor":2}}`)
	made := backends(2)
	balancer := got(hcn.AddLoadBalancer(made[:1], 0, 0, "", []string{"10.96.4.7"}, 6, 8080, 80))
	balancer.HostComputeEndpoints = append(balancer.HostComputeEndpoints, made[1].Id)
	_, err := balancer.Update(balancer.Id)
	expect(hcn.IsNotImplemented(err), "13.2: %v", err)
	fresh(`{"version":{"Major":15,"Minor":4}}`)
	made = backends(2)
	balancer = got(hcn.AddLoadBalancer(made[:1], 0, 0, "", []string{"10.96.4.7"}, 6, 8080, 80))
	balancer.HostComputeEndpoints = append(balancer.HostComputeEndpoints, made[1].Id)
	updated := got(balancer.Update(balancer.Id))
	expect(len(updated.HostComputeEndpoints) == 1, "15.4 changes %v", updated.HostComputeEndpoints)
}

func balancerEndpoints() {
	made := backends(2)
	balancer := got(hcn.AddLoadBalancer(made[:1], 0, 0, "", []string{"10.96.4.7", "10.96.4.8"}, 6, 8080, 80))
	more := got(balancer.AddEndpoint(&made[1]))
	expect(len(more.HostComputeEndpoints) == 2, "%v", more.HostComputeEndpoints)
	fewer := got(more.RemoveEndpoint(&made[0]))
	expect(len(fewer.HostComputeEndpoints) == 1 && strings.EqualFold(fewer.HostComputeEndpoints[0], made[1].Id),
		"%v", fewer.HostComputeEndpoints)
	expect(len(got(hcn.ListLoadBalancers())) == 1, "more than one is left")
}

func balancerErrors() {
	made := backends(1)
	add := func(endpoints []hcn.HostComputeEndpoint, vip string, internal uint16) error {
		_, err := hcn.AddLoadBalancer(endpoints, 0, 0, "", []string{vip}, 6, internal, 80)
		return err
	}
	refused(add(nil, "10.96.4.7", 8080), 0x803B001C, "no endpoints")
	missing := hcn.HostComputeEndpoint{Id: "c0f0a11e-0000-4000-8000-000000000001"}
	refused(add([]hcn.HostComputeEndpoint{made[0], missing}, "10.96.4.7", 8080), 0x803B001C, "a missing one")
	refused(add(made, "10.96.4.7", 0), 0x803B002D, "the port 0")
	must(add(made, "10.96.4.7", 8080))
	refused(add(made, "10.96.4.7", 8081), 0xB7, "a used frontend")
	must(add(made, "10.96.4.8", 8080))
}

func referencedEndpoints() {
	made := backends(1)
	balancer := got(hcn.AddLoadBalancer(made, 0, 0, "", []string{"10.96.4.7"}, 6, 8080, 80))
	refused(made[0].Delete(), 0x803B002C, "delete it")
	must(balancer.Delete())
	must(made[0].Delete())
}
