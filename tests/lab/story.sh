# shellcheck shell=sh
# How the demos tell their story: line by line, every ✓ was seen, and the first that is not seen in time ends the demo with 1.
# Sourced. Needs: home (the demo's folder, with bin/solowarden and demo.yaml), cluster, traps (snmptrapd's log), mibs, mark, trap_mark,
# and a function what_failed that prints whatever helps.
# shellcheck disable=SC2154

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
# must_not WHAT COMMAND…: the command must fail now
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
