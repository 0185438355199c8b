"""Drives one server with etcd3gw, a Python client over the JSON gateway.

The server is named as for etcdctl: ETCDCTL_ENDPOINTS, and ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY for mutual TLS. Prints
"ok FEATURE" for each feature and ends with 0, or ends with what went wrong and 1. etcd3gw has neither elections nor users; it
can call the gateway's own services, which is what is done for them here.
"""

import os
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

from etcd3gw import Etcd3Client
from etcd3gw.exceptions import Etcd3Exception

# Longest wait for one answer.
ANSWER_SECONDS_MAX = 20


def connect():
    url = urlsplit(os.environ["ETCDCTL_ENDPOINTS"])
    files = {"ca_cert": "CACERT", "cert_cert": "CERT", "cert_key": "KEY"}
    tls = {name: os.environ.get(f"ETCDCTL_{variable}") for name, variable in files.items()}
    # Without a path of the API it asks /version for one.
    return Etcd3Client(url.hostname, url.port, url.scheme, timeout=ANSWER_SECONDS_MAX, **tls)


def text(words):
    """Bytes on their way into JSON."""
    return b64encode(words.encode()).decode()


def call(client, path, token=None, **request):
    headers = {"Authorization": token} if token else {}
    return client.post(client.get_url(path), json=request, headers=headers)


def refused(call, words):
    try:
        answer = call()
    except Etcd3Exception as refusal:
        assert words in str(refusal) + str(refusal.detail_text), refusal
    else:
        raise AssertionError(f"not refused: {answer}")


def put(client):
    assert client.put("gw/put", "1")
    assert client.get("gw/put") == [b"1"]
    refused(lambda: client.put("", "x"), "etcdserver: key is not provided")


def get(client):
    for digit in "123":
        client.put(f"gw/get/{digit}", f"{9 - int(digit)}")
    listed = client.get_prefix("gw/get/", sort_order="descend", sort_target="key")
    assert [value for value, _ in listed] == [b"6", b"7", b"8"], listed
    assert listed[0][1]["key"] == b"gw/get/3" and listed[0][1]["version"] == "1", listed
    assert len(client.get("gw/get/", range_end="gw/get0", limit=2)) == 2
    assert client.delete_prefix("gw/get/") and client.get_prefix("gw/get/") == []
    assert not client.delete("gw/get/1"), "nothing is there to delete"


def txn(client):
    assert client.create("gw/txn", "1") and not client.create("gw/txn", "2")
    assert client.replace("gw/txn", "1", "2") and not client.replace("gw/txn", "1", "3")
    assert client.get("gw/txn") == [b"2"]


def watch(client):
    revision = int(call(client, "/kv/put", key=text("gw/watch/a"), value=text("1"))["header"]["revision"])
    events, cancel = client.watch_prefix("gw/watch/", start_revision=revision)
    client.put("gw/watch/a", "2")
    client.delete("gw/watch/a")
    heard = [next(events) for _ in range(3)]
    cancel()
    assert [event["kv"].get("value") for event in heard] == [b"1", b"2", None], heard
    assert [event.get("type") for event in heard] == [None, None, "DELETE"], heard


def lease(client):
    granted = client.lease(30)
    client.put("gw/lease", "1", lease=granted)
    assert granted.refresh() == 30 and 0 < granted.ttl() <= 30
    assert granted.keys() == [b"gw/lease"]
    assert granted.revoke() and client.get("gw/lease") == []


def lock(client):
    with client.lock("gw-lock", ttl=30) as held:
        assert held.is_acquired()
        other = client.lock("gw-lock", ttl=30)
        assert not other.acquire(), "it is held"
    assert other.acquire() and other.release()
    term = call(client, "/lease/grant", TTL=30)["ID"]
    key = call(client, "/lock/lock", name=text("gw/service"), lease=term)["key"]
    assert b64decode(key).startswith(b"gw/service/"), key
    assert "header" in call(client, "/lock/unlock", key=key)


def election(client):
    term, name = call(client, "/lease/grant", TTL=30)["ID"], text("gw/election")
    refused(lambda: call(client, "/election/leader", name=name), "election: no leader")
    leader = call(client, "/election/campaign", name=name, lease=term, value=text("one"))["leader"]
    assert call(client, "/election/leader", name=name)["kv"]["value"] == text("one")
    call(client, "/election/proclaim", leader=leader, value=text("two"))
    assert call(client, "/election/leader", name=name)["kv"]["value"] == text("two")
    call(client, "/election/resign", leader=leader)
    refused(lambda: call(client, "/election/leader", name=name), "election: no leader")


def auth(client):
    for name, password, role in [("root", "r00t", "root"), ("carol", "s3cret", "reader")]:
        call(client, "/auth/user/add", name=name, password=password)
        call(client, "/auth/role/add", name=role)
        call(client, "/auth/user/grant", user=name, role=role)
    permission = {"permType": "READ", "key": text("gw/auth/"), "range_end": text("gw/auth0")}
    call(client, "/auth/role/grant", name="reader", perm=permission)
    call(client, "/auth/enable")
    wrong = "etcdserver: authentication failed, invalid user ID or password"
    refused(lambda: call(client, "/auth/authenticate", name="carol", password="wrong"), wrong)
    carol, root = (
        call(client, "/auth/authenticate", name=name, password=password)["token"]
        for name, password in [("carol", "s3cret"), ("root", "r00t")]
    )
    call(client, "/kv/put", root, key=text("gw/auth/a"), value=text("1"))
    assert call(client, "/kv/range", carol, key=text("gw/auth/a"))["kvs"][0]["value"] == text("1")
    mine = {"key": text("gw/auth/a"), "value": text("2")}
    refused(lambda: call(client, "/kv/put", carol, **mine), "etcdserver: permission denied")
    # A certificate's name does not count on the gateway: without a token there is no user.
    refused(lambda: call(client, "/kv/put", **mine), "etcdserver: user name is empty")
    call(client, "/auth/disable", root)
    assert client.get("gw/auth/a") == [b"1"]


def main():
    client = connect()
    # Auth is last: it closes the server to everybody else.
    for feature in [put, get, txn, watch, lease, lock, election, auth]:
        feature(client)
        print("ok", feature.__name__, flush=True)


main()
