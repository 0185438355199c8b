// Package testserver stands in for kube-apiserver's package of the same name, whose tests ask it for a server of their own: it
// starts a program instead of etcd's own code.
//
// SERVER_PROGRAM names the program and SERVER_FLAGS its first arguments; it takes etcd's flags behind those.
package testserver

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/kubernetes"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
)

// On a loaded machine a start takes seconds.
const startMax = 60 * time.Second

// NewTestConfig names a directory and two free addresses. The tests change the rest.
func NewTestConfig(t testing.TB) *embed.Config {
	config := embed.NewConfig()
	config.ListenClientUrls, config.ListenPeerUrls = freeAddress(t), freeAddress(t)
	config.AdvertiseClientUrls, config.AdvertisePeerUrls = config.ListenClientUrls, config.ListenPeerUrls
	config.Dir = filepath.Join(t.TempDir(), "data")
	return config
}

func freeAddress(t testing.TB) []url.URL {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return []url.URL{{Scheme: "http", Host: listener.Addr().String()}}
}

// RunEtcd starts a server and gives a client that counts what it reads. The server is gone when the test ends.
func RunEtcd(t testing.TB, config *embed.Config) *kubernetes.Client {
	t.Helper()
	if config == nil {
		config = NewTestConfig(t)
	}
	start(t, config)
	listening(t, config.ListenClientUrls[0].Host)
	tls, err := config.ClientTLSInfo.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.New(clientv3.Config{
		TLS:         tls,
		Endpoints:   []string{config.AdvertiseClientUrls[0].String()},
		DialTimeout: startMax,
		Logger:      zap.NewNop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ready(t, client.Client)
	recorder := storagetesting.NewKubernetesRecorder(client.Kubernetes)
	client.KV = storagetesting.NewKVRecorder(client.KV, recorder)
	client.Kubernetes = recorder
	return client
}

func start(t testing.TB, config *embed.Config) {
	command := exec.Command(os.Getenv("SERVER_PROGRAM"), arguments(config)...)
	var log strings.Builder
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		select {
		case <-ended:
			t.Error("the server ended by itself")
		default:
			_ = command.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

func arguments(config *embed.Config) []string {
	client, peer := config.ListenClientUrls[0].String(), config.ListenPeerUrls[0].String()
	arguments := append(strings.Fields(os.Getenv("SERVER_FLAGS")),
		"--name", "default", "--data-dir", config.Dir, "--log-level", "warn",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer)
	if tls := config.ClientTLSInfo; tls.CertFile != "" {
		arguments = append(arguments, "--cert-file", tls.CertFile, "--key-file", tls.KeyFile)
		if tls.TrustedCAFile != "" {
			arguments = append(arguments, "--client-cert-auth", "--trusted-ca-file", tls.TrustedCAFile)
		}
	}
	if interval := config.WatchProgressNotifyInterval; interval != 0 {
		arguments = append(arguments, "--watch-progress-notify-interval", interval.String())
	}
	return arguments
}

// Waits until somebody listens: a client that was refused waits a second before it tries again.
func listening(t testing.TB, address string) {
	for deadline := time.Now().Add(startMax); ; time.Sleep(5 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not listen: %v", err)
		}
	}
}

// Waits until the server answers.
func ready(t testing.TB, client *clientv3.Client) {
	deadline := time.Now().Add(startMax)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := client.Get(ctx, "ready")
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not become ready: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
