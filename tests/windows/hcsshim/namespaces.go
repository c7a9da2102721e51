//go:build windows

package main

import (
	"strings"

	"github.com/Microsoft/hcsshim/hcn"
)

var namespaceChecks = []check{
	{"HCN-namespaces", "namespaces of each type are made, listed, found and deleted", namespaces},
	{"HCN-namespace-endpoints", "endpoints are added and removed", namespaceEndpoints},
	{"HCN-namespace-errors", "a second namespace, a missing one, one that it is not in", namespaceErrors},
}

func namespaces() {
	seen := map[uint32]bool{}
	types := []hcn.NamespaceType{
		hcn.NamespaceTypeHost, hcn.NamespaceTypeHostDefault, hcn.NamespaceTypeGuest, hcn.NamespaceTypeGuestDefault,
	}
	for index, kind := range types {
		made := got(hcn.NewNamespace(kind).Create())
		expect(made.Id != "" && !seen[made.NamespaceId], "%s: %+v", kind, made)
		seen[made.NamespaceId] = true
		expect(got(hcn.GetNamespaceByID(made.Id)).NamespaceId == made.NamespaceId, "another by its id")
		expect(len(got(hcn.ListNamespaces())) == index+1, "the list has not %d namespaces", index+1)
		expect(len(got(hcn.GetNamespaceEndpointIds(made.Id))) == 0, "it has endpoints")
		expect(len(got(hcn.GetNamespaceContainerIds(made.Id))) == 0, "it has containers")
	}
	for _, namespace := range got(hcn.ListNamespaces()) {
		must(namespace.Delete())
	}
	expect(len(got(hcn.ListNamespaces())) == 0, "namespaces are left")
}

func namespaceEndpoints() {
	network := got(bridge("cbr0").Create())
	namespace := got(hcn.NewNamespace(hcn.NamespaceTypeHost).Create())
	var ids []string
	for _, address := range []string{"10.62.3.20", "10.62.3.21"} {
		endpoint := got(network.CreateEndpoint(endpointAt(address)))
		must(hcn.AddNamespaceEndpoint(namespace.Id, endpoint.Id))
		ids = append(ids, endpoint.Id)
		inside := got(hcn.GetEndpointByID(endpoint.Id)).HostComputeNamespace
		expect(strings.EqualFold(inside, namespace.Id), "the endpoint is in %q", inside)
	}
	found := got(hcn.GetNamespaceEndpointIds(namespace.Id))
	expect(len(found) == 2, "%v are in it", found)
	must(hcn.RemoveNamespaceEndpoint(namespace.Id, ids[0]))
	found = got(hcn.GetNamespaceEndpointIds(namespace.Id))
	expect(len(found) == 1 && strings.EqualFold(found[0], ids[1]), "%v are in it", found)
	must(got(hcn.GetEndpointByID(ids[0])).NamespaceAttach(namespace.Id))
	must(got(hcn.GetEndpointByID(ids[0])).NamespaceDetach(namespace.Id))
	must(namespace.Delete())
	expect(len(got(hcn.ListEndpoints())) == 2, "endpoints went with their namespace")
}

func namespaceErrors() {
	network := got(bridge("cbr0").Create())
	first := got(hcn.NewNamespace(hcn.NamespaceTypeHost).Create())
	second := got(hcn.NewNamespace(hcn.NamespaceTypeGuest).Create())
	endpoint := got(network.CreateEndpoint(endpointAt("10.62.3.20")))
	must(hcn.AddNamespaceEndpoint(first.Id, endpoint.Id))
	refused(hcn.AddNamespaceEndpoint(second.Id, endpoint.Id), 0x803B002B, "a second namespace")
	err := hcn.RemoveNamespaceEndpoint(second.Id, endpoint.Id)
	expect(hcn.IsElementNotFoundError(err), "one that it is not in: %v", err)
	missing := "c0f0a11e-0000-4000-8000-000000000001"
	err = hcn.AddNamespaceEndpoint(missing, endpoint.Id)
	expect(hcn.IsElementNotFoundError(err), "a missing namespace: %v", err)
	_, err = hcn.GetNamespaceByID(missing)
	expect(hcn.IsNotFoundError(err), "a missing namespace: %v", err)
	remote := got(network.CreateRemoteEndpoint(remoteAt("10.62.9.9", "")))
	refused(hcn.AddNamespaceEndpoint(second.Id, remote.Id), 0x803B000F, "a remote endpoint")
}
