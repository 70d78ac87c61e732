# For live tests of Windows clusters: winlab, an agent that watches it, and short questions to both.
# Sourced instead of agent.sh; expects BUILD, LAB_DIR. Everything runs in a network of its own.
# shellcheck shell=sh

lab_folder=$(cd "$(dirname "$0")/../lab" && pwd)
if [ "${WINDOWS_NETWORK:-}" != own ]; then # ports of its own
    WINDOWS_NETWORK=own exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0"
fi
# shellcheck source=tests/lab/agent.sh
. "$lab_folder/agent.sh"
agent=''
end_windows() {
    [ -z "$agent" ] || kill -KILL "$agent" 2>/dev/null || true
    "$lab_folder/winlab.sh" stop
}
trap end_windows EXIT
# shellcheck disable=SC2317 # called by agent.sh
fail() {
    echo "NOT SEEN: $1"
    {
        echo '---- status'
        sw status --wide clusters groups handlers candidates instances probes alarms
        echo '---- history'
        sw history
        echo '---- the agent says'
        tail -n 30 "$home/agent.log"
        echo '---- winlab'
        winlab control status | head -c 3000
        winlab control counts
    } 2>&1
    exit 1
}

winlab() { "$lab_folder/winlab.sh" "$@"; }
lab() { winlab control "$@" >/dev/null; }
scenario() { echo "$lab_folder/winlab/scenarios/$1.yaml"; }

# windows_config GROUPS [further lines of the cluster]: two nodes, asked every second
windows_config() {
    cat <<END
version: 1
agent: {name: windows, state_dir: "$home/state"}
snmp: {listen: "udp:127.0.0.1:11161", allow_v2c: true, community_file: community}
credentials:
  observe: {user: svc-observe, password_file: "$home/winlab/observe.pw", auth: basic}
  act: {user: svc-act, password_file: "$home/winlab/act.pw", auth: basic}
clusters:
  biztalk:
    type: wsfc
    observe: observe
    act: act
    winrm: {ca_file: "$home/winlab/ca.pem"}
    nodes: {BTS01: {name: BTS01, addresses: [127.0.0.21]}, BTS02: {name: BTS02, addresses: [127.0.0.22]}}
    groups: {$1}
    wsfc: {every: 1s, timeout: 900ms}
    biztalk: {every: 1s, timeout: 900ms}
    service: {every: 1s, timeout: 900ms}
    msmq: {every: 2s, timeout: 900ms}
END
    [ $# -lt 2 ] || printf '    %s\n' "$2"
}
windows_secrets() {
    [ -e "$home/community" ] || secret community public
}
start_observing() { # as start_agent, and nothing may be done
    "$SOLOWARDEN" run --config "$config" --observe-only >>"$home/agent.log" 2>&1 </dev/null &
    agent=$!
}

# counted METHOD NUMBER: so many Invokes of it, over all nodes
invokes() {
    winlab control counts | jq "[.[] | to_entries[] | select(.key == \"Invoke/$1\") | .value] | add // 0"
}
counted() { [ "$(invokes "$1")" = "$2" ]; }
# MIB modules under names that net-snmp finds, the IETF's from erlang-snmp
prepare_mibs() {
    mkdir -p "$home/mibs"
    for module in /usr/lib/erlang/lib/snmp-*/mibs/*-*.mib; do cp "$module" "$home/mibs/$(basename "$module" .mib)"; done
    cp "$lab_folder/../../mibs/SOLOWARDEN-MIB.txt" "$home/mibs/SOLOWARDEN-MIB"
    MIBDIRS=$home/mibs MIBS=SOLOWARDEN-MIB
    export MIBDIRS MIBS
}
walk() { # COLUMN
    snmpbulkwalk -v2c -c public -Oqv -t 3 127.0.0.1:11161 "$1" | sed 's/^"\(.*\)"$/\1/'
}
shown() { # COLUMN TEXT: some row says exactly this
    walk "$1" | grep -Fqx -- "$2"
}
shown_like() { # COLUMN PATTERN
    walk "$1" | grep -q -- "$2"
}
told() { # TEXT: in what the last verb said
    grep -q -- "$1" "$home/out"
}
exits() { # STATUS VERB [argument …]
    wanted=$1
    shift
    status=0
    sw "$@" >"$home/out" 2>&1 || status=$?
    [ "$status" = "$wanted" ]
}

# two_roles: a small cluster where things are quick; the FTP role fails over by itself, the POP3 role never does
two_roles() {
    cat <<'END'
version: 1
clusters:
  lab:
    service_names: true
    timing: {online: 1500ms, offline: 500ms, is_alive: 500ms, heartbeat: 1s, join: 500ms}
    nodes: {BTS01: {address: 127.0.0.21}, BTS02: {address: 127.0.0.22}}
    groups:
      BizTalkFTP:
        resources:
          FTP-address: {kind: ip-address, value: 127.0.0.31}
          FTP-name: {kind: network-name, value: BTSFTP, depends: [FTP-address]}
          FTP-host: {kind: host, host: FtpReceive, depends: [FTP-name]}
      BizTalkPOP3:
        resources:
          POP3-address: {kind: ip-address, value: 127.0.0.33}
          POP3-name: {kind: network-name, value: BTSPOP3, depends: [POP3-address]}
          POP3-host: {kind: host, host: Pop3Receive, depends: [POP3-name], restart_action: restart}
    hosts: {FtpReceive: {}, Pop3Receive: {}, Processing: {only_32_bit: false}}
    locations:
      Orders: {adapter: FTP, host: FtpReceive, url: "ftp://ftp.partner.example:21/in/*.xml"}
      Mail: {adapter: POP3, host: Pop3Receive, url: "POP3://mail.partner.example#orders"}
END
}

owner_is() { # GROUP NODE [STATE]
    row group "biztalk/$1" ".owner == \"$2\" and .state == \"${3:-ok}\""
}
ready() { row candidate "biztalk/$1" ".node == \"$2\" and .state == \"ready\""; }
instance_is() { # HOST NODE STATE
    row instance "biztalk/$1" ".node == \"$2\" and .state == \"$3\""
}
remembers() { # TEXT: in the history
    sw history --limit 200 | grep -q -- "$1"
}
actuators() { pgrep -P "$agent" -f 'solowarden actuator'; }
# Of all that was ever invoked, what may change something.
changes() {
    winlab control counts |
        jq '[.[] | to_entries[] | select(.key | startswith("Invoke/")) | select(.key | test("/Get(PossibleOwners|Dependencies)$") | not) | .value]
            | add // 0'
}
changed() { [ "$(changes)" = "$1" ]; }
rounds() { # NUMBER: each probe of that cluster had so many
    answer=$(sw status --output json probes) && printf '%s' "$answer" | jq -e "[.probe[] | select(.target == \"biztalk\") | .runs] | min >= $1"
}
