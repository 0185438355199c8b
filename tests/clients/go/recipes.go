// Leases, and what is made of them: locks, elections, transactional memory.

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// Long enough that no lease ends during a run, except those that are to.
const sessionSeconds = 30

func lease(ctx context.Context, c *clientv3.Client) error {
	granted, err := c.Grant(ctx, sessionSeconds)
	if err != nil {
		return err
	}
	if err := want(granted.TTL == sessionSeconds, "as long as was asked for", granted); err != nil {
		return err
	}
	if _, err := c.Put(ctx, "go/lease/a", "1", clientv3.WithLease(granted.ID)); err != nil {
		return err
	}
	alive, err := c.KeepAliveOnce(ctx, granted.ID)
	if err != nil {
		return err
	}
	if err := want(alive.TTL == sessionSeconds, "a whole time to live", alive); err != nil {
		return err
	}
	told, err := c.TimeToLive(ctx, granted.ID, clientv3.WithAttachedKeys())
	if err != nil {
		return err
	}
	if err := want(told.GrantedTTL == sessionSeconds && len(told.Keys) == 1 && string(told.Keys[0]) == "go/lease/a", "its key", told); err != nil {
		return err
	}
	if _, err := c.Revoke(ctx, granted.ID); err != nil {
		return err
	}
	gone, err := c.Get(ctx, "go/lease/a")
	if err != nil {
		return err
	}
	if err := want(gone.Count == 0, "the key gone with its lease", gone); err != nil {
		return err
	}
	_, err = c.Revoke(ctx, granted.ID)
	if err := want(errors.Is(err, rpctypes.ErrLeaseNotFound), "a refusal of a lease that is gone", err); err != nil {
		return err
	}
	return expiry(ctx, c)
}

// A lease that nobody keeps alive ends, and a watcher hears of its key's end.
func expiry(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	granted, err := c.Grant(ctx, 1)
	if err != nil {
		return err
	}
	made, err := c.Put(ctx, "go/lease/short", "1", clientv3.WithLease(granted.ID))
	if err != nil {
		return err
	}
	answer := <-c.Watch(ctx, "go/lease/short", clientv3.WithRev(made.Header.Revision+1))
	return want(len(answer.Events) == 1 && answer.Events[0].Type == clientv3.EventTypeDelete, "the key's end", answer)
}

// Ten callers with a session each count up a key, one at a time.
func lock(ctx context.Context, c *clientv3.Client) error {
	const callers = 10
	if _, err := c.Put(ctx, "go/lock/count", "0"); err != nil {
		return err
	}
	failed := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { failed[i] = countUp(ctx, c) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	count, err := c.Get(ctx, "go/lock/count")
	if err != nil {
		return err
	}
	return want(string(count.Kvs[0].Value) == fmt.Sprint(callers), "every count", count.Kvs[0])
}

func countUp(ctx context.Context, c *clientv3.Client) error {
	session, err := concurrency.NewSession(c, concurrency.WithTTL(sessionSeconds))
	if err != nil {
		return err
	}
	defer session.Close()
	mutex := concurrency.NewMutex(session, "go/lock/mutex")
	if err := mutex.Lock(ctx); err != nil {
		return err
	}
	count, err := c.Get(ctx, "go/lock/count")
	if err != nil {
		return err
	}
	var value int
	if _, err := fmt.Sscan(string(count.Kvs[0].Value), &value); err != nil {
		return err
	}
	// Refused if the mutex was lost meanwhile.
	done, err := c.Txn(ctx).If(mutex.IsOwner()).Then(clientv3.OpPut("go/lock/count", fmt.Sprint(value+1))).Commit()
	if err != nil {
		return err
	}
	return errors.Join(want(done.Succeeded, "the mutex still held", done), mutex.Unlock(ctx))
}

// One leads, another waits, the first resigns; an observer hears of it all.
func election(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	session := func() (*concurrency.Session, error) {
		return concurrency.NewSession(c, concurrency.WithTTL(sessionSeconds))
	}
	one, err := session()
	if err != nil {
		return err
	}
	defer one.Close()
	two, err := session()
	if err != nil {
		return err
	}
	defer two.Close()
	first, second := concurrency.NewElection(one, "go/election"), concurrency.NewElection(two, "go/election")
	_, err = second.Leader(ctx)
	if err := want(errors.Is(err, concurrency.ErrElectionNoLeader), "no leader", err); err != nil {
		return err
	}
	if err := first.Campaign(ctx, "first"); err != nil {
		return err
	}
	observed := second.Observe(ctx)
	if err := leads(<-observed, "first"); err != nil {
		return err
	}
	if err := first.Proclaim(ctx, "first again"); err != nil {
		return err
	}
	if err := leads(<-observed, "first again"); err != nil {
		return err
	}
	won := make(chan error, 1)
	go func() { won <- second.Campaign(ctx, "second") }()
	if err := first.Resign(ctx); err != nil {
		return err
	}
	if err := <-won; err != nil {
		return err
	}
	if err := leads(<-observed, "second"); err != nil {
		return err
	}
	err = first.Proclaim(ctx, "too late")
	return want(errors.Is(err, concurrency.ErrElectionNotLeader), "no more leader", err)
}

func leads(answer *clientv3.GetResponse, value string) error {
	return want(len(answer.Kvs) == 1 && string(answer.Kvs[0].Value) == value, value, answer)
}

// Twenty transfers between two accounts at the same time, none lost.
func stm(ctx context.Context, c *clientv3.Client) error {
	for _, account := range []string{"go/stm/a", "go/stm/b"} {
		if _, err := c.Put(ctx, account, "100"); err != nil {
			return err
		}
	}
	failed := make([]error, 20)
	var all sync.WaitGroup
	for i := range failed {
		all.Go(func() { failed[i] = transfer(ctx, c, i+1) })
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	accounts, err := c.Get(ctx, "go/stm/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	// 1 + 2 + ... + 20 went from one to the other.
	return want(string(accounts.Kvs[0].Value) == "-110" && string(accounts.Kvs[1].Value) == "310", "all transferred", accounts.Kvs)
}

func transfer(ctx context.Context, c *clientv3.Client, amount int) error {
	_, err := concurrency.NewSTM(c, func(s concurrency.STM) error {
		var from, to int
		if _, err := fmt.Sscan(s.Get("go/stm/a"), &from); err != nil {
			return err
		}
		if _, err := fmt.Sscan(s.Get("go/stm/b"), &to); err != nil {
			return err
		}
		s.Put("go/stm/a", fmt.Sprint(from-amount))
		s.Put("go/stm/b", fmt.Sprint(to+amount))
		return nil
	}, concurrency.WithAbortContext(ctx), concurrency.WithIsolation(concurrency.SerializableSnapshot))
	return err
}
