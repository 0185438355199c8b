#!/bin/sh
# Drives one server with etcdctl: the one that ETCDCTL_PROGRAM names, else the one of the path.
#
# The server is named by ETCDCTL_ENDPOINTS, and ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY for mutual TLS. Prints "ok FEATURE" for
# each feature and ends with 0, or says what went wrong and ends with 1.
set -eu

program=${ETCDCTL_PROGRAM:-etcdctl}
# etcdctl complains about variables of its prefix that it does not know; and since 3.4 it speaks v3 without being asked to.
unset ETCDCTL_PROGRAM ETCDCTL_API

# Without TLS, 3.4 puts the whole URL into :authority when it asks one endpoint, which is no authority (RFC 9113, section 8.3.1),
# and Strongroom's HTTP/2 refuses it. What etcdctl takes by default has no scheme.
ETCDCTL_ENDPOINTS=${ETCDCTL_ENDPOINTS#http://}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# No call takes longer than a few seconds; only a hang runs into it.
ctl() {
    timeout 20 "$program" "$@"
}

# wants WHAT WORDS ANSWER: ends the run when the words are not in the answer.
wants() {
    case "$3" in
    *"$2"*) ;;
    *)
        echo "$1: want $2, got $3" >&2
        exit 1
        ;;
    esac
}

# refused WORDS ARGUMENTS...: ends the run when etcdctl succeeds, or fails with other words.
refused() {
    words=$1
    shift
    if answer=$(ctl "$@" 2>&1); then
        echo "etcdctl $*: not refused: $answer" >&2
        exit 1
    fi
    wants "etcdctl $*" "$words" "$answer"
}

# soon WORDS FILE: waits until the words are in the file.
soon() {
    for _ in $(seq 100); do
        ! grep -q "$1" "$2" || return 0
        sleep 0.1
    done
    wants "$2" "$1" "$(cat "$2")"
}

test_put() {
    wants put OK "$(ctl put ctl/put 1)"
    wants "the value before" 1 "$(ctl put ctl/put 2 --prev-kv)"
    refused "etcdserver: key is not provided" put "" 1
}

test_get() {
    wants get 2 "$(ctl get ctl/put --print-value-only)"
    wants "a count" '"count":1' "$(ctl get ctl/ --prefix --keys-only --write-out json)"
    refused "etcdserver: mvcc: required revision is a future revision" get ctl/put --rev 1000000
    wants delete 1 "$(ctl del ctl/ --prefix)"
}

test_txn() {
    create='create("ctl/txn") = "0"

put ctl/txn 1

get ctl/txn

'
    wants "a new key" SUCCESS "$(printf %s "$create" | ctl txn)"
    wants "a key that is there" FAILURE "$(printf %s "$create" | ctl txn)"
}

test_watch() {
    "$program" watch ctl/watch --rev 1 --prev-kv >"$folder/watch" &
    watcher=$!
    ctl put ctl/watch one >/dev/null
    ctl del ctl/watch >/dev/null
    soon DELETE "$folder/watch"
    kill "$watcher"
    wants "a put" one "$(cat "$folder/watch")"
    revision=$(ctl get ctl/watch --write-out json | sed 's/.*"revision":\([0-9]*\).*/\1/')
    wants compact "compacted revision $revision" "$(ctl compact "$revision")"
    refused "etcdserver: mvcc: required revision has been compacted" get ctl/watch --rev 1
}

test_lease() {
    id=$(ctl lease grant 30 | cut -d ' ' -f 2)
    ctl put ctl/lease 1 --lease "$id" >/dev/null
    wants "a longer life" "lease $id keepalived with TTL(30)" "$(ctl lease keep-alive "$id" --once)"
    wants "its keys" "[ctl/lease]" "$(ctl lease timetolive "$id" --keys)"
    wants "all leases" "$id" "$(ctl lease list)"
    wants revoke "lease $id revoked" "$(ctl lease revoke "$id")"
    wants "no key" '' "$(ctl get ctl/lease)"
    refused "etcdserver: requested lease not found" lease revoke "$id"
}

test_lock() {
    wants "the lock's key" held "$(ctl lock ctl/lock echo held)"
    "$program" lock ctl/lock sleep 1 >/dev/null &
    holder=$!
    wants "the lock after another" mine "$(ctl lock ctl/lock echo mine)"
    wait "$holder"
}

test_election() {
    "$program" elect ctl/election one >"$folder/one" &
    leader=$!
    soon one "$folder/one"
    "$program" elect --listen ctl/election >"$folder/listen" &
    listener=$!
    soon one "$folder/listen"
    kill "$leader" "$listener"
}

test_maintenance() {
    wants members started "$(ctl member list)"
    wants status 3. "$(ctl endpoint status)"
    wants health "is healthy" "$(ctl endpoint health 2>&1)"
    wants hash , "$(ctl endpoint hashkv)"
    ctl alarm list
    wants defragment Finished "$(ctl defrag 2>&1)"
    ctl snapshot save "$folder/snapshot" >"$folder/log" 2>&1 || wants snapshot saved "$(cat "$folder/log")"
    [ -s "$folder/snapshot" ]
}

test_auth() {
    for pair in root:root grace:writer; do
        ctl user add "${pair%:*}:s3cret" >/dev/null
        ctl role add "${pair#*:}" >/dev/null
        ctl user grant-role "${pair%:*}" "${pair#*:}" >/dev/null
    done
    ctl role grant-permission writer readwrite ctl/auth/ --prefix >/dev/null
    wants "auth enabled" "Authentication Enabled" "$(ctl auth enable)"
    refused "etcdserver: user name is empty" get ctl/auth/a
    refused "etcdserver: authentication failed, invalid user ID or password" --user grace:wrong get ctl/auth/a
    wants "grace puts" OK "$(ctl --user grace:s3cret put ctl/auth/a 1)"
    refused "etcdserver: permission denied" --user grace:s3cret put ctl/other 1
    refused "etcdserver: permission denied" --user grace:s3cret user list
    wants "root's users" grace "$(ctl --user root:s3cret user list)"
    wants "auth disabled" "Authentication Disabled" "$(ctl --user root:s3cret auth disable)"
    wants "auth off" 1 "$(ctl get ctl/auth/a --print-value-only)"
}

# Auth is last: it closes the server to everybody else.
for feature in put get txn watch lease lock election maintenance auth; do
    "test_$feature"
    echo "ok $feature"
done
