#!/usr/bin/env bash
# Makes NAME.tar.gz, a data directory as a version of strongroom leaves it behind, and NAME.answers, what that version answered from
# it. The test `formats` holds every later version to both.
#
#   tests/faults/formats/make.sh PROGRAM NAME
set -euo pipefail

[ $# -eq 2 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
program=$(realpath "$1")
name=$2
formats=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } || true
    rm -rf "$work"
}
trap end EXIT

# Any free ports; nobody but this script and the server know them.
"$program" dev --dir "$work/dev" --client-port 0 --admin-port 0 --metrics-port 0 --peer-port 0 >"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
    [ -f "$work/dev/env" ] && break
    sleep 0.1
done
# shellcheck source=/dev/null
. "$work/dev/env"

for number in $(seq 40); do
    etcdctl put "/plain/$((number % 25))" "value $number" >/dev/null
    etcdctl put "/registry/secrets/default/$((number % 5))" "secret $number" >/dev/null
done
lease=$(etcdctl lease grant 1000000000 | cut -d' ' -f2)
etcdctl put --lease="$lease" /leased/a bound >/dev/null
etcdctl compact 30 >/dev/null
"$program" key rotate /registry/secrets/ >/dev/null
"$program" key rewrap --wait >/dev/null
etcdctl del --prefix /plain/1 >/dev/null
printf '\nput /in/txn 1\ndel /plain/2\n\n\n' | etcdctl txn >/dev/null
admin() {
    ETCDCTL_ENDPOINTS=$STRONGROOM_ADMIN_ENDPOINT ETCDCTL_CERT=$STRONGROOM_CERT ETCDCTL_KEY=$STRONGROOM_KEY etcdctl "$@"
}
admin role add reader >/dev/null
admin role grant-permission reader read --prefix=true /plain/ >/dev/null
admin user add jane:a-password >/dev/null
admin user grant-role jane reader >/dev/null

# Of the header only what a restart leaves as it is.
{
    for words in 'get / --prefix -w fields' 'get / --prefix --rev=40 -w fields' 'get / --prefix --rev=75 -w fields' \
        'get / --prefix --keys-only' 'lease list' 'user get jane' 'role get reader'; do
        echo "$ $words"
        # shellcheck disable=SC2086
        etcdctl $words 2>&1 | sed '/^"RaftTerm"/d'
    done
} >"$formats/$name.answers"

kill "$server"
wait "$server" || true
server=
# Without what is made anew when it is missing, and without dates.
rm -rf "$work/dev/certs" "$work/dev/env" "$work/dev/lock" "$work/dev/data/state/current/LOG"
tar -C "$work/dev" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf - . | gzip -9n >"$formats/$name.tar.gz"
