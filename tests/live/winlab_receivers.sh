#!/bin/sh
# The rehearsal cluster's receivers: they poll a real vsftpd from their node's address exactly while their host instance runs there.
# Needs root, as vsftpd does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${WINLAB_NETWORK:-}" != own ]; then # ports of its own
    WINLAB_NETWORK=own exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0"
fi
# shellcheck source=tests/lab/agent.sh
. "$here/../lab/agent.sh"
lab=$here/../lab
LAB_DIR=$(mktemp -d /tmp/solowarden-receivers.XXXXXX) # the server's users may enter it
chmod 755 "$LAB_DIR"
PORT=12661
export PORT LAB_DIR
home=$LAB_DIR
log=$home/vsftpd/vsftpd.log
fail() {
    echo "NOT SEEN: $1"
    control status
    tail -n 20 "$log" "$home"/winlab/*.log
    exit 1
}

# what this test needs of the world, quick
cat >"$home/scenario.yaml" <<END
version: 1
clusters:
  lab:
    timing: {online: 500ms, offline: 500ms, hung_stop: 1s, is_alive: 500ms, heartbeat: 500ms, join: 500ms}
    nodes: {BTS01: {address: 127.0.0.61}, BTS02: {address: 127.0.0.62}}
    groups: {FTP: {resources: {FTP-host: {kind: host, host: Ftp}}}}
    hosts: {Ftp: {}}
    locations:
      Orders:
        adapter: FTP
        host: Ftp
        url: "ftp://127.0.0.1:$PORT/in/*"
        receiver: {url: "ftp://127.0.0.1:$PORT/in/", user: shop, password_file: shop.pw, poll: 300ms}
END
secret shop.pw shop-pass

winlab() { BUILD=$BUILD PORT=5986 EXPORTER_PORT=0 RECEIVERS=yes "$lab/winlab.sh" "$@"; }
control() { winlab control "$@"; }
logins() { grep -c "OK LOGIN: Client \"127.0.0.$1\"" "$log" || true; }
# polls NODE: new ones, from now on
polls() {
    before=$(logins "$1")
    expect 10 "$2" more_than "$1" "$before"
}
more_than() { [ "$(logins "$1")" -gt "$2" ]; }
# this lab's receivers, a process number a line; a stopped one counts
receivers() {
    for process in $(pgrep -x lab_receiver || true); do
        if tr '\0' '\n' 2>/dev/null <"/proc/$process/cmdline" | grep -qx "$home/shop.pw"; then echo "$process"; fi
    done
}
receivers_are() { [ "$(receivers | wc -l)" = "$1" ]; }
is_stopped() { grep -q '^State:.T' "/proc/$(receivers)/status"; }
world() { control status | jq -e ".lab$1"; }
cleanup() {
    winlab stop
    "$lab/vsftpd.sh" stop
    rm -rf "$home"
}
trap cleanup EXIT

"$lab/vsftpd.sh" start
winlab start "$home/scenario.yaml"
polls 61 'the owner polls from its own address'
must_not 'and nobody else does' more_than 62 0
"$lab/vsftpd.sh" file shop one.xml
expect 10 'what is there is retrieved' test -f "$home/winlab/received-BTS01/one.xml"

must 'a twin starts' control twin Ftp BTS02
polls 62 'the twin polls too'
polls 61 'and so does the owner'
must 'the twin is stopped' control untwin Ftp BTS02
expect 10 'its receiver ends' receivers_are 1

must 'the instance hangs' control hang Ftp BTS01
expect 10 'its receiver is stopped, not ended' is_stopped
must 'there it is' receivers_are 1
must 'it works again' control resume Ftp BTS01
polls 61 'and polls'

must 'it is killed' control kill Ftp BTS01
expect 10 'the cluster restarts it' world '.resources["FTP-host"] | select(.state == "online" and .failures == 1)'
polls 61 'on the same node'
must 'the group moves' control move FTP BTS02
polls 62 'and polls from there'
expect 10 'with one receiver' receivers_are 1
must 'the location is disabled' control location-disable Orders
expect 10 'its receiver ends' receivers_are 0
must 'and enabled' control location-enable Orders
polls 62 'somebody does'
must 'the node is off' control node-down BTS02
polls 61 'the other one takes over'

kill -KILL "$(cat "$home/winlab/pid")"
expect 10 'no receiver outlives a killed winlab' receivers_are 0
winlab start "$home/scenario.yaml"
polls 61 'it begins anew'
winlab stop
must 'none outlives a stopped one either' receivers_are 0
echo "$seen expectations were seen"
