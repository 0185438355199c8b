"""Drives one server with aetcd, a Python client over gRPC.

The server is named as for etcdctl, by ETCDCTL_ENDPOINTS; aetcd knows no TLS. Prints "ok FEATURE" for each feature and ends with
0, or ends with what went wrong and 1. aetcd has neither elections nor calls for users; elections are made from transactions
here as its own lock is, and users by the stubs that it brings along.
"""

import asyncio
import os
from urllib.parse import urlsplit

import aetcd
from aetcd import rpc
from aetcd.rtypes import EventKind

# No feature takes longer than a few seconds; only a hang runs into it.
RUN_SECONDS_MAX = 60


def connect(username=None, password=None):
    """A client of its own connection."""
    url = urlsplit(os.environ["ETCDCTL_ENDPOINTS"])
    return aetcd.Client(url.hostname, url.port, username, password, timeout=20)


async def refused(call, error, words):
    """Waits for a refusal and looks at its words."""
    try:
        answer = await call
    except error as refusal:
        assert words in str(refusal), refusal
    else:
        raise AssertionError(f"not refused: {answer}")


async def put(client):
    first = await client.put(b"py/put", b"1")
    second = await client.put(b"py/put", b"2", prev_kv=True)
    assert second.prev_kv.value == b"1", second
    assert second.header.revision == first.header.revision + 1, second
    await refused(client.put(b"", b"x"), aetcd.exceptions.InvalidArgumentError, "etcdserver: key is not provided")


async def get(client):
    for digit in b"123":
        await client.put(b"py/get/%c" % digit, b"%c" % (0x64 - digit))
    listed = await client.get_prefix(b"py/get/", sort_order="descend", sort_target="key")
    assert [kv.key[-1:] for kv in listed] == [b"3", b"2", b"1"] and listed.count == 3, listed
    by_value = await client.get_prefix(b"py/get/", sort_order="ascend", sort_target="value")
    assert [kv.key[-1:] for kv in by_value] == [b"3", b"2", b"1"], by_value
    assert await client.get(b"py/none") is None
    deleted = await client.delete_prefix(b"py/get/", prev_kv=True)
    assert deleted.deleted == 3 and len(deleted.prev_kvs) == 3, deleted


async def txn(client):
    t = client.transactions
    create = ([t.create(b"py/txn") == 0], [t.put(b"py/txn", b"1")], [t.get(b"py/txn")])
    succeeded, _ = await client.transaction(*create)
    assert succeeded
    succeeded, answers = await client.transaction(*create)
    assert not succeeded and answers[0][0][0] == b"1", answers
    assert await client.replace(b"py/txn", b"1", b"2")
    assert not await client.replace(b"py/txn", b"1", b"3")
    twice = client.transaction([], [t.put(b"a", b"1"), t.put(b"a", b"2")], [])
    await refused(twice, aetcd.exceptions.InvalidArgumentError, "etcdserver: duplicate key given in txn request")


async def watch(client):
    first = await client.put(b"py/watch/a", b"1")
    watching = await client.watch_prefix(b"py/watch/", start_revision=first.header.revision, prev_kv=True)
    await client.put(b"py/watch/a", b"2")
    await client.delete(b"py/watch/a")
    heard = []
    async for event in watching:
        heard.append((event.kind, event.kv.value, event.prev_kv and event.prev_kv.value))
        if len(heard) == 3:
            break
    await watching.cancel()
    kinds = [kind for kind, _, _ in heard]
    assert kinds == [EventKind.PUT, EventKind.PUT, EventKind.DELETE], heard
    assert [value for _, value, _ in heard] == [b"1", b"2", b""] and heard[2][2] == b"2", heard


async def lease(client):
    granted = await client.lease(30)
    await client.put(b"py/lease", b"1", lease=granted)
    assert (await granted.refresh()).TTL == 30
    assert list(await granted.keys()) == [b"py/lease"] and await granted.granted_ttl() == 30
    await refused(client.lease(30, granted.id), aetcd.exceptions.DuplicateLeaseError, "")
    await granted.revoke()
    assert await client.get(b"py/lease") is None


async def lock(client):
    await client.put(b"py/count", b"0")

    async def count_up():
        async with client.lock(b"py/lock", ttl=30):
            count = int((await client.get(b"py/count")).value)
            await client.put(b"py/count", b"%d" % (count + 1))

    await asyncio.gather(*(count_up() for _ in range(5)))
    assert (await client.get(b"py/count")).value == b"5"


async def election(client):
    """Who creates the key leads; who waits hears of the key's end."""
    t = client.transactions

    async def campaign(name, term):
        made = ([t.create(b"py/leader") == 0], [t.put(b"py/leader", name, lease=term)], [t.get(b"py/leader")])
        while not (outcome := await client.transaction(*made))[0]:
            revision = outcome[1][0][0][1].mod_revision + 1
            await client.watch_once(b"py/leader", 20, start_revision=revision, kind=EventKind.DELETE)

    first, second = await client.lease(30), await client.lease(30)
    await campaign(b"first", first)
    waiting = asyncio.create_task(campaign(b"second", second))
    await asyncio.sleep(0.2)
    assert not waiting.done() and (await client.get(b"py/leader")).value == b"first"
    await first.revoke()
    await waiting
    assert (await client.get(b"py/leader")).value == b"second"
    await second.revoke()


async def auth(client):
    stub = rpc.AuthStub(client.channel)
    for name, password in [("root", "r00t"), ("bob", "s3cret")]:
        await stub.UserAdd(rpc.AuthUserAddRequest(name=name, password=password))
    for user, role in [("root", "root"), ("bob", "writer")]:
        await stub.RoleAdd(rpc.AuthRoleAddRequest(name=role))
        await stub.UserGrantRole(rpc.AuthUserGrantRoleRequest(user=user, role=role))
    permission = rpc.Permission(permType=rpc.Permission.READWRITE, key=b"py/auth/", range_end=b"py/auth0")
    await stub.RoleGrantPermission(rpc.AuthRoleGrantPermissionRequest(name="writer", perm=permission))
    await stub.AuthEnable(rpc.AuthEnableRequest())
    await refused(client.get(b"py/auth/a"), aetcd.exceptions.InvalidArgumentError, "etcdserver: user name is empty")
    wrong = connect("bob", "wrong")
    refusal = "etcdserver: authentication failed, invalid user ID or password"
    await refused(wrong.connect(), aetcd.exceptions.InvalidArgumentError, refusal)
    await wrong.channel.close()
    async with connect("bob", "s3cret") as bob:
        await bob.put(b"py/auth/a", b"1")
        assert (await bob.get(b"py/auth/a")).value == b"1"
        await refused(bob.put(b"py/other", b"1"), aetcd.exceptions.ClientError, "etcdserver: permission denied")
    async with connect("root", "r00t") as root:
        stub = rpc.AuthStub(root.channel)
        await stub.AuthDisable(rpc.AuthDisableRequest(), metadata=root.metadata)
    assert (await client.get(b"py/auth/a")).value == b"1"


async def main():
    async with connect() as client:
        # Auth is last: it closes the server to everybody else.
        for feature in [put, get, txn, watch, lease, lock, election, auth]:
            await feature(client)
            print("ok", feature.__name__, flush=True)


asyncio.run(asyncio.wait_for(main(), RUN_SECONDS_MAX))
