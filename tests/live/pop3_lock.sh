#!/bin/bash
# A real dovecot, two receivers on one mailbox. With the server's session lock several receivers are correct, and the refused one is no
# duplicate; without it the same two are.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
here=$(cd "$(dirname "$0")/../lab" && pwd)
work=$(mktemp -d /tmp/solowarden-pop3.XXXXXX) # every user of dovecot's may enter it
chmod 755 "$work"
export LAB_DIR=$work PORT=12110
home=$work config=$work/solowarden.yaml
agent='' first='' second=''
clean() {
    kill "$agent" "$first" "$second" 2>/dev/null || true
    wait 2>/dev/null || true
    "$here/dovecot.sh" stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap clean EXIT

configure() { # SINGLETON
    cat >"$config" <<END
version: 1
agent: {name: pop3, state_dir: "$work/state-$1"}
credentials: {canary: {user: canary, password_file: "$work/canary"}}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups: {mail: {}}
servers:
  post:
    type: pop3
    address: 127.0.0.1
    port: $PORT
    probe: {credential: canary, ca_file: "$work/tls/ca.pem", every: 2s, timeout: 1500ms}
    log: {file: "$work/dovecot/dovecot.log", format: dovecot-pop3}
handlers: {mail: {cluster: pollers, group: mail, server: post, account: shop, poll: 2s, singleton: $1}}
END
}
receive() { # ADDRESS [option …]
    local address=$1
    shift
    "$BUILD/tests/lab_receiver" --url "pop3://127.0.0.1:$PORT/" --user shop --password-file "$work/shop" --source "$address" --poll 1 "$@" \
        >>"$work/receiver-$address.log" 2>&1 &
}
refused() { grep -q "Couldn't lock" "$work/dovecot/dovecot.log"; }
secret canary canary-pass
secret shop shop-pass

# ---- the server locks
LOCK=yes "$here/dovecot.sh" start
configure no
start_agent
expect 20 'the canary proves the log' row server post '.state == "up" and .logState == "live"'
"$here/dovecot.sh" mail shop 1
receive 127.0.0.11 --hold-before-delete 13 # longer than a second login waits for the lock
first=$!
expect 20 'the first receiver is inside the mailbox' grep -q 'user=<shop>.*rip=127.0.0.11' "$work/dovecot/dovecot.log"
receive 127.0.0.12
second=$!
expect 40 'the lock refused the second' refused
must_not 'who waits for the lock, or holds it, is not silent' raised idle:mail
expect 40 'both have polled, each in its turn' sh -c "'$SOLOWARDEN' status --config '$config' --output json >'$work/rows' &&
    jq -e '[.handlerNode[] | select(.lastPoll != null and .lastPoll != \"\" and .lastPoll != 0)] | length == 2' '$work/rows'"
must 'the refused session was counted as refused' row handler mail '.refused > 0'
must_not 'and is no duplicate: never suspected' raised duplicate-suspected:mail
must_not 'never confirmed' raised duplicate-confirmed:mail
kill "$first" "$second"
wait "$first" "$second" 2>/dev/null || true
stop_agent
"$here/dovecot.sh" stop

# ---- it does not lock: the very case for which hosts are clustered
LOCK=no "$here/dovecot.sh" start
configure yes
start_agent
expect 20 'the canary proves the log' row server post '.state == "up" and .logState == "live"'
receive 127.0.0.11 --hold-before-delete 3
first=$!
expect 20 'one receiver: single' row handler mail '.state == "single" and .activeNode == "p1"'
receive 127.0.0.12 --hold-before-delete 3
second=$!
"$here/dovecot.sh" mail shop 2
expect 40 'two sessions of one mailbox overlap, both with messages retrieved: confirmed' raised duplicate-confirmed:mail
kill "$second"
wait "$second" 2>/dev/null || true
second=''
expect 60 'one receiver again: single, and the alarm is cleared' row alarm duplicate-confirmed:mail '.state == "cleared"'
stop_agent
echo "$seen expectations were seen"
