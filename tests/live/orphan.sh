#!/bin/sh
# The agent is killed while a move is under way: nothing is done twice, the program may finish, its result is heard by the successor.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
agent=''
trap 'kill -KILL "$agent" 2>/dev/null || true; touch "$home/go"' EXIT
cat >"$home/move" <<'END'
#!/bin/sh
home=$(dirname "$0")
order=$(cat)
echo "$order" >>"$home/moves"
tries=0
until [ -e "$home/go" ] || [ $tries -gt 600 ]; do sleep 0.1; tries=$((tries + 1)); done
rm -f "$home"/runs-on-*
touch "$home/runs-on-$(printf '%s' "$order" | sed 's/.*"to":"\([^"]*\)".*/\1/')"
echo done >>"$home/ended"
END
cat >"$home/alive" <<'END'
#!/bin/sh
[ -e "$(dirname "$0")/runs-on-$1" ] || exit 2
END
chmod +x "$home/move" "$home/alive"
cat >"$config" <<END
version: 1
agent: {name: orphan, state_dir: "$home/state"}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups:
      orders:
        mode: auto
        fenced: true
        move: ["$home/move"]
        control: {alive: {type: exec, command: ["$home/alive", "{node}"], every: 1s, timeout: 900ms}}
END
moves() { wc -l <"$home/moves" | grep -qx "$1"; }
runs_on() { row group pollers/orders ".owner == \"$1\" and .state == \"ok\""; }
ask() { # JQ on explain
    answer=$(sw explain orders --output json) || return 1
    printf '%s' "$answer" | jq -e "$1"
}

touch "$home/runs-on-p1"
start_agent
expect 20 'one copy, on p1' runs_on p1
expect 40 'a failover would work now' row group pollers/orders '.ready == "yes"'
expect 40 'the operator orders one' sw failover orders --to p2 --reason 'to be killed in mid-move'
expect 20 'the program runs' moves 1
kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
must 'it goes on running without the agent' moves 1
start_agent
expect 20 'the successor knows that an action was under way' says 'was under way when the agent ended'
expect 20 'and does nothing before that must have ended' ask '[.group.gates[] | select(.gate == "not-in-flight" and (.open | not))] | length == 1'
touch "$home/go"
expect 20 'the program ends' grep -q 'done' "$home/ended"
expect 20 'p2 says that a copy runs there' ask '.group.owner == "p2"'
stop_agent
start_agent
expect 20 'after one more restart it is p2 that runs' ask '.group.owner == "p2"'
must 'the move was carried out exactly once' moves 1
must_not 'nobody had to be blocked' row group pollers/orders '.state == "blocked"'
stop_agent
echo "$seen expectations were seen"
