// How clients reach the server: the address, whom to trust, and by what they are known.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// access is what a kubeconfig holds.
type access struct {
	url         string
	certificate []byte
	token       string
}

// write makes the kubeconfig, whole or not at all.
func (a access) write(file string) error {
	config := clientcmdapi.NewConfig()
	// The file holds the server's certificate and its authority's; both kinds of clients, Go's and rustls, take it whole.
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: a.url, CertificateAuthorityData: a.certificate}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: a.token}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test"}
	config.CurrentContext = "test"
	part := file + ".part"
	if err := clientcmd.WriteToFile(*config, part); err != nil {
		return err
	}
	return os.Rename(part, file)
}

// isReady asks /readyz as a client would.
func (a access) isReady(ctx context.Context) bool {
	config := rest.Config{Host: a.url, BearerToken: a.token, TLSClientConfig: rest.TLSClientConfig{CAData: a.certificate}}
	client, err := rest.HTTPClientFor(&config)
	if err != nil {
		return false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// keptToken is the token of the data folder: the same after a restart, so that clients go on.
func keptToken(data string) (string, error) {
	file := filepath.Join(data, "token")
	token, err := os.ReadFile(file)
	if err == nil {
		return string(token), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	made := hex.EncodeToString(random)
	return made, os.WriteFile(file, []byte(made), 0o600)
}
