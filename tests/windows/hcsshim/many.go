//go:build windows

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/Microsoft/hcsshim"
	"github.com/Microsoft/hcsshim/hcn"
)

var goroutineChecks = []check{
	{"MANY-goroutines", "32 goroutines make, change, read and delete", goroutines},
	{"MANY-readers", "readers of both generations beside writers", readers},
}

var processChecks = []check{
	{"PROCESSES-hcsshim", "three processes at once lose and double nothing", processes},
	{"PROCESSES-hcsshim-killed", "a process that is killed leaves a usable HNS", killed},
}

// together runs a part with each number on a goroutine of its own and fails as the first that failed.
func together(count int, part func(number int)) {
	var group sync.WaitGroup
	reasons := make([]string, count)
	for number := range count {
		group.Add(1)
		go func() {
			defer group.Done()
			reasons[number] = guarded(func() { part(number) })
		}()
	}
	group.Wait()
	for number, reason := range reasons {
		expect(reason == "", "goroutine %d: %s", number, reason)
	}
}

// live is the life of one service on a network; what it keeps is an endpoint, a load balancer and a namespace.
func live(network *hcn.HostComputeNetwork, worker, round int, keeps bool) {
	address := fmt.Sprintf("10.80.%d.%d", worker, round%250+1)
	endpoint := remoteAt(address, "")
	endpoint.Name = fmt.Sprintf("w%d-r%d", worker, round)
	made := got(network.CreateRemoteEndpoint(endpoint))
	expect(made.IpConfigurations[0].IpAddress == address, "another's endpoint: %+v", made)
	vip := fmt.Sprintf("10.96.%d.%d", worker, round%250+1)
	balancer := got(hcn.AddLoadBalancer([]hcn.HostComputeEndpoint{*made}, hcn.LoadBalancerFlagsDSR, 0, "",
		[]string{vip}, 6, 8080, 80))
	namespace := got(hcn.NewNamespace(hcn.NamespaceTypeHost).Create())
	balancer.Flags = 0
	updated := got(balancer.Update(balancer.Id))
	expect(updated.Flags == 0 && updated.FrontendVIPs[0] == vip, "another's load balancer: %+v", updated)
	expect(got(hcn.GetEndpointByID(made.Id)).Name == endpoint.Name, "another's endpoint")
	if keeps {
		return
	}
	must(namespace.Delete())
	must(balancer.Delete())
	must(made.Delete())
}

// kept fails unless there are so many of each kind.
func kept(count int) {
	expect(len(got(hcn.ListEndpoints())) == count, "%d endpoints of %d", len(got(hcn.ListEndpoints())), count)
	expect(len(got(hcn.ListLoadBalancers())) == count, "%d load balancers of %d", len(got(hcn.ListLoadBalancers())), count)
	expect(len(got(hcn.ListNamespaces())) == count, "%d namespaces of %d", len(got(hcn.ListNamespaces())), count)
	names := map[string]bool{}
	for _, endpoint := range got(hcn.ListEndpoints()) {
		expect(!names[endpoint.Name], "%s twice", endpoint.Name)
		names[endpoint.Name] = true
	}
}

func goroutines() {
	network := got(bridge("cbr0").Create())
	together(32, func(number int) {
		for round := range 5 {
			live(network, number, round, round == 0)
		}
	})
	kept(32)
}

// readers list while others write: whatever vanishes between list and read is not found, and no other error.
func readers() {
	network := got(bridge("cbr0").Create())
	together(12, func(number int) {
		for round := range 8 {
			switch number % 3 {
			case 0:
				live(network, number, round, false)
			case 1:
				_, err := hcn.ListEndpoints()
				expect(err == nil || code(err) == 0x803B0002 || code(err) == 0x490, "a list: %v", err)
			default:
				got(hcsshim.HNSListPolicyListRequest())
				got(hcsshim.HNSListEndpointRequest())
			}
		}
	})
	kept(0)
}

// start runs this program once more, as work with these words.
func start(words ...string) (*exec.Cmd, *bytes.Buffer) {
	command := exec.Command(got(os.Executable()), append([]string{"work"}, words...)...)
	said := &bytes.Buffer{}
	command.Stdout, command.Stderr = said, said
	must(command.Start())
	return command, said
}

const (
	workers = 3
	rounds  = 8
)

func processes() {
	got(bridge("cbr0").Create())
	var commands []*exec.Cmd
	var outputs []*bytes.Buffer
	for worker := range workers {
		command, said := start("rounds", strconv.Itoa(worker))
		commands = append(commands, command)
		outputs = append(outputs, said)
	}
	var worst error
	text := ""
	for index, command := range commands {
		if err := command.Wait(); err != nil {
			worst = err
			text += outputs[index].String()
		}
	}
	expect(worst == nil, "%v: %s", worst, text)
	kept(workers * rounds / 2)
}

func killed() {
	got(bridge("cbr0").Create())
	for round := range 4 {
		command, said := start("forever", "9")
		deadline := time.Now().Add(30 * time.Second)
		for len(got(hcsshim.HNSListEndpointRequest())) == 0 {
			expect(time.Now().Before(deadline), "the other process does nothing: %s", said)
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Duration(11*round) * time.Millisecond)
		must(command.Process.Kill())
		// It was killed, so that its end is an error.
		_ = command.Wait()
		for _, balancer := range got(hcn.ListLoadBalancers()) {
			must(balancer.Delete())
		}
		for _, endpoint := range got(hcn.ListEndpoints()) {
			must(endpoint.Delete())
		}
		for _, namespace := range got(hcn.ListNamespaces()) {
			must(namespace.Delete())
		}
		live(got(hcn.GetNetworkByName("cbr0")), 8, round, false)
		kept(0)
	}
}

// work is what a process that the checks start does; its exit code.
func work(words []string) int {
	why := guarded(func() {
		expect(len(words) == 2, "no such work: %s", strings.Join(words, " "))
		worker := got(strconv.Atoi(words[1]))
		network := got(hcn.GetNetworkByName("cbr0"))
		for round := 0; words[0] == "forever" || round < rounds; round++ {
			live(network, worker, round, words[0] == "rounds" && round%2 == 0)
		}
	})
	if why != "" {
		fmt.Fprintln(os.Stderr, why)
		return 1
	}
	return 0
}
