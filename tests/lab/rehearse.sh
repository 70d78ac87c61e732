#!/bin/sh
# Simulated Windows clusters to try things on, and a solowarden that watches them, both as whoever calls this, until Ctrl-C.
# usage: rehearse.sh BUILD_FOLDER SCENARIO.yaml
#   LAB_DIR  its folder; winlab's is LAB_DIR/winlab, the agent's configuration LAB_DIR/solowarden.yaml
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) scenario=$2
LAB_DIR=${LAB_DIR:-/tmp/solowarden-lab} BUILD=$build
export LAB_DIR BUILD
agent='' follower=''

# Every cluster of the scenario: its nodes, and its roles that run a service. JSON is YAML.
configuration() {
    "$here/winlab.sh" control status | jq --arg lab "$LAB_DIR" '
        def key: gsub("[^A-Za-z0-9._-]"; "-");
        def entries(value): to_entries | map({key: (.key | key), value: value}) | from_entries;
        {
            version: 1,
            agent: {name: "rehearsal", state_dir: "\($lab)/state", control_socket: "\($lab)/control.sock"},
            credentials: (["observe", "act"] | map({key: ., value:
                {user: "svc-\(.)", password_file: "\($lab)/winlab/\(.).pw", auth: "basic"}}) | from_entries),
            clusters: entries(.value as $cluster | {
                type: "wsfc", observe: "observe", act: "act",
                winrm: {ca_file: "\($lab)/winlab/ca.pem"},
                nodes: ($cluster.nodes | entries({name: .key, addresses: [.value.address]})),
                groups: ([$cluster.resources[] | select(.type == "Generic Service") | .group] | unique
                    | map({key: key, value: {role: ., mode: "confirm"}}) | from_entries),
                wsfc: {every: "5s", timeout: "4s"}, biztalk: {every: "5s", timeout: "4s"},
                service: {every: "5s", timeout: "4s"}, msmq: {every: "10s", timeout: "5s"}
            })
        }'
}

clear_away() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$follower" ] || kill "$follower" 2>/dev/null || true
    if [ -n "$agent" ]; then
        kill "$agent" 2>/dev/null || true
        wait "$agent" || true
    fi
    "$here/winlab.sh" stop
    exit $status
}

mkdir -p "$LAB_DIR"
trap clear_away EXIT
trap 'exit 0' INT TERM
"$here/winlab.sh" start "$scenario"
rm -rf "$LAB_DIR/state" # what another rehearsal learnt
mkdir -m 700 "$LAB_DIR/state"
configuration >"$LAB_DIR/solowarden.yaml"
"$build/solowarden" run --config "$LAB_DIR/solowarden.yaml" >"$LAB_DIR/solowarden.log" 2>&1 </dev/null &
agent=$!
tries=0
until "$build/solowarden" status --config "$LAB_DIR/solowarden.yaml" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries = 100 ] || ! kill -0 "$agent" 2>/dev/null; then
        cat "$LAB_DIR/solowarden.log" >&2
        exit 69
    fi
    sleep 0.1
done
cat <<END

What happens in the cluster, in another terminal (svc-observe may look, svc-act may act; passwords in $LAB_DIR/winlab/*.pw):

  export LAB_DIR=$LAB_DIR BUILD=$build
  $here/winlab.sh control COMMAND…
$("$here/winlab.sh" control help | tr ';' '\n' | sed 's/^ */      /')

And what solowarden makes of it:

  sw() { verb=\$1; shift; $build/solowarden \$verb --config $LAB_DIR/solowarden.yaml "\$@"; }
  sw status; sw status instances queues; sw audit; sw discover; sw history
  sw explain GROUP; sw approve GROUP; sw failover GROUP --reason trial

It goes by what the nodes say alone; with the log of the FTP server as well: ./dev demo --stay. Ctrl-C ends both.
END
tail --pid="$agent" -n 0 -f "$LAB_DIR/solowarden.log" &
follower=$!
wait "$agent"
