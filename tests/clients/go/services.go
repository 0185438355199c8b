// The Lock and Election services, and that they and the recipes of the concurrency package know of each other.

package main

import (
	"context"
	"errors"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3election/v3electionpb"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3lock/v3lockpb"
)

func services(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	session, err := concurrency.NewSession(c, concurrency.WithTTL(sessionSeconds))
	if err != nil {
		return err
	}
	defer session.Close()
	if err := lockService(ctx, c, session); err != nil {
		return err
	}
	return electionService(ctx, c, session)
}

func lockService(ctx context.Context, c *clientv3.Client, session *concurrency.Session) error {
	granted, err := c.Grant(ctx, sessionSeconds)
	if err != nil {
		return err
	}
	service := v3lockpb.NewLockClient(c.ActiveConnection())
	held, err := service.Lock(ctx, &v3lockpb.LockRequest{Name: []byte("go/service/lock"), Lease: int64(granted.ID)})
	if err != nil {
		return err
	}
	mutex := concurrency.NewMutex(session, "go/service/lock")
	err = mutex.TryLock(ctx)
	if err := want(errors.Is(err, concurrency.ErrLocked), "the mutex to be held by the service", err); err != nil {
		return err
	}
	if _, err := service.Unlock(ctx, &v3lockpb.UnlockRequest{Key: held.Key}); err != nil {
		return err
	}
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	// The service waits for the recipe, too, and gets the lock when the mutex is let go.
	waited := make(chan error, 1)
	go func() {
		_, err := service.Lock(ctx, &v3lockpb.LockRequest{Name: []byte("go/service/lock"), Lease: int64(granted.ID)})
		waited <- err
	}()
	select {
	case err := <-waited:
		return want(false, "the service to wait", err)
	case <-time.After(300 * time.Millisecond):
	}
	if err := mutex.Unlock(ctx); err != nil {
		return err
	}
	return <-waited
}

func electionService(ctx context.Context, c *clientv3.Client, session *concurrency.Session) error {
	granted, err := c.Grant(ctx, sessionSeconds)
	if err != nil {
		return err
	}
	service, name := v3electionpb.NewElectionClient(c.ActiveConnection()), []byte("go/service/election")
	_, err = service.Leader(ctx, &v3electionpb.LeaderRequest{Name: name})
	if err := want(err != nil && strings.Contains(err.Error(), "election: no leader"), "no leader", err); err != nil {
		return err
	}
	won, err := service.Campaign(ctx, &v3electionpb.CampaignRequest{Name: name, Lease: int64(granted.ID), Value: []byte("service")})
	if err != nil {
		return err
	}
	recipe := concurrency.NewElection(session, string(name))
	leader, err := recipe.Leader(ctx)
	if err != nil {
		return err
	}
	if err := leads(leader, "service"); err != nil {
		return err
	}
	observed, err := service.Observe(ctx, &v3electionpb.LeaderRequest{Name: name})
	if err != nil {
		return err
	}
	if err := hears(observed, "service"); err != nil {
		return err
	}
	if _, err := service.Proclaim(ctx, &v3electionpb.ProclaimRequest{Leader: won.Leader, Value: []byte("again")}); err != nil {
		return err
	}
	if err := hears(observed, "again"); err != nil {
		return err
	}
	elected := make(chan error, 1)
	go func() { elected <- recipe.Campaign(ctx, "recipe") }()
	if _, err := service.Resign(ctx, &v3electionpb.ResignRequest{Leader: won.Leader}); err != nil {
		return err
	}
	if err := <-elected; err != nil {
		return err
	}
	if err := hears(observed, "recipe"); err != nil {
		return err
	}
	_, err = service.Proclaim(ctx, &v3electionpb.ProclaimRequest{Leader: won.Leader, Value: []byte("too late")})
	return want(err != nil && strings.Contains(err.Error(), "election: not leader"), "no more leader", err)
}

func hears(observed v3electionpb.Election_ObserveClient, value string) error {
	answer, err := observed.Recv()
	if err != nil {
		return err
	}
	return want(string(answer.Kv.Value) == value, value, answer)
}
