// Drives one server with etcd's own Go client: key-values, transactions, watches, leases, the recipes of its concurrency
// package, the Lock and Election services, users and roles, and maintenance.
//
// The server is named as for etcdctl: ETCDCTL_ENDPOINTS, and ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY for mutual TLS. Prints
// "ok FEATURE" for each feature and ends with 0, or says what went wrong and ends with 1.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// No feature takes longer than a few seconds; only a hang runs into it.
const runMax = 60 * time.Second

// The order matters in one place: auth comes last, because it closes the server to everybody else for a moment.
var features = []struct {
	name string
	run  func(context.Context, *clientv3.Client) error
}{
	{"put", put},
	{"get", get},
	{"stream", stream},
	{"txn", txn},
	{"watch", watch},
	{"lease", lease},
	{"lock", lock},
	{"election", election},
	{"stm", stm},
	{"services", services},
	{"maintenance", maintenance},
	{"auth", auth},
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), runMax)
	defer cancel()
	client, err := connect(ctx, "", "")
	fatal("connect", err)
	defer client.Close()
	for _, feature := range features {
		fatal(feature.name, feature.run(ctx, client))
		fmt.Println("ok", feature.name)
	}
}

func fatal(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

// A client of its own connection, by name and password if a name is given.
func connect(ctx context.Context, user, password string) (*clientv3.Client, error) {
	config := clientv3.Config{
		Context:              ctx,
		Endpoints:            strings.Split(os.Getenv("ETCDCTL_ENDPOINTS"), ","),
		DialTimeout:          5 * time.Second,
		DialKeepAliveTime:    30 * time.Second,
		DialKeepAliveTimeout: 10 * time.Second,
		Username:             user,
		Password:             password,
		// What fails is reported by the feature that it fails.
		Logger: zap.NewNop(),
	}
	if os.Getenv("ETCDCTL_CERT") != "" {
		files := transport.TLSInfo{
			TrustedCAFile: os.Getenv("ETCDCTL_CACERT"),
			CertFile:      os.Getenv("ETCDCTL_CERT"),
			KeyFile:       os.Getenv("ETCDCTL_KEY"),
		}
		tls, err := files.ClientConfig()
		if err != nil {
			return nil, err
		}
		config.TLS = tls
	}
	return clientv3.New(config)
}

// The error of a check that did not hold.
func want(holds bool, what string, got any) error {
	if holds {
		return nil
	}
	return fmt.Errorf("want %s, got %+v", what, got)
}
