#!/bin/sh
# The operator's verbs against a running agent: what they say, what they refuse, and that pauses survive a kill.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
agent=''
trap 'kill -KILL "$agent" 2>/dev/null || true' EXIT
cat >"$home/alive" <<'END'
#!/bin/sh
[ -e "$(dirname "$0")/runs-on-$1" ] || exit 2
END
chmod +x "$home/alive"
cat >"$config" <<END
version: 1
agent: {name: verbs, state_dir: "$home/state"}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups:
      orders:
        mode: confirm
        fenced: true
        move: [/bin/true]
        control: {alive: {type: exec, command: ["$home/alive", "{node}"], every: 1s, timeout: 900ms}}
servers: {shop: {type: ftp, address: 127.0.0.1, port: 1, log: {file: "$home/log", format: vsftpd}}}
handlers: {orders: {cluster: pollers, group: orders, server: shop, account: shop, poll: 60s}}
END
: >"$home/log"
exits() { # STATUS VERB [argument …]
    wanted=$1
    shift
    status=0
    sw "$@" >"$home/out" 2>&1 || status=$?
    [ "$status" = "$wanted" ]
}
printed() { grep -q -- "$1" "$home/out"; }

must 'without an agent: status says that it does not run' exits 69 status
must 'and how to start it' printed 'solowarden run'
must 'check-state is unknown then' exits 3 check-state
touch "$home/runs-on-p1"
start_agent
expect 20 'one copy' row handler orders '.state == "single"'
expect 5 'check-state is OK' exits 0 check-state orders
must 'with perfdata' printed '| handlers=1 unknown=0'
must 'of a name that does not exist it is unknown' exits 3 check-state nobody
must 'status of one table' exits 0 status handlers
must 'a table that does not exist' exits 64 status nonsense
must 'explain shows the row and the gates' exits 0 explain orders
must 'with the observation behind it' printed 'alive@p1'
must 'explain of nobody is refused' exits 1 explain nobody
must 'nothing to approve' exits 1 approve orders
must 'a failover without a reason is no order' exits 64 failover orders
must 'nor one to a node that does not exist' exits 1 failover orders --to p9 --reason test
must 'a pause must end' exits 64 pause orders --why test
must 'and say why' exits 64 pause orders --for 1h
must 'paused' exits 0 pause orders --for 1h --why 'the database is being moved'
expect 5 'the group is held' row group pollers/orders '.state == "held"'
must 'a held group takes no order' exits 1 failover orders --to p2 --reason test
must 'explain says who paused it and why' sh -c "'$SOLOWARDEN' explain --config '$config' orders | grep -q 'the database is being moved'"
rm "$home/runs-on-p1"
expect 20 'detection goes on' row handler orders '.state == "none"'
kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
start_agent
expect 20 'killed and started again: still held' row group pollers/orders '.state == "held"'
must 'resumed' exits 0 resume orders
must 'what is not paused cannot be resumed' exits 1 resume orders
expect 60 'it stands for the confirm window: a plan waits for approval, or for a gate' row group pollers/orders '.state == "waiting" and .suppressed != ""'
expect 60 'check-state is CRITICAL' exits 2 check-state
must 'history has it in order' exits 0 history orders
must 'the pause' printed 'the database is being moved'
must 'and the plan' printed 'planned'
must 'readings of the last days' exits 0 history --raw orders
must 'acknowledged' exits 0 ack orders
stop_agent
echo "$seen expectations were seen"
