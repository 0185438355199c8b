// What an operator asks: maintenance, members, users and roles.

package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func maintenance(ctx context.Context, c *clientv3.Client) error {
	members, err := c.MemberList(ctx)
	if err != nil {
		return err
	}
	if err := want(len(members.Members) == 1, "one member", members); err != nil {
		return err
	}
	// What the client would connect to next.
	if err := c.Sync(ctx); err != nil {
		return err
	}
	if err := want(len(c.Endpoints()) == 1 && len(members.Members[0].ClientURLs) == 1, "its endpoint", members); err != nil {
		return err
	}
	endpoint := c.Endpoints()[0]
	status, err := c.Status(ctx, endpoint)
	if err != nil {
		return err
	}
	if err := want(status.Leader == members.Members[0].ID && strings.HasPrefix(status.Version, "3.") && status.DbSize > 0,
		"a leader, a version and a size", status); err != nil {
		return err
	}
	hash, err := c.HashKV(ctx, endpoint, 0)
	if err != nil {
		return err
	}
	if err := want(hash.Hash != 0, "a hash", hash); err != nil {
		return err
	}
	alarms, err := c.AlarmList(ctx)
	if err != nil {
		return err
	}
	if err := want(len(alarms.Alarms) == 0, "no alarm", alarms); err != nil {
		return err
	}
	if _, err := c.Defragment(ctx, endpoint); err != nil {
		return err
	}
	return snapshot(ctx, c)
}

func snapshot(ctx context.Context, c *clientv3.Client) error {
	answer, err := c.SnapshotWithVersion(ctx)
	if err != nil {
		return err
	}
	defer answer.Snapshot.Close()
	size, err := io.Copy(io.Discard, answer.Snapshot)
	if err != nil {
		return err
	}
	// The checksum at the end is what makes a snapshot of etcd's no multiple of 512.
	return want(size > 512 && size%512 == 32, "whole blocks and a checksum", size)
}

// Opens and closes the server to those without a name, and looks what each may do meanwhile.
func auth(ctx context.Context, c *clientv3.Client) error {
	if err := users(ctx, c); err != nil {
		return err
	}
	if _, err := c.AuthEnable(ctx); err != nil {
		return err
	}
	root, err := connect(ctx, "root", "r00t")
	if err != nil {
		return err
	}
	defer root.Close()
	if err := rights(ctx, root); err != nil {
		return err
	}
	if _, err := root.AuthDisable(ctx); err != nil {
		return err
	}
	status, err := c.AuthStatus(ctx)
	if err != nil {
		return err
	}
	if err := want(!status.Enabled, "auth off again", status); err != nil {
		return err
	}
	for _, user := range []string{"root", "alice"} {
		if _, err := c.UserDelete(ctx, user); err != nil {
			return err
		}
	}
	for _, role := range []string{"root", "reader"} {
		if _, err := c.RoleDelete(ctx, role); err != nil {
			return err
		}
	}
	return nil
}

func users(ctx context.Context, c *clientv3.Client) error {
	_, err := c.AuthEnable(ctx)
	if err := want(errors.Is(err, rpctypes.ErrRootUserNotExist), "a refusal without root", err); err != nil {
		return err
	}
	for user, password := range map[string]string{"root": "r00t", "alice": "s3cret"} {
		if _, err := c.UserAdd(ctx, user, password); err != nil {
			return err
		}
	}
	_, err = c.UserAdd(ctx, "alice", "again")
	if err := want(errors.Is(err, rpctypes.ErrUserAlreadyExist), "a refusal of a name twice", err); err != nil {
		return err
	}
	for _, role := range []string{"root", "reader"} {
		if _, err := c.RoleAdd(ctx, role); err != nil {
			return err
		}
	}
	for user, role := range map[string]string{"root": "root", "alice": "reader"} {
		if _, err := c.UserGrantRole(ctx, user, role); err != nil {
			return err
		}
	}
	end := clientv3.GetPrefixRangeEnd("go/auth/")
	_, err = c.RoleGrantPermission(ctx, "reader", "go/auth/", end, clientv3.PermissionType(clientv3.PermRead))
	return err
}

func rights(ctx context.Context, root *clientv3.Client) error {
	if _, err := root.Put(ctx, "go/auth/a", "1"); err != nil {
		return err
	}
	_, err := connect(ctx, "alice", "wrong")
	if err := want(errors.Is(err, rpctypes.ErrAuthFailed), "a refusal of a wrong password", err); err != nil {
		return err
	}
	alice, err := connect(ctx, "alice", "s3cret")
	if err != nil {
		return err
	}
	defer alice.Close()
	read, err := alice.Get(ctx, "go/auth/", clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if err := want(read.Count == 1, "what alice may read", read); err != nil {
		return err
	}
	_, err = alice.Put(ctx, "go/auth/a", "2")
	if err := want(errors.Is(err, rpctypes.ErrPermissionDenied), "a refusal of alice's put", err); err != nil {
		return err
	}
	_, err = alice.Txn(ctx).Then(clientv3.OpTxn(nil, []clientv3.Op{clientv3.OpGet("go/other")}, nil)).Commit()
	if err := want(errors.Is(err, rpctypes.ErrPermissionDenied), "a refusal of a nested read", err); err != nil {
		return err
	}
	role, err := root.RoleGet(ctx, "reader")
	if err != nil {
		return err
	}
	if err := want(len(role.Perm) == 1 && string(role.Perm[0].Key) == "go/auth/", "the role's permission", role); err != nil {
		return err
	}
	// What is taken from the role is taken from alice at once.
	if _, err := root.RoleRevokePermission(ctx, "reader", "go/auth/", clientv3.GetPrefixRangeEnd("go/auth/")); err != nil {
		return err
	}
	_, err = alice.Get(ctx, "go/auth/a")
	return want(errors.Is(err, rpctypes.ErrPermissionDenied), "a refusal of alice's get", err)
}
