# shellcheck shell=sh
# How the demos tell their story: line by line, every ✓ was seen, and the first that is not seen in time ends the demo with 1.
# Sourced. Needs: here (tests/lab), build, cluster, mibs, the functions what_failed, which prints whatever helps, and end_world, which ends
# whatever polls. Sets home (the demo's folder, with bin/solowarden and demo.yaml), inbox, and traps (snmptrapd's log).
# solowarden runs as the user nobody.
# shellcheck disable=SC2034,SC2154

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m') red=$(printf '\033[31m') plain=$(printf '\033[0m')
fi

now_ms() { echo $(($(date +%s%N) / 1000000)); }
began=$(now_ms)
clock() { # seconds since the beginning, with one digit
    tenths=$((($(now_ms) - began) / 100))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}
chapter() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '%s%6s%s    %s\n' "$dim" "$(clock)" "$plain" "$*"; }

seen=0
# expect SECONDS WHAT COMMAND…: polls until the command succeeds
expect() {
    limit=$1 what=$2
    shift 2
    deadline=$(($(now_ms) + limit * 1000))
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || fail "$what (not within $limit s)"
        sleep 0.2
    done
    seen=$((seen + 1))
    printf '%s%6s%s  %s✓%s %s\n' "$dim" "$(clock)" "$plain" "$green" "$plain" "$what"
}
# must, must_not WHAT COMMAND…: the command must succeed, or fail, now
must() {
    what=$1
    shift
    "$@" >/dev/null 2>&1 || fail "$what"
    seen=$((seen + 1))
    printf '%s%6s%s  %s✓%s %s\n' "$dim" "$(clock)" "$plain" "$green" "$plain" "$what"
}
must_not() {
    what=$1
    shift
    if "$@" >/dev/null 2>&1; then fail "$what"; fi
    seen=$((seen + 1))
    printf '%s%6s%s  %s✓%s %s\n' "$dim" "$(clock)" "$plain" "$green" "$plain" "$what"
}
fail() {
    printf '%s%6s%s  %s✗ expected: %s%s\n' "$dim" "$(clock)" "$plain" "$red" "$1" "$plain"
    {
        echo '---- status'
        sw status || true
        echo '---- history'
        sw history || true
        what_failed || true
        echo '---- the agent says'
        tail -n 30 "$home/solowarden.log" || true
    } 2>&1
    echo "---- everything is in $home"
    exit 1
}

# ---- setting up and clearing away

user=nobody group_of_user=nogroup agent=
as_user() { setpriv --reuid "$user" --regid "$group_of_user" --clear-groups --no-new-privs env HOME="$home" "$@"; }

ports_are_free() { # PORT…
    for port in "$@"; do
        if ss -Hlntu "sport = :$port" | grep -q .; then
            echo "port $port is in use: does another demo run? ss -lntup tells whose it is" >&2
            exit 1
        fi
    done
}
server() { # NAME start|stop: on ports of the demo's own
    case $1 in
    vsftpd) PORT=12121 "$here/vsftpd.sh" "$2" ;;
    dovecot) PORT=11110 "$here/dovecot.sh" "$2" ;;
    snmptrapd) PORT=11162 AUTH=demo-auth-pass PRIV=demo-priv-pass MIBS_DIR=$mibs "$here/snmptrapd.sh" "$2" ;;
    esac
}
start_servers() {
    server vsftpd start
    server dovecot start
    server snmptrapd start
}

set_up_home() { # CONFIGURATION
    home=$(mktemp -d /tmp/solowarden-demo.XXXXXX) # short, and every user may enter it
    trap clear_away EXIT
    trap 'exit 130' INT TERM
    chmod 755 "$home"
    export LAB_DIR="$home"
    mkdir -p "$home/bin" "$home/secrets" "$home/state"
    cp "$build/solowarden" "$home/bin/solowarden"
    sed "s|@HOME@|$home|g" "$1" >"$home/demo.yaml"
    (
        umask 077
        echo canary-pass >"$home/secrets/canary"
        echo shop-pass >"$home/secrets/shop"
        echo demo-auth-pass >"$home/secrets/nms.auth"
        echo demo-priv-pass >"$home/secrets/nms.priv"
    )
    chown -R "$user:$group_of_user" "$home/secrets" "$home/state"
    inbox=$home/vsftpd/data/shop/in
    traps=$home/snmptrapd/log
}
clear_away() {
    status=$?
    trap - EXIT INT TERM
    for process in $(processes_of_agent); do
        kill -KILL "$process" 2>/dev/null || true
    done
    end_world || true
    for name in snmptrapd vsftpd dovecot; do
        server "$name" stop >/dev/null 2>&1 || true
    done
    [ $status != 0 ] || rm -rf "$home"
    exit $status
}

start_agent() { # a plain command: $! is the agent itself, not a shell around it
    setpriv --reuid "$user" --regid "$group_of_user" --clear-groups --no-new-privs env HOME="$home" \
        "$home/bin/solowarden" run --config "$home/demo.yaml" >"$home/solowarden.log" 2>&1 </dev/null &
    agent=$!
}
processes_of_agent() { pgrep -f "^$home/bin/solowarden" || true; }
nothing_of_it_runs() { [ -z "$(processes_of_agent)" ]; }
stop_agent() {
    kill "$agent" 2>/dev/null || true
    expect 15 'solowarden stops, and everything that it had started' nothing_of_it_runs
}

# ---- asking

sw() {
    verb=$1
    shift
    "$home/bin/solowarden" "$verb" --config "$home/demo.yaml" "$@"
}
# handler NAME CONDITION, group NAME CONDITION, server NAME CONDITION: a jq condition on one row of `status`
row() { # never `sw … | jq -e`: jq calls an empty input a success
    answer=$(sw status --output json) || return 1
    printf '%s' "$answer" | jq -e --arg name "$2" "[.$1[] | select(.name == \$name) | select($3)] | length > 0"
}
handler() { row handler "$1" "$2"; }
group() { row group "$cluster/$1" "$2"; }
# is_single HANDLER NODE [STRENGTH]
is_single() { handler "$1" ".state == \"single\" and .activeNode == \"$2\" and (.strength == \"${3:-}\" or \"${3:-}\" == \"\")"; }
# happened WORD GROUP: since the last chapter
happened() {
    answer=$(sw history --output json --limit 200) || return 1
    printf '%s' "$answer" | jq -e --arg word "$1" --arg group "$2" --argjson after "$mark" \
        '[.[] | select(.sequence > $after and .word == $word and .group == $group)] | length > 0'
}
# raised KEY: an alarm was raised since the last chapter, whether or not it still stands
raised() {
    answer=$(sw history --output json --limit 200) || return 1
    printf '%s' "$answer" | jq -e --arg key "$1" --argjson after "$mark" \
        '[.[] | select(.sequence > $after and .kind == "alarmRaised" and .key == $key)] | length > 0'
}
raised_duplicate() { raised "duplicate-suspected:$1" || raised "duplicate-confirmed:$1"; }
# told PATTERN: snmptrapd received such a notification since the last chapter
told() { tail -n "+$((trap_mark + 1))" "$traps" | grep -Eq "$1"; }
snmp() { # COMMAND OID…: as the network management station asks, SNMPv3 with authentication and privacy
    command=$1
    shift
    MIBDIRS=$mibs MIBS=SOLOWARDEN-MIB "$command" -v3 -l authPriv -u nms -a SHA-256 -A demo-auth-pass -x AES \
        -X demo-priv-pass "$@"
}
note_where_we_are() {
    mark=$(sw history --output json --limit 200 | jq '[.[].sequence] | max // 0')
    trap_mark=$(wc -l <"$traps")
}

# show_table NAME COLUMN…: some columns of a table, as the management station reads them
show_table() {
    tell "snmptable $1Table"
    table=$1
    shift
    snmp snmptable -Cf '|' 127.0.0.1:11161 "${table}Table" | awk -F '|' -v prefix="$table" -v wanted="$*" '
        NF < 3 { next }
        !head {
            head = split(wanted, name, " ")
            for (i = 1; i <= NF; i++) place[$i] = i
            for (c = 1; c <= head; c++) { cell[0, c] = name[c]; width[c] = length(name[c]) }
            next
        }
        { rows++
          for (c = 1; c <= head; c++) { cell[rows, c] = $place[prefix name[c]]
              if (length(cell[rows, c]) > width[c]) width[c] = length(cell[rows, c]) } }
        END { for (r = 0; r <= rows; r++) { line = "          "
                  for (c = 1; c <= head; c++) line = line sprintf("%-" width[c] "s  ", cell[r, c])
                  sub(/ +$/, "", line); print line } }'
}

# until_return: what --stay does last. Without a terminal, as long as the agent runs or until a signal
until_return() {
    printf '\nReturn ends it.\n'
    read -r _ || {
        tail --pid="$agent" -f /dev/null &
        wait $!
    }
}
how_to_look() {
    cat <<END
  cd $home
  sw() { verb=\$1; shift; ./bin/solowarden \$verb --config demo.yaml "\$@"; }
END
}
how_to_walk() {
    cat <<END
  tail -f $traps
  export MIBDIRS=$mibs MIBS=SOLOWARDEN-MIB
  snmpwalk -v3 -l authPriv -u nms -a SHA-256 -A demo-auth-pass -x AES -X demo-priv-pass -Os 127.0.0.1:11161 solowardenMIB
END
}
