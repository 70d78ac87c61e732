# For live tests: a solowarden of one's own on real servers, and polling with a deadline instead of sleeping.
# Sourced; expects SOLOWARDEN (the program), LAB_DIR (a folder of one's own), sets `home`, `config`.
# shellcheck shell=sh

home=$LAB_DIR
config=$home/solowarden.yaml
seen=0

now_ms() { echo $(($(date +%s%N) / 1000000)); }
# expect SECONDS WHAT COMMAND…: polls until the command succeeds
expect() {
    limit=$1 what=$2
    shift 2
    deadline=$(($(now_ms) + limit * 1000))
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || fail "$what (not within $limit s)"
        sleep 0.1
    done
    seen=$((seen + 1))
    echo "seen: $what"
}
# must WHAT COMMAND…, must_not WHAT COMMAND…: now
must() {
    what=$1
    shift
    "$@" >/dev/null 2>&1 || fail "$what"
    seen=$((seen + 1))
    echo "seen: $what"
}
must_not() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then fail "$what"; fi
    seen=$((seen + 1))
    echo "seen: $what"
}
fail() {
    echo "NOT SEEN: $1"
    {
        echo '---- status'
        sw status --wide
        echo '---- history'
        sw history
        echo '---- the agent says'
        tail -n 40 "$home/agent.log"
    } 2>&1
    exit 1
}

sw() {
    verb=$1
    shift
    "$SOLOWARDEN" "$verb" --config "$config" "$@"
}
# Never `sw … | jq -e`: jq calls an empty input a success.
# row TABLE NAME CONDITION: a jq condition on one row of `status`
row() {
    answer=$(sw status --output json) || return 1
    printf '%s' "$answer" | jq -e --arg name "$2" "[.$1[] | select(.name == \$name) | select($3)] | length > 0"
}
alarm() { # KEY STATE
    row alarm "$1" ".state == \"$2\""
}
raised() { # KEY: was it ever raised since the agent's journal began?
    answer=$(sw history --output json --limit 500) || return 1
    printf '%s' "$answer" | jq -e --arg key "$1" '[.[] | select(.kind == "alarmRaised" and .key == $key)] | length > 0'
}
says() { grep -q -- "$1" "$home/agent.log"; }

start_agent() {
    "$SOLOWARDEN" run --config "$config" >>"$home/agent.log" 2>&1 </dev/null &
    agent=$!
}
agent_answers() { sw status; }
agent_gone() { ! kill -0 "$agent" 2>/dev/null; }
stop_agent() {
    kill -TERM "$agent" 2>/dev/null || true
    wait "$agent"
}
secret() { # NAME TEXT
    (umask 077 && echo "$2" >"$home/$1")
}
