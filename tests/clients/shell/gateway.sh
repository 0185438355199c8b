#!/bin/sh
# Drives one server's JSON gateway with curl.
#
# The server is named as for etcdctl: ETCDCTL_ENDPOINTS, and ETCDCTL_CACERT, ETCDCTL_CERT, ETCDCTL_KEY for mutual TLS. Prints
# "ok FEATURE" for each feature and ends with 0, or says what went wrong and ends with 1.
set -eu

# Longest wait for one answer, and for a watch to have told everything.
answer_seconds=20
watch_seconds=3

base() {
    printf %s "$1" | base64 -w 0
}

# request PATH JSON [HEADER]: the answer's body. Go's JSON has a space behind commas and colons or not, as the build falls.
request() {
    set -- "$1" "$2" "${3:-Accept: */*}"
    if [ -n "${ETCDCTL_CERT:-}" ]; then
        set -- "$@" --cacert "$ETCDCTL_CACERT" --cert "$ETCDCTL_CERT" --key "$ETCDCTL_KEY"
    fi
    path=$1 json=$2 header=$3
    shift 3
    curl --silent --show-error --max-time "$answer_seconds" --header "$header" "$@" --data "$json" "$ETCDCTL_ENDPOINTS/v3/$path" |
        sed 's/\([{, ]"[A-Za-z_]*":\) /\1/g; s/, \("[A-Za-z_]*":\)/,\1/g'
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

# field NAME ANSWER: the first text or number of that name.
field() {
    printf %s "$2" | sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" | head -n 1
}

put() {
    request kv/put "{\"key\":\"$(base sh/put)\",\"value\":\"$(base "$1")\",\"prev_kv\":true}"
}

test_put() {
    answer=$(put 1)
    wants put '"revision":"' "$answer"
    wants "the value before" "\"value\":\"$(base 1)\"" "$(put 2)"
    wants "an empty key" '"message":"etcdserver: key is not provided"' "$(request kv/put '{}')"
    wants "no JSON" '"code":3' "$(request kv/put '{"key"')"
    wants "no base64" '"code":3' "$(request kv/put '{"key":"?"}')"
}

test_get() {
    answer=$(request kv/range "{\"key\":\"$(base sh/put)\"}")
    wants get "\"value\":\"$(base 2)\"" "$answer"
    wants "a number as text" '"version":"2"' "$answer"
    wants "a whole range" '"count":"1"' "$(request kv/range "{\"key\":\"$(base sh/)\",\"range_end\":\"$(base sh0)\",\"count_only\":true}")"
    wants "an order by name" '"kvs":[' "$(request kv/range "{\"key\":\"AA==\",\"range_end\":\"AA==\",\"sort_target\":\"VALUE\",\"sort_order\":\"DESCEND\"}")"
    wants delete '"deleted":"1"' "$(request kv/deleterange "{\"key\":\"$(base sh/put)\"}")"
}

test_txn() {
    compare="{\"key\":\"$(base sh/txn)\",\"target\":\"CREATE\",\"create_revision\":\"0\",\"result\":\"EQUAL\"}"
    put="{\"requestPut\":{\"key\":\"$(base sh/txn)\",\"value\":\"$(base 1)\"}}"
    get="{\"request_range\":{\"key\":\"$(base sh/txn)\"}}"
    create="{\"compare\":[$compare],\"success\":[$put],\"failure\":[$get]}"
    wants "a new key" '"succeeded":true,"responses":[{"response_put":' "$(request kv/txn "$create")"
    wants "a key that is there" "\"value\":\"$(base 1)\"" "$(request kv/txn "$create")"
}

test_watch() {
    answer=$(request kv/put "{\"key\":\"$(base sh/watch)\",\"value\":\"$(base 1)\"}")
    revision=$(field revision "$answer")
    request kv/deleterange "{\"key\":\"$(base sh/watch)\"}" >/dev/null
    create="{\"create_request\":{\"key\":\"$(base sh/watch)\",\"start_revision\":\"$revision\",\"prev_kv\":true}}"
    # A watch has no end: curl gives up, and what came until then is what is looked at.
    lines=$(answer_seconds=$watch_seconds && request watch "$create" 2>/dev/null) || true
    wants "the watch's beginning" '"created":true' "$lines"
    wants "a put" "\"value\":\"$(base 1)\"" "$lines"
    wants "a delete" '"type":"DELETE"' "$lines"
}

test_lease() {
    id=$(field ID "$(request lease/grant '{"TTL":30}')")
    request kv/put "{\"key\":\"$(base sh/lease)\",\"value\":\"\",\"lease\":\"$id\"}" >/dev/null
    wants "a longer life" "\"ID\":\"$id\",\"TTL\":\"30\"" "$(request lease/keepalive "{\"ID\":\"$id\"}")"
    wants "its keys" "\"keys\":[\"$(base sh/lease)\"]" "$(request lease/timetolive "{\"ID\":\"$id\",\"keys\":true}")"
    wants "all leases" "{\"ID\":\"$id\"}" "$(request lease/leases '{}')"
    wants revoke '"header":' "$(request lease/revoke "{\"ID\":\"$id\"}")"
    wants "no lease" 'etcdserver: requested lease not found' "$(request lease/revoke "{\"ID\":\"$id\"}")"
}

test_lock() {
    id=$(field ID "$(request lease/grant '{"TTL":30}')")
    key=$(field key "$(request lock/lock "{\"name\":\"$(base sh/lock)\",\"lease\":\"$id\"}")")
    wants "the lock's key" "sh/lock/" "$(printf %s "$key" | base64 -d)"
    wants unlock '"header":' "$(request lock/unlock "{\"key\":\"$key\"}")"
}

test_election() {
    id=$(field ID "$(request lease/grant '{"TTL":30}')")
    name="\"name\":\"$(base sh/election)\""
    won=$(request election/campaign "{$name,\"lease\":\"$id\",\"value\":\"$(base one)\"}")
    leader=$(printf %s "$won" | sed -n 's/.*"leader":\({[^}]*}\).*/\1/p')
    wants "who leads" "\"value\":\"$(base one)\"" "$(request election/leader "{$name}")"
    wants proclaim '"header":' "$(request election/proclaim "{\"leader\":$leader,\"value\":\"$(base two)\"}")"
    wants "what was proclaimed" "\"value\":\"$(base two)\"" "$(request election/leader "{$name}")"
    wants resign '"header":' "$(request election/resign "{\"leader\":$leader}")"
    wants "nobody leads" "election: no leader" "$(request election/leader "{$name}")"
}

test_maintenance() {
    wants members '"clientURLs":[' "$(request cluster/member/list '{}')"
    wants status '"version":"3.' "$(request maintenance/status '{}')"
    wants "a hash" '"hash":' "$(request maintenance/hashkv '{}')"
    wants "no alarm" '"header":' "$(request maintenance/alarm '{}')"
}

# token NAME PASSWORD
token() {
    field token "$(request auth/authenticate "{\"name\":\"$1\",\"password\":\"$2\"}")"
}

test_auth() {
    for pair in root:root frank:reader; do
        request auth/user/add "{\"name\":\"${pair%:*}\",\"password\":\"s3cret\"}" >/dev/null
        request auth/role/add "{\"name\":\"${pair#*:}\"}" >/dev/null
        request auth/user/grant "{\"user\":\"${pair%:*}\",\"role\":\"${pair#*:}\"}" >/dev/null
    done
    permission="{\"permType\":\"READ\",\"key\":\"$(base sh/auth)\"}"
    request auth/role/grant "{\"name\":\"reader\",\"perm\":$permission}" >/dev/null
    wants "auth enabled" '"header":' "$(request auth/enable '{}')"
    root=$(token root s3cret) frank=$(token frank s3cret)
    put="{\"key\":\"$(base sh/auth)\",\"value\":\"$(base 1)\"}"
    wants "no name" 'etcdserver: user name is empty' "$(request kv/put "$put")"
    wants "no such token" 'etcdserver: invalid auth token' "$(request kv/put "$put" 'Authorization: none.1')"
    wants "frank puts" 'etcdserver: permission denied' "$(request kv/put "$put" "Authorization: $frank")"
    wants "root puts" '"revision":"' "$(request kv/put "$put" "Authorization: $root")"
    wants "frank gets" '"count":"1"' "$(request kv/range "{\"key\":\"$(base sh/auth)\"}" "Authorization: $frank")"
    wants "auth disabled" '"header":' "$(request auth/disable '{}' "Authorization: $root")"
}

# Auth is last: it closes the server to everybody else.
for feature in put get txn watch lease lock election maintenance auth; do
    "test_$feature"
    echo "ok $feature"
done
