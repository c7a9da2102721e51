//go:build windows

// hcsshim.exe uses the published Go module hcsshim as kube-proxy, CNI plugins and KPNG do, and holds what comes
// back against what those programs rely on.
//
//	hcsshim.exe [-only ID] [-processes] [-list]
//
// prints one JSON line for each check, {"id":"HCN-networks","status":"pass","detail":"..."}, and ends with 1 if
// any failed. With -processes it runs the checks of several processes alone, else all others; with -list it
// prints their ids and runs none.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "work" {
		os.Exit(work(os.Args[2:]))
	}
	only := flag.String("only", "", "run this check alone")
	processes := flag.Bool("processes", false, "run the checks of several processes")
	list := flag.Bool("list", false, "print the ids and run nothing")
	flag.Parse()
	groups := [][]check{
		networkChecks, endpointChecks, namespaceChecks, balancerChecks, featureChecks, olderChecks,
		proxyChecks, pluginChecks, goroutineChecks,
	}
	if *processes {
		groups = [][]check{processChecks}
	}
	if *list {
		for _, group := range groups {
			for _, one := range group {
				fmt.Println(one.id)
			}
		}
		return
	}
	if !runAll(groups, *only) {
		os.Exit(1)
	}
}
