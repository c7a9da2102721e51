//go:build windows

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"github.com/Microsoft/hcsshim/hcn"
)

var version2 = hcn.SchemaVersion{Major: 2, Minor: 0}

// raw is the JSON of a value.
func raw(value any) json.RawMessage {
	return got(json.Marshal(value))
}

// subnet has a default route, without which hcsshim makes no network.
func subnet(prefix, gateway string) hcn.Subnet {
	everything := "0.0.0.0/0"
	if net.ParseIP(gateway).To4() == nil {
		everything = "::/0"
	}
	return hcn.Subnet{
		IpAddressPrefix: prefix,
		Routes:          []hcn.Route{{NextHop: gateway, DestinationPrefix: everything}},
	}
}

// bridge is a network of pods as win-bridge and flannel's host-gw make it.
func bridge(name string) *hcn.HostComputeNetwork {
	return &hcn.HostComputeNetwork{
		Name:          name,
		Type:          hcn.L2Bridge,
		Ipams:         []hcn.Ipam{{Type: "Static", Subnets: []hcn.Subnet{subnet("10.62.3.0/24", "10.62.3.1")}}},
		SchemaVersion: version2,
	}
}

// overlay is a network of pods as flannel's VXLAN makes it.
func overlay(name string) *hcn.HostComputeNetwork {
	tunneled := subnet("10.62.3.0/24", "10.62.3.1")
	tunneled.Policies = []json.RawMessage{raw(hcn.SubnetPolicy{
		Type: hcn.VSID, Settings: raw(hcn.VsidPolicySetting{IsolationId: 4096}),
	})}
	return &hcn.HostComputeNetwork{
		Name:          name,
		Type:          hcn.Overlay,
		Ipams:         []hcn.Ipam{{Type: "Static", Subnets: []hcn.Subnet{tunneled}}},
		SchemaVersion: version2,
	}
}

func endpointAt(address string) *hcn.HostComputeEndpoint {
	return &hcn.HostComputeEndpoint{
		Name:             "pod-" + address,
		IpConfigurations: []hcn.IpConfig{{IpAddress: address}},
		SchemaVersion:    version2,
	}
}

// hardwareAddress is the one that kube-proxy makes of an address.
func hardwareAddress(address string) string {
	last := net.ParseIP(address).To16()[12:]
	return fmt.Sprintf("02-11-%02x-%02x-%02x-%02x", last[0], last[1], last[2], last[3])
}

// remoteAt is a backend on another node, reached through its address where there is an overlay.
func remoteAt(address, provider string) *hcn.HostComputeEndpoint {
	endpoint := &hcn.HostComputeEndpoint{
		IpConfigurations: []hcn.IpConfig{{IpAddress: address}},
		MacAddress:       hardwareAddress(address),
		SchemaVersion:    version2,
	}
	if provider != "" {
		endpoint.Policies = []hcn.EndpointPolicy{{
			Type:     hcn.NetworkProviderAddress,
			Settings: raw(hcn.ProviderAddressEndpointPolicySetting{ProviderAddress: provider}),
		}}
	}
	return endpoint
}

func tcp(internal, external uint16) []hcn.LoadBalancerPortMapping {
	return []hcn.LoadBalancerPortMapping{{Protocol: 6, InternalPort: internal, ExternalPort: external}}
}

// code is what HNS refused with; 0 where the error is not of HNS.
func code(err error) uint32 {
	var refused *hcn.HcnError
	if !errors.As(err, &refused) {
		return 0
	}
	var number uint32
	for _, candidate := range knownCodes {
		if hcn.CheckErrorWithCode(err, hcn.ErrorCode(candidate)) {
			number = candidate
		}
	}
	return number
}

// knownCodes are those that the checks expect, as hcsshim shows them: facility 7 without it.
var knownCodes = []uint32{
	0x490, 0xB7, 0x57, 0xE, 0x1392, 0x6BA, 0x80004001, 0x803B0001, 0x803B0002, 0x803B000D, 0x803B000F, 0x803B0010,
	0x803B0013, 0x803B0014, 0x803B001C, 0x803B001E, 0x803B002B, 0x803B002C, 0x803B002D, 0x803B002F,
}

// refused fails unless there is an error with this code.
func refused(err error, wanted uint32, what string) {
	expect(err != nil, "%s: accepted", what)
	expect(code(err) == wanted, "%s: 0x%X expected: %v", what, wanted, err)
}
