// The server: the library's own, with our resources in it.
package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apiserver/pkg/authentication/request/bearertoken"
	"k8s.io/apiserver/pkg/authentication/token/tokenfile"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/options"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/util/compatibility"
	basecompatibility "k8s.io/component-base/compatibility"

	"switchyard.dev/tests/apiserver/definitions"
)

// newServer sets the server up, ready to run, and tells how to reach it.
func newServer(s settings) (*genericapiserver.GenericAPIServer, access, error) {
	config := genericapiserver.NewConfig(codecs)
	config.EffectiveVersion = stamped{compatibility.DefaultBuildEffectiveVersion()}
	// Otherwise the end waits for every open watch.
	config.ShutdownWatchTerminationGracePeriod = 100 * time.Millisecond
	namer := openapi.NewDefinitionNamer(published)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = "Kubernetes"
	config.OpenAPIV3Config.Info.Title = "Kubernetes"

	access, err := listen(s, config)
	if err != nil {
		return nil, access, err
	}
	if err := store(s, config); err != nil {
		return nil, access, fmt.Errorf("set up the storage: %w", err)
	}
	server, err := config.Complete(nil).New("apiserver", genericapiserver.NewEmptyDelegate())
	if err != nil {
		return nil, access, err
	}
	return server, access, install(server, config)
}

// listen opens the port, with a certificate and a token that are kept with the data.
func listen(s settings, config *genericapiserver.Config) (access, error) {
	token, err := keptToken(s.data)
	if err != nil {
		return access{}, err
	}
	local := net.IPv4(127, 0, 0, 1)
	listener, err := net.Listen("tcp", net.JoinHostPort(local.String(), fmt.Sprint(s.port)))
	if err != nil {
		return access{}, err
	}
	serving := options.NewSecureServingOptions()
	serving.BindAddress = local
	serving.Listener = listener
	serving.ServerCert.CertDirectory = s.data
	serving.ServerCert.PairName = "apiserver"
	if err := serving.MaybeDefaultWithSelfSignedCerts(local.String(), []string{"localhost"}, nil); err != nil {
		return access{}, fmt.Errorf("make a certificate: %w", err)
	}
	if err := serving.WithLoopback().ApplyTo(&config.SecureServing, &config.LoopbackClientConfig); err != nil {
		return access{}, err
	}
	config.SecureServing.MinTLSVersion = tls.VersionTLS12
	config.Authentication.Authenticator = bearertoken.New(tokenfile.New(map[string]*user.DefaultInfo{
		token: {Name: "test", Groups: []string{user.SystemPrivilegedGroup}},
	}))
	config.Authorization.Authorizer = authorizerfactory.NewAlwaysAllowAuthorizer()
	certificate, err := os.ReadFile(filepath.Join(s.data, "apiserver.crt"))
	return access{url: "https://" + listener.Addr().String(), certificate: certificate, token: token}, err
}

// store has the resources kept in etcd, where and in the form in which a cluster's server keeps them.
func store(s settings, config *genericapiserver.Config) error {
	etcd := options.NewEtcdOptions(storagebackend.NewDefaultConfig("/registry", nil))
	etcd.StorageConfig.Transport.ServerList = []string{s.etcd}
	etcd.StorageConfig.StorageObjectCountTracker = config.StorageObjectCountTracker
	etcd.DefaultStorageMediaType = runtime.ContentTypeProtobuf
	etcd.EnableWatchCache = !s.noWatchCache
	served := serverstorage.NewResourceConfig()
	served.EnableVersions(versions...)
	factory := serverstorage.NewDefaultStorageFactory(
		etcd.StorageConfig, etcd.DefaultStorageMediaType, codecs,
		serverstorage.NewDefaultResourceEncodingConfig(scheme), served,
		// As DefaultSpecialResourcePrefixes of kubernetes/pkg/kubeapiserver/default_storage_factory_builder.go.
		map[schema.GroupResource]string{
			{Resource: "nodes"}:    "minions",
			{Resource: "services"}: "services/specs",
		},
	)
	return etcd.ApplyWithStorageFactoryTo(factory, config)
}

// install adds every resource to the server, group by group.
func install(server *genericapiserver.GenericAPIServer, config *genericapiserver.Config) error {
	groups := map[string]*genericapiserver.APIGroupInfo{}
	for _, version := range versions {
		group := genericapiserver.NewDefaultAPIGroupInfo(version.Group, scheme, parameterCodec, codecs)
		group.VersionedResourcesStorageMap[version.Version] = map[string]rest.Storage{}
		groups[version.Group] = &group
	}
	storage := func(version schema.GroupVersion) map[string]rest.Storage {
		return groups[version.Group].VersionedResourcesStorageMap[version.Version]
	}
	for _, resource := range resources {
		object, status, err := newStores(resource, config.RESTOptionsGetter)
		if err != nil {
			return fmt.Errorf("set up %s: %w", resource.plural, err)
		}
		storage(resource.version)[resource.plural] = object
		if status != nil {
			storage(resource.version)[resource.plural+"/status"] = status
		}
		if resource.plural == "events" {
			// Both groups show the same events.
			storage(eventsv1.SchemeGroupVersion)[resource.plural] = object
		}
	}
	if err := server.InstallLegacyAPIGroup(genericapiserver.DefaultLegacyAPIPrefix, groups[""]); err != nil {
		return err
	}
	for _, version := range versions[1:] {
		if err := server.InstallAPIGroup(groups[version.Group]); err != nil {
			return err
		}
	}
	return nil
}

// stamped tells a version that kubectl can read: the library alone is stamped by nobody.
type stamped struct {
	basecompatibility.EffectiveVersion
}

func (s stamped) Info() *version.Info {
	info := *s.EffectiveVersion.Info()
	binary := s.BinaryVersion()
	info.Major, info.Minor = fmt.Sprint(binary.Major()), fmt.Sprint(binary.Minor())
	info.GitVersion = "v" + strings.TrimPrefix(binary.String(), "v")
	if strings.Count(info.GitVersion, ".") == 1 {
		info.GitVersion += ".0"
	}
	info.GitCommit, info.GitTreeState = "", ""
	return &info
}
