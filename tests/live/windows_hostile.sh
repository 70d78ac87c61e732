#!/bin/sh
# Machines that answer WinRM as nobody should (hostile_winrm.py), one evil each, and one agent that watches them all beside a healthy
# cluster: each costs its own probes and nothing else, is called by its right name, and nothing is acted upon.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
if [ "${WINDOWS_NETWORK:-}" != own ]; then # ports of its own
    # shellcheck disable=SC2016 # expanded by the inner shell
    WINDOWS_NETWORK=own exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0"
fi
here=$(cd "$(dirname "$0")" && pwd)
hostile=$home/hostile
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
agent='' server=''
clean() {
    [ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null || true
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    winlab stop
}
winlab() { "$here/../lab/winlab.sh" "$@"; }
trap clean EXIT

# ---- certificates: one good for all machines, and three that must not be believed
mkdir -p "$hostile"
authority() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$hostile/$1.key" -out "$hostile/$1.crt" -days 30 \
        -subj "/CN=$1" -addext "subjectAltName=DNS:*.hostile.example" 2>/dev/null
}
certificate() { # NAME DNS_NAME DAYS
    printf 'subjectAltName=DNS:%s\n' "$2" >"$hostile/$1.ext"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$hostile/$1.key" -out "$hostile/$1.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$hostile/$1.csr" -CA "$hostile/ca.crt" -CAkey "$hostile/ca.key" -CAcreateserial -days "$3" -extfile "$hostile/$1.ext" \
        -out "$hostile/$1.crt" 2>/dev/null
    cat "$hostile/$1.crt" "$hostile/$1.key" >"$hostile/$1.pem"
}
authority ca
authority selfsigned
cat "$hostile/selfsigned.crt" "$hostile/selfsigned.key" >"$hostile/selfsigned.pem"
certificate good '*.hostile.example' 30
certificate other somebody.else.example 30
certificate expired '*.hostile.example' -1

# ---- one cluster for each of them, and the healthy one
python3 "$here/hostile_winrm.py" list >"$hostile/list"
secret password some-password
secret refused-password other-password
{
    cat <<END
version: 1
agent: {name: hostile, state_dir: "$home/state"}
snmp: {listen: "udp:127.0.0.1:11161", allow_v2c: true, community_file: "$home/community"}
credentials:
  lab: {user: svc-observe, password_file: "$home/winlab/observe.pw", auth: basic}
  lab-act: {user: svc-act, password_file: "$home/winlab/act.pw", auth: basic}
  observe: {user: observe, password_file: "$home/password", auth: basic}
  unauthorised: {user: refused, password_file: "$home/refused-password", auth: basic}
  act: {user: act, password_file: "$home/password", auth: basic}
defaults: {group: {mode: confirm, on: [none, idle]}}
clusters:
  lab:
    type: wsfc
    observe: lab
    act: lab-act
    winrm: {ca_file: "$home/winlab/ca.pem"}
    nodes: {BTS01: {name: BTS01, addresses: [127.0.0.21]}, BTS02: {name: BTS02, addresses: [127.0.0.22]}}
    groups: {BizTalkFTP: {}, BizTalkPOP3: {}, BizTalkMSMQ: {}}
    wsfc: {every: 2s, timeout: 1500ms}
    biztalk: {every: 2s, timeout: 1500ms}
    service: {every: 2s, timeout: 1500ms}
    msmq: {every: 2s, timeout: 1500ms}
END
    while IFS='	' read -r name address _ _ often; do
        account=observe
        [ "$name" != unauthorised ] || account=unauthorised
        cat <<END
  $name:
    type: wsfc
    observe: $account
    act: act
    winrm: {ca_file: "$hostile/ca.crt"}
    nodes: {$(echo "$name" | tr '[:lower:]' '[:upper:]' | cut -c1-15): {name: $name.hostile.example, addresses: [$address]}}
    groups: {Role: {hosts: [Receive]}}
    wsfc: {$often}
    biztalk: {every: 3s, timeout: 1500ms}
    service: {every: 3s, timeout: 1500ms}
    msmq: {every: 3s, timeout: 1500ms}
END
    done <"$hostile/list"
} >"$config"
secret community public

winlab start "$here/../lab/winlab/scenarios/good.yaml" >/dev/null
python3 "$here/hostile_winrm.py" serve "$hostile" >"$hostile/out" 2>"$hostile/err" &
server=$!
expect 10 'the hostile machines listen' grep -qx ready "$hostile/out"

# ---- what is asked of all of it
# every_row TABLE JQ: all rows of the table
every_row() {
    answer=$(sw status --output json) || return 1
    printf '%s' "$answer" | jq -e "[.$1[] | $2] | length > 0 and all"
}
lab_is_whole() {
    every_row probe 'select(.target == "lab") | .state == "up" and .age < 10 and .failures == 0' &&
        every_row group 'select(.cluster == "lab") | .state == "ok" and .owner != ""' &&
        every_row node 'select(.cluster == "lab") | .state == "up"' &&
        row instance lab/FtpReceive '.node == "BTS01" and .state == "running"' && row cluster lab '.observers == 2'
}
# named NAME REASONS: the machine's wsfc probe gives one of them, for its own name
named() {
    answer=$(sw status --output json probes) || return 1
    printf '%s' "$answer" | jq -e --arg name "$1/wsfc@" --arg reasons "^($2)\$" \
        '[.probe[] | select(.name | startswith($name)) | select(.reason | test($reasons))] | length == 1'
}
told_of() { jq -r "$1" "$hostile/counts.json"; } # what the hostile machines counted
is_told() { [ "$(told_of "$1")" = "$2" ]; }
loop_lag() { sw status --output json agent | jq '[.. | .loopLagMaxMs? // empty] | max'; }
memory_kb() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$agent/status"; }
has_sanitizer() { grep -q __asan_init "$SOLOWARDEN"; }

start_agent
expect 20 'the healthy cluster is read, among all of them' lab_is_whole
while IFS='	' read -r name _ _ reasons _; do
    expect 60 "$name: $reasons" named "$name" "$reasons"
done <"$hostile/list"

# ---- what they cost, after some rounds of everybody
rounds() { every_row probe "select(.interval < 10 and .target != \"unauthorised\") | .runs >= $1"; }
expect 60 'eight rounds of everybody' rounds 8
must 'the healthy cluster was read all the time' lab_is_whole
must_not 'no alarm of it, and none of all together' sh -c "'$SOLOWARDEN' history --config '$config' --limit 500 | grep -E 'alarm.*(lab|common-cause)'"
echo "longest lag of the loop: $(loop_lag) ms; most memory: $(memory_kb) KiB"
if has_sanitizer; then most=1500000 lag=5000; else most=300000 lag=1000; fi
must 'the loop never stood still' [ "$(loop_lag)" -lt $lag ]
must 'memory is bounded' [ "$(memory_kb)" -lt $most ]
must 'the refused password was tried once' is_told '.unauthorised.passwords' 1
must 'nobody was led astray by a redirect or an entity' is_told '.canary' 0
for name in endless-pull endless-empty same-context rows-100000 fault-in-mid-list; do
    expect 30 "$name: its contexts are released" is_told ".\"$name\" | .Release > 0 and .contexts == 0" true
done

# ---- what was read of those that can be read
must 'UTF-16 is XML too' row group utf16/Role '.state == "ok" and .owner == "UTF16"'
must 'older Windows: what came is read' row instance older/Whole '.state == "running"'
must 'and its node' row node older/OLDER 'true'
must 'what did not come is unknown' row group older/Role '.state == "unknown"'
must 'numbers that are none: unknown' row instance wild-numbers/Receive '.state == "unknown"'
must 'contradictions: unknown' row group two-tongues/Role '.state == "unknown"'
must 'a lie in advance is not believed' row group answer-in-advance/Role '.owner != "LIE"'

# ---- nothing is acted upon
must 'only reading methods were invoked there' is_told '[.. | objects | keys[] | select(startswith("Invoke/")) | select(test("/Get") | not)] | length' 0
lab_was_only_read() {
    [ "$(winlab control counts | jq '[.[] | keys[] | select(startswith("Invoke/")) | select(test("/Get") | not)] | length')" = 0 ]
}
must 'and here' lab_was_only_read
must 'nothing is planned' every_row group '.plan == "" and .plannedAct == "nothing"'

# ---- what is printed
harmless() { # no control bytes, C1 controls, marks that reorder
    ! LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]' "$1"
}
printed() { # VERB …: answers, and harmlessly
    status=0
    sw "$@" >"$home/printed" 2>&1 || status=$?
    [ $status -lt 64 ] && [ -s "$home/printed" ] && harmless "$home/printed"
}
must 'status' printed status --wide
must 'every table of it' printed status --wide clusters nodes groups candidates resources instances queues probes alarms history audit
must 'which shows the loud names' grep -q 'loud-names/.*quote"d' "$home/printed"
must_not 'each in its own row' grep -q '^break' "$home/printed"
must 'status as JSON' printed status --output json
must 'which is JSON' jq -e . "$home/printed"
must 'audit' printed audit
must 'audit as JSON' printed audit --output json
must 'discover' printed discover
must 'history' printed history --limit 500
must 'check-state' printed check-state
for name in lab/BizTalkFTP loud-names/Role loud-fault/Role older/Role; do must "explain $name" printed explain "$name"; done
must 'the log' harmless "$home/agent.log"

# ---- and it still stands
must 'the same process' kill -0 "$agent"
stop_agent
agent=''
must_not 'no sanitizer has spoken' grep -Eq 'Sanitizer|runtime error' "$home/agent.log"
must_not 'and the machines did what they were meant to' grep -q Traceback "$hostile/err"
echo "$seen seen"
