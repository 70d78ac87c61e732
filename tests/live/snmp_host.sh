#!/bin/sh
# The snmp_host probe and the SNMP manager against agents that others wrote: snmpsim replays a Windows host, by v2c and v3; a real snmpd
# tells who is connected to a port of this machine; refusals have their reasons; no secret shows in the process list.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
here=$(cd "$(dirname "$0")" && pwd)
walker=$BUILD/tests/live_snmpwalker
simulated=17263 real=17261 listening=17262
simulator='' daemon='' clients=''

end_all() {
    exec 9>&- || true
    for process in $simulator $daemon $clients ${agent:-}; do kill "$process" 2>/dev/null || true; done
}
trap end_all EXIT

secret community public
secret auth.pw 'lab auth pass'
secret priv.pw 'lab priv pass'
secret wrong.pw 'quite another one'
v3="user=nms level=2 auth_file=$home/auth.pw priv_file=$home/priv.pw"

# ask PORT KEY=VALUE…: one conversation, into asked.out
ask() {
    port=$1
    shift
    "$walker" "$SOLOWARDEN" port="$port" "$@" >"$home/asked.out" 2>"$home/asked.err"
}
told() { grep -qxF -- "$1" "$home/asked.out"; }
told_like() { grep -q -- "$1" "$home/asked.out"; }
told_nothing_like() { ! told_like "$1"; }

# ---- a Windows host, as snmpsim replays it: by community public, and as the default of SNMPv3
data=$home/simulator/data
mkdir -p "$data" "$home/simulator/cache"
sed '/^#/d' "$here/../golden/snmp/windows-host.snmprec" >"$data/public.snmprec"
cp "$data/public.snmprec" "$data/1.3.6.1.6.1.1.0.snmprec"
user=''
if [ "$(id -u)" = 0 ]; then
    chmod o+x "$home" && chown -R nobody:nogroup "$home/simulator"
    user='--process-user=nobody --process-group=nogroup'
fi
# shellcheck disable=SC2086
snmpsimd $user --data-dir="$data" --cache-dir="$home/simulator/cache" --v3-engine-id=auto \
    --agent-udpv4-endpoint=127.0.0.1:$simulated --v3-user=nms --v3-auth-key='lab auth pass' --v3-auth-proto=SHA \
    --v3-priv-key='lab priv pass' --v3-priv-proto=AES >"$home/simulator.log" 2>&1 </dev/null &
simulator=$!
simulator_answers() { ask "$simulated" community="$home/community" subtree=1.3.6.1.2.1.1 && told_like 'Windows'; }
expect 20 'snmpsim answers' simulator_answers

windows_told() {
    must "$1: a service by its short name, with its process" told "row service name \"BTSSvc\$FtpReceive\" state 4 start_mode 0 process 2856"
    must "$1: a service by its display name, paused" told "row service name \"BTSSvc\$Orders\" state 7 start_mode 0"
    must "$1: Enterprise SSO" told 'row service name "ENTSSO" state 4 start_mode 0'
    must "$1: others do not matter" told_nothing_like Spooler
    must "$1: the list of services is complete, so what it lacks does not run" told 'end service ok'
    must "$1: the node's connection to an FTP server" told 'row connection local_port 50001 remote_port 21 local 10.1.1.11 remote 10.9.9.9 state 5'
    must "$1: other connections do not matter" told_nothing_like 'remote_port 445'
    must "$1: the list of connections is complete" told 'end connection ok'
}
must 'asked by v2c' ask "$simulated" node=BTS01 community="$home/community"
windows_told v2c
# shellcheck disable=SC2086
must 'asked by v3' ask "$simulated" node=BTS01 $v3 auth=0 priv=0
windows_told v3

# ---- the real snmpd: who is connected to a port here
mkdir -p "$home/snmpd"
cat >"$home/snmpd.conf" <<END
agentaddress udp:127.0.0.1:$real
rocommunity public 127.0.0.1
createUser nms SHA-256 "lab auth pass" AES "lab priv pass"
createUser wide SHA-512 "lab auth pass" AES-256 "lab priv pass"
rouser nms authpriv
rouser wide authpriv
[snmp] persistentDir $home/snmpd
END
MIBS='' snmpd -f -C -c "$home/snmpd.conf" -Lf "$home/snmpd.log" </dev/null >/dev/null 2>&1 &
daemon=$!
rm -f "$home/hold"
mkfifo "$home/hold"
connect='
import socket, sys
port, held = int(sys.argv[1]), []
listener = socket.create_server(("127.0.0.1", port))
for address in ("127.0.0.2", "127.0.0.3"):
    held.append(socket.create_connection(("127.0.0.1", port), source_address=(address, 0)))
    held.append(listener.accept()[0])
print("connected", flush=True)
sys.stdin.read()'
python3 -c "$connect" $listening <"$home/hold" >"$home/clients.out" 2>&1 &
clients=$!
exec 9>"$home/hold"
expect 10 'two addresses are connected to a port' grep -q connected "$home/clients.out"
snmpd_answers() { ask "$real" community="$home/community" subtree=1.3.6.1.2.1.1.1 && told_like Linux; }
expect 20 'snmpd answers' snmpd_answers

two_told() {
    for address in 127.0.0.2 127.0.0.3; do
        must "$1: $address is connected" told_like "^row connection local_port $listening remote_port [0-9]* local 127.0.0.1 remote $address state 5\$"
    done
    must "$1: nobody else is" [ "$(grep -c '^row connection' "$home/asked.out")" = 2 ]
    must "$1: the list is complete" told 'end connection ok'
    must "$1: no Windows services, so no list of them" told_nothing_like service
}
must 'asked by v2c' ask "$real" ports=$listening community="$home/community"
two_told v2c
# shellcheck disable=SC2086
must 'asked by v3, SHA-256 and AES' ask "$real" ports=$listening $v3 auth=2 priv=0
two_told 'v3, AES'
must 'asked by v3, SHA-512 and AES-256' ask "$real" ports=$listening user=wide level=2 auth=4 priv=1 \
    auth_file="$home/auth.pw" priv_file="$home/priv.pw"
two_told 'v3, AES-256'

# ---- walks at once and again and again; a manager that is killed is replaced
must '200 walks at once' ask "$real" community="$home/community" subtree=1.3.6.1.2.1.6 at_once=200
must 'and all their lines came' [ "$(grep -c 'snmp-timeout\|child-ended' "$home/asked.out")" = 0 ]
sed 's/^/  /' "$home/asked.out"
# shellcheck disable=SC2086
"$walker" "$SOLOWARDEN" port=$real $v3 auth=2 priv=0 subtree=1.3.6.1.2.1 times=100000 >"$home/again.out" 2>&1 &
again=$!
clients="$clients $again"
manager() { pgrep -P "$again" -f 'snmp-manager' >"$home/manager.pid"; }
expect 10 'the manager runs as a process of its own' manager
first=$(cat "$home/manager.pid")
must 'nothing secret is among its arguments' sh -c "tr '\\0' ' ' <'/proc/$first/cmdline' | grep -qx 'solowarden snmp-manager '"
kill -KILL "$first"
expect 10 'its end is told' grep -q 'child-ended.*signal 9' "$home/again.out"
other() { manager && [ "$(cat "$home/manager.pid")" != "$first" ]; }
expect 10 'another one takes over' other
kill "$again"
wait "$again" 2>/dev/null || true
gone() { ! kill -0 "$(cat "$home/manager.pid")" 2>/dev/null; }
expect 10 'and it ends with those who started it' gone

# ---- the daemon itself: two nodes of a cluster are connected to a server, as its machine tells
cat >"$config" <<END
version: 1
agent: {name: lab, state_dir: "$home/state"}
snmp:
  listen: udp:127.0.0.1:17264
  users: {nms: {level: authPriv, auth: SHA-256, auth_file: auth.pw, priv: AES, priv_file: priv.pw}}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.2]}, p2: {addresses: [127.0.0.3]}, p3: {addresses: [127.0.0.4]}}
    groups: {orders: {mode: advise}}
servers:
  shop: {type: ftp, address: 127.0.0.1, port: $listening, probe: {every: 5s, timeout: 1s},
    snmp_host: {every: 5s, timeout: 3s, port: $real, user: nms}}
handlers: {orders: {cluster: pollers, group: orders, server: shop, account: shop, path: /in, poll: 30s}}
END
mkdir -p "$home/state"
start_agent
connected() { # NODE SESSIONS
    answer=$(sw status --output json) || return 1
    printf '%s' "$answer" | jq -e --arg node "$1" '[.handlerNode[] | select(.node == $node and .sessions == '"$2"' and .sessionSeen '"$3"')] | length == 1'
}
expect 20 'the probe is well' row probe shop/snmp_host '.state == "up"'
expect 20 'p1 is connected to the server' connected p1 1 '> 0'
expect 20 'p2 is connected to the server' connected p2 1 '> 0'
must 'p3 is not' connected p3 0 '== null'
must 'the daemon stops in order' stop_agent

# ---- refusals
refused() { # WHAT REASON WORDS KEY=VALUE…
    what=$1 reason=$2 words=$3
    shift 3
    ask "$real" "$@"
    must "$what: $reason" told_like "^end service $reason\$"
    must "$what: $words" told_like "^why $words"
}
refused 'a wrong passphrase' snmp-refused 'wrong passphrase' user=nms level=2 auth=2 auth_file="$home/wrong.pw" priv_file="$home/priv.pw"
refused 'a user that nobody knows' snmp-refused 'it does not know our user' user=other level=2 auth=2 auth_file="$home/auth.pw" priv_file="$home/priv.pw"
refused 'a level that is too low' snmp-refused authorizationError user=nms level=1 auth=2 auth_file="$home/auth.pw"
refused 'a wrong community' snmp-timeout '' community="$home/wrong.pw"
chmod o+r "$home/community"
refused 'a secret that everybody can read' secret-unreadable '' community="$home/community"
chmod o-r "$home/community"
echo "$seen expectations were seen"
