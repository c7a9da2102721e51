// Package main is a Kubernetes API server for tests, made of the modules that the one of a cluster is made of.
//
// This file reads the command line and tells when the server is ready. README.md says what is served and what is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc/grpclog"
	"k8s.io/klog/v2"
)

// settings are what the command line asks for.
type settings struct {
	// data keeps the store, the certificate and the token.
	data string
	// etcd is the address of a store that runs elsewhere; without it there is one in the process.
	etcd string
	// port is where to listen; 0 takes any that is free.
	port int
	// noWatchCache has every list and watch go to the store.
	noWatchCache bool
	// kubeconfig is the file that tells clients how to reach the server.
	kubeconfig string
	// untilStdinEnds ends the server with whoever holds the other end of its standard input.
	untilStdinEnds bool
	// onlyStore runs the store and no server, so that either can be stopped without the other.
	onlyStore bool
	// compact only has the store at etcd forget its history.
	compact bool
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run() error {
	var s settings
	flag.StringVar(&s.data, "data", "", "folder to keep everything in")
	flag.StringVar(&s.etcd, "etcd", "", "address of an etcd that runs elsewhere")
	flag.IntVar(&s.port, "port", 0, "port to listen at; 0 takes any")
	flag.BoolVar(&s.noWatchCache, "no-watch-cache", false, "have every list and watch go to the store")
	flag.StringVar(&s.kubeconfig, "kubeconfig", "", "file to write that tells clients how to reach it; by default in the data folder")
	flag.BoolVar(&s.untilStdinEnds, "until-stdin-ends", false, "end when the standard input does")
	flag.BoolVar(&s.onlyStore, "only-store", false, "run the store, and no server")
	flag.BoolVar(&s.compact, "compact", false, "only have the store at -etcd forget its history")
	flag.Parse()
	// The library sets its logger when it is initialized, so this has to be here.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if s.compact {
		return compact(ctx, s.etcd)
	}
	if s.data == "" {
		return errors.New("name a folder with -data")
	}
	if s.kubeconfig == "" {
		s.kubeconfig = filepath.Join(s.data, "kubeconfig")
	}
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return err
	}
	if err := logTo(filepath.Join(s.data, "log")); err != nil {
		return err
	}
	if s.untilStdinEnds {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	return serve(ctx, s)
}

// logTo has the library write its log to a file.
func logTo(file string) error {
	flags := flag.NewFlagSet("log", flag.ContinueOnError)
	klog.InitFlags(flags)
	for name, value := range map[string]string{"logtostderr": "false", "stderrthreshold": "FATAL", "log_file": file} {
		if err := flags.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// serve runs the store and the server until the context ends.
func serve(ctx context.Context, s settings) error {
	if s.etcd == "" {
		address, end, err := startStore(filepath.Join(s.data, "etcd"))
		if err != nil {
			return fmt.Errorf("start etcd: %w", err)
		}
		defer end()
		s.etcd = address
	}
	if s.onlyStore {
		fmt.Println("ready", s.etcd)
		<-ctx.Done()
		return nil
	}
	// A second server, and whoever compacts, find the store by this.
	if err := os.WriteFile(filepath.Join(s.data, "etcd.address"), []byte(s.etcd), 0o600); err != nil {
		return err
	}
	server, access, err := newServer(s)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.PrepareRun().RunWithContext(ctx) }()
	if err := untilReady(ctx, access, ended); err != nil {
		return err
	}
	if err := access.write(s.kubeconfig); err != nil {
		return err
	}
	fmt.Println("ready", access.url)
	return <-ended
}

// untilReady waits for /readyz, for a minute at most.
func untilReady(ctx context.Context, access access, ended <-chan error) error {
	deadline := time.After(time.Minute)
	for {
		if access.isReady(ctx) {
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("ended before it was ready: %w", err)
		case <-deadline:
			return errors.New("not ready after a minute")
		case <-time.After(50 * time.Millisecond):
		}
	}
}
