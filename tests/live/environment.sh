#!/bin/sh
# The surroundings fail: each must be said in words that help, and watching goes on where it can.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
[ "$(id -u)" = 0 ] || { echo 'needs root: mounts a small disk, starts the agent as nobody'; exit 1; }
chmod 755 "$home"
cp "$SOLOWARDEN" "$home/solowarden" && SOLOWARDEN=$home/solowarden
work=$(mktemp -d /tmp/solowarden-environment.XXXXXX)
cp "$SOLOWARDEN" "$work/" && SOLOWARDEN=$work/solowarden && config=$work/solowarden.yaml && home=$work
chmod 755 "$work"
disk=$work/disk
clean() {
    kill "$agent" 2>/dev/null || true
    wait "$agent" 2>/dev/null || true
    umount "$disk" 2>/dev/null || true
    rm -rf "$work"
}
agent=
trap clean EXIT

configure() { # STATE_DIR SNMP
    cat >"$config" <<END
version: 1
agent: {name: environment, state_dir: "$1"}
snmp: $2
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups:
      orders:
        mode: auto
        fenced: true
        move: [/bin/true]
        control: {alive: {type: exec, command: [/bin/sh, "-c", "test {node} = p1 || exit 2"], every: 1s, timeout: 900ms}}
servers: {shop: {type: ftp, address: 127.0.0.1, port: 1, probe: {tls: off, every: 2s, timeout: 1s}}}
handlers: {orders: {cluster: pollers, group: orders, server: shop, account: shop, poll: 60s}}
END
}
as_nobody() {
    setpriv --reuid nobody --regid nogroup --clear-groups "$SOLOWARDEN" run --config "$config" >>"$home/agent.log" 2>&1 </dev/null &
    agent=$!
}

# ---- a state folder that cannot be written
mkdir "$work/locked" && chmod 755 "$work/locked"
configure "$work/locked" '{listen: "udp:127.0.0.1:17771", allow_v2c: false}'
sed -i "s|state_dir: |control_socket: \"$work/open/control.sock\", state_dir: |" "$config"
mkdir "$work/open" && chown nobody "$work/open"
as_nobody
expect 15 'state folder not writable: watching goes on' row handler orders '.state == "single"'
must 'and it is said, with the folder' says locked
expect 10 'the alarm tells of it' alarm agent-degraded:agent/journal active
must 'no action may be taken without a journal' sh -c "'$SOLOWARDEN' explain --config '$config' orders | grep -q 'closed: journal'"
stop_agent || true

# ---- a port that is taken, and a second agent
configure "$work/state" '{listen: "udp:127.0.0.1:17771", allow_v2c: false}'
python3 -c 'import socket, time
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind(("127.0.0.1", 17771))
time.sleep(600)' &
holder=$!
mkdir "$work/state" && chown nobody "$work/state"
expect 5 'the port is held' sh -c 'ss -lun | grep -q 127.0.0.1:17771'
as_nobody
expect 15 'port taken: watching goes on' row handler orders '.state == "single"'
expect 10 'and the alarm says so' row alarm agent-degraded:agent/snmp-agent '.state == "active"'
must 'a second agent on the same state folder refuses' sh -c \
    "! setpriv --reuid nobody --regid nogroup --clear-groups '$SOLOWARDEN' run --config '$config' 2>'$work/second'"
must 'and says why' grep -qi 'already' "$work/second"
kill $holder
expect 40 'the port is free again: SNMP heals by itself' row alarm agent-degraded:agent/snmp-agent '.state == "cleared"'

# ---- children that are killed
child() { pgrep -P "$agent" -f "solowarden $1"; }
must 'the SNMP agent is a process of its own' child snmp-agent
old=$(child snmp-agent) && kill -KILL "$old"
expect 15 'killed, it is started again' sh -c "p=\$(pgrep -P $agent -f 'solowarden snmp-agent') && [ \"\$p\" != $old ]"
old=$(child actuator) && kill -KILL "$old"
expect 15 'so is the actuator' sh -c "p=\$(pgrep -P $agent -f 'solowarden actuator') && [ \"\$p\" != $old ]"
expect 15 'and the alarm is cleared' row alarm agent-degraded:agent/actuator '.state == "cleared"'

# ---- the agent itself is stopped for a while
kill -STOP "$agent"
stopped_at=$(now_ms)
until [ $(($(now_ms) - stopped_at)) -gt 7000 ]; do sleep 0.5; done
kill -CONT "$agent"
expect 10 'it notices that it was stopped' says 'stopped for'
expect 10 'and does nothing before everything was seen again' sh -c "'$SOLOWARDEN' explain --config '$config' orders | grep -q 'closed: clock'"
stop_agent || true

# ---- an AgentX socket that is absent
configure "$work/state" "{agentx: \"$work/absent.sock\"}"
as_nobody
expect 15 'AgentX socket absent: watching goes on' row handler orders '.state == "single"'
expect 15 'and the alarm names AgentX' row alarm agent-degraded:agent/snmp-agent '.state == "active" and .reason == "agentx-down"'
stop_agent || true

# ---- a disk that fills up
mkdir "$disk" && mount -t tmpfs -o size=4m tmpfs "$disk" && chown nobody "$disk"
configure "$disk/state" '{listen: "udp:127.0.0.1:17771", allow_v2c: false}'
as_nobody
expect 15 'on a small disk' row handler orders '.state == "single"'
dd if=/dev/zero of="$disk/filler" bs=64k 2>/dev/null || true
i=0
while [ $i -lt 60 ]; do
    i=$((i + 1))
    sw pause orders --for 1h --why "filling the disk $i" >/dev/null 2>&1 || true
done
expect 30 'disk full: the alarm says so' alarm agent-degraded:agent/journal active
must 'watching goes on' row handler orders '.state == "single"'
rm "$disk/filler"
expect 40 'space again: the journal heals by itself' alarm agent-degraded:agent/journal cleared
stop_agent
must 'it ended in order' says 'stopping (SIGTERM)'
echo "$seen expectations were seen"
