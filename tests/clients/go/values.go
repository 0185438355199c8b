// Key-values: what one request can ask.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func put(ctx context.Context, c *clientv3.Client) error {
	first, err := c.Put(ctx, "go/put/a", "1")
	if err != nil {
		return err
	}
	second, err := c.Put(ctx, "go/put/a", "2", clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	previous := second.PrevKv
	if err := want(previous != nil && string(previous.Value) == "1" && previous.ModRevision == first.Header.Revision,
		"the value before", previous); err != nil {
		return err
	}
	if err := want(second.Header.Revision == first.Header.Revision+1, "the next revision", second.Header); err != nil {
		return err
	}
	if _, err := c.Put(ctx, "go/put/a", "", clientv3.WithIgnoreValue()); err != nil {
		return err
	}
	kept, err := c.Get(ctx, "go/put/a")
	if err != nil {
		return err
	}
	if err := want(string(kept.Kvs[0].Value) == "2" && kept.Kvs[0].Version == 3, "the value kept", kept.Kvs[0]); err != nil {
		return err
	}
	_, err = c.Put(ctx, "", "x")
	if err := want(errors.Is(err, rpctypes.ErrEmptyKey), "a refusal of the empty key", err); err != nil {
		return err
	}
	_, err = c.Put(ctx, "go/put/large", strings.Repeat("x", 3<<19))
	return want(errors.Is(err, rpctypes.ErrRequestTooLarge), "a refusal of 1.5 MiB and more", err)
}

func get(ctx context.Context, c *clientv3.Client) error {
	for i := range 10 {
		if _, err := c.Put(ctx, fmt.Sprintf("go/get/%d", i), fmt.Sprint(9-i)); err != nil {
			return err
		}
	}
	page, err := c.Get(ctx, "go/get/", clientv3.WithPrefix(), clientv3.WithLimit(4))
	if err != nil {
		return err
	}
	if err := want(len(page.Kvs) == 4 && page.More && page.Count == 10, "4 of 10", page); err != nil {
		return err
	}
	before := page.Header.Revision
	byValue, err := c.Get(ctx, "go/get/", clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithSerializable(),
		clientv3.WithSort(clientv3.SortByValue, clientv3.SortAscend))
	if err != nil {
		return err
	}
	if err := want(string(byValue.Kvs[0].Key) == "go/get/9" && len(byValue.Kvs[0].Value) == 0, "keys by value", byValue.Kvs[0]); err != nil {
		return err
	}
	deleted, err := c.Delete(ctx, "go/get/3", clientv3.WithRange("go/get/6"), clientv3.WithPrevKV())
	if err != nil {
		return err
	}
	if err := want(deleted.Deleted == 3 && len(deleted.PrevKvs) == 3, "3 deleted", deleted); err != nil {
		return err
	}
	past, err := c.Get(ctx, "go/get/", clientv3.WithPrefix(), clientv3.WithRev(before), clientv3.WithCountOnly())
	if err != nil {
		return err
	}
	if err := want(past.Count == 10 && len(past.Kvs) == 0, "10 in the past", past); err != nil {
		return err
	}
	_, err = c.Get(ctx, "go/get/0", clientv3.WithRev(before+1000))
	return want(errors.Is(err, rpctypes.ErrFutureRev), "a refusal of the future", err)
}

func stream(ctx context.Context, c *clientv3.Client) error {
	const count = 100
	for i := range count {
		if _, err := c.Put(ctx, fmt.Sprintf("go/stream/%03d", i), strings.Repeat("v", 1000)); err != nil {
			return err
		}
	}
	chunks, err := c.GetStream(ctx, "go/stream/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	whole, err := clientv3.GetStreamToGetResponse(chunks)
	if err != nil {
		return err
	}
	list, err := c.Get(ctx, "go/stream/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if err := want(whole.Count == count && len(whole.Kvs) == count && !whole.More, "every key", len(whole.Kvs)); err != nil {
		return err
	}
	for i, kv := range whole.Kvs {
		if string(kv.Key) != string(list.Kvs[i].Key) || kv.ModRevision != list.Kvs[i].ModRevision {
			return want(false, "what a list gives", kv)
		}
	}
	return want(whole.Header.Revision == list.Header.Revision, "the list's revision", whole.Header)
}

func txn(ctx context.Context, c *clientv3.Client) error {
	create := func(value string) (*clientv3.TxnResponse, error) {
		return c.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision("go/txn/a"), "=", 0)).
			Then(clientv3.OpPut("go/txn/a", value), clientv3.OpPut("go/txn/b", value)).
			Else(clientv3.OpGet("go/txn/", clientv3.WithPrefix())).Commit()
	}
	made, err := create("1")
	if err != nil {
		return err
	}
	if err := want(made.Succeeded && len(made.Responses) == 2, "both made", made); err != nil {
		return err
	}
	refused, err := create("2")
	if err != nil {
		return err
	}
	found := refused.Responses[0].GetResponseRange()
	if err := want(!refused.Succeeded && found.Count == 2 && found.Kvs[0].ModRevision == made.Header.Revision,
		"both found, of one revision", refused); err != nil {
		return err
	}
	nested, err := c.Txn(ctx).If(clientv3.Compare(clientv3.Value("go/txn/").WithPrefix(), "=", "1")).Then(clientv3.OpTxn(
		[]clientv3.Cmp{clientv3.Compare(clientv3.Version("go/txn/a"), ">", 0)},
		[]clientv3.Op{clientv3.OpDelete("go/txn/", clientv3.WithPrefix(), clientv3.WithPrevKV())}, nil)).Commit()
	if err != nil {
		return err
	}
	inner := nested.Responses[0].GetResponseTxn()
	if err := want(inner.Succeeded && inner.Responses[0].GetResponseDeleteRange().Deleted == 2, "both deleted", nested); err != nil {
		return err
	}
	_, err = c.Txn(ctx).Then(clientv3.OpPut("go/txn/a", "1"), clientv3.OpPut("go/txn/a", "2")).Commit()
	return want(errors.Is(err, rpctypes.ErrDuplicateKey), "a refusal of a key put twice", err)
}

func watch(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), 20*time.Second)
	defer cancel()
	made, err := c.Put(ctx, "go/watch/a", "1")
	if err != nil {
		return err
	}
	history := c.Watch(ctx, "go/watch/", clientv3.WithPrefix(), clientv3.WithRev(made.Header.Revision), clientv3.WithPrevKV())
	if _, err := c.Put(ctx, "go/watch/a", "2"); err != nil {
		return err
	}
	if _, err := c.Delete(ctx, "go/watch/a"); err != nil {
		return err
	}
	var heard []*clientv3.Event
	for len(heard) < 3 {
		answer := <-history
		if err := answer.Err(); err != nil {
			return err
		}
		heard = append(heard, answer.Events...)
	}
	if err := want(heard[0].IsCreate() && heard[1].IsModify() && heard[2].Type == mvccpb.Event_DELETE &&
		string(heard[1].PrevKv.Value) == "1" && string(heard[2].PrevKv.Value) == "2", "create, modify, delete", heard); err != nil {
		return err
	}
	if err := progress(ctx, c); err != nil {
		return err
	}
	return compacted(ctx, c, heard[2].Kv.ModRevision)
}

// A watch that is asked how far it is says so.
func progress(ctx context.Context, c *clientv3.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := c.Watch(ctx, "go/progress", clientv3.WithProgressNotify(), clientv3.WithCreatedNotify())
	created := <-answers
	if err := want(created.Created, "created", created); err != nil {
		return err
	}
	if err := c.RequestProgress(ctx); err != nil {
		return err
	}
	answer := <-answers
	return want(answer.IsProgressNotify() && answer.Header.Revision >= created.Header.Revision, "progress", answer)
}

// A watch from a compacted revision is told where to begin again.
func compacted(ctx context.Context, c *clientv3.Client, revision int64) error {
	if _, err := c.Compact(ctx, revision, clientv3.WithCompactPhysical()); err != nil {
		return err
	}
	_, err := c.Get(ctx, "go/watch/a", clientv3.WithRev(revision-1))
	if err := want(errors.Is(err, rpctypes.ErrCompacted), "a refusal of the compacted", err); err != nil {
		return err
	}
	answer := <-c.Watch(ctx, "go/watch/", clientv3.WithPrefix(), clientv3.WithRev(revision-1))
	return want(answer.CompactRevision == revision && errors.Is(answer.Err(), rpctypes.ErrCompacted), "the compact revision", answer)
}
