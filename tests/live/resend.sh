#!/bin/sh
# Nothing is lost between the agent and its receiver: what was not acknowledged when the agent was killed is sent by its successor.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
here=$(cd "$(dirname "$0")/../lab" && pwd)
export PORT=17162 AUTH='resend auth pass' PRIV='resend priv pass'
told=$LAB_DIR/snmptrapd/log
agent='' server=''
clean() {
    kill -KILL "$agent" "$server" 2>/dev/null || true
    "$here/snmptrapd.sh" stop || true
}
trap clean EXIT
secret nms.auth "$AUTH"
secret nms.priv "$PRIV"
cat >"$config" <<END
version: 1
agent: {name: resend, state_dir: "$home/state"}
snmp:
  listen: udp:127.0.0.1:17161
  users: {nms: {level: authPriv, auth: SHA-256, auth_file: nms.auth, priv: AES, priv_file: nms.priv}}
  notify: {nms: {to: "udp:127.0.0.1:$PORT", user: nms, inform: true, retry: 1s}}
servers: {shop: {type: tcp, address: 127.0.0.1, port: 17180, every: 1s, timeout: 900ms, rise: 1, fall: 1}}
END
serve() {
    python3 -c 'import socket
held = socket.create_server(("127.0.0.1", 17180))
while True: held.accept()[0].close()' &
    server=$!
}
arrived() { grep -c "$1" "$told" 2>/dev/null | grep -qx "$2"; }

"$here/snmptrapd.sh" start
serve
expect 5 'the server listens' sh -c 'ss -Hltn "sport = :17180" | grep -q .'
start_agent
expect 15 'the server answers' row server shop '.state == "up"'
kill "$server"
expect 15 'it goes down: the notification arrives' arrived 'endpoint:shop' 1
expect 15 'and is acknowledged' sh -c "'$SOLOWARDEN' status --config '$config' --output json >'$home/now' && jq -e '.agent.notifyAcked > 0' '$home/now'"
"$here/snmptrapd.sh" stop
serve
expect 15 'it is up again, while the receiver is dead' row alarm endpoint:shop '.state == "cleared"'
expect 15 'one notification waits' sh -c "'$SOLOWARDEN' status --config '$config' --output json >'$home/now' && jq -e '.agent.notifyWaiting == 1' '$home/now'"
kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
"$here/snmptrapd.sh" start
must 'nothing arrived meanwhile' arrived 'endpoint:shop' 0 # a new receiver begins a new log
start_agent
expect 30 'the successor sends what its predecessor could not' arrived 'endpoint:shop' 1
must 'it is the one that was missing' grep -q '5757\.0\.2[[:space:]]' "$told"
stop_agent
start_agent
expect 15 'started once more' agent_answers
expect 15 'and its children too' sh -c "'$SOLOWARDEN' status --config '$config' --output json >'$home/now' && jq -e '.agent.snmpState == \"ok\"' '$home/now'"
stop_agent
must 'what was acknowledged is not sent again' arrived 'endpoint:shop' 1
echo "$seen expectations were seen"
