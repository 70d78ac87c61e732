#!/bin/sh
# One agent watches 50 simulated clusters of 4 nodes and 50 hosts at 15 s polls: CPU per poll, share of a core, bytes per host.
# usage: windows.sh BUILD_FOLDER [SECONDS]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) seconds=${2:-60}
clusters=50 nodes=4 hosts=50
home=$(mktemp -d /tmp/solowarden-bench.XXXXXX)
export LAB_DIR="$home" BUILD="$build" EXPORTER_PORT=0
agent=

clear_away() {
    trap - EXIT INT TERM
    [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
    "$here/../lab/winlab.sh" stop || true
    rm -rf "$home"
}
trap clear_away EXIT INT TERM

configuration() {
    cat <<END
version: 1
agent: {name: bench, state_dir: $home/state, control_socket: $home/control.sock}
credentials: {observe: {user: svc-observe, password_file: $home/winlab/observe.pw, auth: basic}}
clusters:
END
    cluster=0
    while [ $((cluster += 1)) -le $clusters ]; do
        printf '  load%d: {type: wsfc, observe: observe, winrm: {ca_file: %s}, nodes: {' $cluster "$home/winlab/ca.pem"
        node=0
        while [ $((node += 1)) -le $nodes ]; do
            printf 'L%dN%d: {name: L%dN%d, addresses: [127.90.%d.%d]}, ' $cluster $node $cluster $node $cluster $node
        done
        echo '}, groups: {Role1: {}, Role2: {}, Role3: {}, Role4: {}},'
        echo '    wsfc: {every: 15s}, biztalk: {every: 15s}, service: {every: 15s}, msmq: {every: 15s}}'
    done
}
sw() {
    verb=$1
    shift
    "$build/solowarden" "$verb" --config "$home/bench.yaml" "$@"
}
rows() { sw status --output json "$1"; }
runs() { rows probes | jq '[.probe[].runs] | add'; }
cpu_ms() { awk -v tick="$(getconf CLK_TCK)" '{ print int(($14 + $15) * 1000 / tick) }' "/proc/$agent/stat"; }
memory_kb() { awk '$1 == "VmRSS:" { print $2 }' "/proc/$agent/status"; }
all_seen() { [ "$(rows clusters | jq '[.cluster[] | select(.observers == 4)] | length')" = $clusters ]; }

mkdir "$home/state"
"$here/../lab/winlab.sh" start "$here/../lab/winlab/scenarios/load.yaml" >/dev/null
configuration >"$home/bench.yaml"
"$build/solowarden" run --config "$home/bench.yaml" >"$home/log" 2>&1 &
agent=$!
tries=0
until all_seen 2>/dev/null; do
    [ $((tries += 1)) -lt 120 ] || { echo "not all clusters were seen" >&2; cat "$home/log" >&2; exit 1; }
    sleep 0.5
done
sleep 15 # the first round is another one: everything is asked for
runs_before=$(runs) cpu_before=$(cpu_ms)
sleep "$seconds"
polls=$(($(runs) - runs_before)) cpu=$(($(cpu_ms) - cpu_before)) memory=$(memory_kb)
found=$(rows clusters | jq '[.cluster[].found] | add')
lag=$(rows agent | jq '[.. | .loopLagMaxMs? // empty] | max')
awk -v polls="$polls" -v cpu="$cpu" -v seconds="$seconds" -v memory="$memory" -v hosts=$((clusters * hosts)) -v found="$found" -v lag="$lag" '
    BEGIN {
        printf "%d polls in %d s: %.2f ms CPU each (reading, parsing, judging, MIB), %.1f %% of a core (reach 50 %%)\n", polls, seconds,
            cpu / polls, cpu / seconds / 10
        printf "%.1f MB: %.1f KB per host, %d B per thing found (%d); longest turn late by %d ms\n", memory / 1024, memory / hosts,
            memory * 1024 / found, found, lag
    }'
