// The store: etcd in this process, and the way to have one forget its history.
package main

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// startStore runs an etcd on a folder, and tells its address and how to end it.
func startStore(folder string) (string, func(), error) {
	// Any free port: what is to be reached from outside is asked for below, and peers there are none.
	anyPort := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config := embed.NewConfig()
	config.Dir = folder
	config.ListenClientUrls = []url.URL{anyPort}
	config.AdvertiseClientUrls = []url.URL{anyPort}
	config.ListenPeerUrls = []url.URL{anyPort}
	config.AdvertisePeerUrls = []url.URL{anyPort}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	// The gateway would dial the port that it is told, which is 0.
	config.EnableGRPCGateway = false
	config.LogLevel = "fatal"
	// Tests kill the process, not the machine.
	config.UnsafeNoFsync = true
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
	case err := <-etcd.Err():
		return "", nil, err
	case <-time.After(time.Minute):
		etcd.Close()
		return "", nil, errors.New("not ready after a minute")
	}
	return "http://" + etcd.Clients[0].Addr().String(), etcd.Close, nil
}

// compactedRevision is where API servers tell each other what was compacted:
// compactRevKey in k8s.io/apiserver/pkg/storage/etcd3/compact.go.
const compactedRevision = "compact_rev_key"

// compact has a store forget everything before its present revision, as the API server of a cluster does every five minutes.
func compact(ctx context.Context, address string) error {
	if address == "" {
		return errors.New("name the store with -etcd")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{address}, DialTimeout: 10 * time.Second, Context: ctx})
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := client.Get(ctx, compactedRevision)
	if err != nil {
		return err
	}
	revision := answer.Header.Revision
	if _, err := client.Put(ctx, compactedRevision, strconv.FormatInt(revision, 10)); err != nil {
		return err
	}
	_, err = client.Compact(ctx, revision)
	return err
}
