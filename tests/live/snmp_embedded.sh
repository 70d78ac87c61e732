#!/bin/sh
# The embedded master agent, asked by net-snmp's own tools with the MIB that we ship.
set -eu
# shellcheck source=tests/lab/snmp.sh
. "$(dirname "$0")/../lab/snmp.sh"
port=17171
at=127.0.0.1:$port
prepare_mibs
configure "  listen: udp:$at
  allow_v2c: true
  community_file: community
  users:
    nms: {level: authPriv, auth: SHA-256, auth_file: auth.pw, priv: AES, priv_file: priv.pw}
    big: {level: authPriv, auth: SHA-512, auth_file: auth.pw, priv: AES-256, priv_file: priv.pw}"
v2c() {
    verb=$1
    shift
    "snmp$verb" -v2c -c public -t 1 -r 1 "$at" "$@"
}
v3() {
    verb=$1 user=$2 auth=$3 priv=$4
    shift 4
    "snmp$verb" -v3 -l authPriv -u "$user" -a "$auth" -A 'lab auth pass' -x "$priv" -X 'lab priv pass' -t 1 -r 1 "$at" "$@"
}

start_feed 1
expect 10 'the embedded agent answers' v2c get $root.1.1.1.0 || true
tell rows 20
rows_shown() { [ "$(v2c walk -On SOLOWARDEN-MIB::solowardenGroupName | wc -l)" = "$1" ]; }
expect 10 'the published rows are there' rows_shown 20
must 'SNMPv3 SHA-256 and AES' v3 get nms SHA-256 AES SOLOWARDEN-MIB::solowardenAgentName.0
must 'SNMPv3 SHA-512 and AES-256' v3 get big SHA-512 AES-256 SOLOWARDEN-MIB::solowardenAgentName.0

# ---- what the tools make of it
walk() { v2c "$1" -On $root | grep -v 'No more variables' | cut -d' ' -f1; }
walk bulkwalk >"$LAB_DIR/order"
walk walk >"$LAB_DIR/order.next"
must 'GETBULK and GETNEXT walk the same rows' cmp "$LAB_DIR/order" "$LAB_DIR/order.next"
same 'the walk is complete' $((20 + 20 * (14 + 9 + 23 + 13))) "$(grep -c "^$root.1." "$LAB_DIR/order")"
must 'in order, each once' sort -c -u -V "$LAB_DIR/order"
table=$(v2c table -Cb -CB SOLOWARDEN-MIB::solowardenNodeTable | tail -n +4 | grep -c 'pollers/node')
same 'snmptable shows every row' 20 "$table"
must 'labels, not numbers' sh -c "snmpget -v2c -c public $at SOLOWARDEN-MIB::solowardenGroupMode.1 | grep -q 'confirm(4)'"
must 'snmptranslate finds the notifications' snmptranslate -On SOLOWARDEN-MIB::solowardenAlarmRaised
must 'what is not there is noSuchInstance' sh -c "snmpget -v2c -c public $at SOLOWARDEN-MIB::solowardenGroupMode.2 | grep -q 'No Such Instance'"
must 'nobody can write' sh -c "! snmpset -v2c -c public -t 0.3 -r 0 $at SOLOWARDEN-MIB::solowardenGroupMode.1 i 5"
must 'a wrong community gets no answer' sh -c "! snmpget -v2c -c wrong -t 0.3 -r 0 $at $root.1.1.1.0"
must 'below its level a user is refused' sh -c "! snmpget -v3 -l authNoPriv -u nms -a SHA-256 -A 'lab auth pass' -t 0.3 -r 0 $at $root.1.1.1.0"

# ---- a newer snapshot, a child that dies
tell rows 7
expect 5 'fewer rows after the next snapshot' rows_shown 7
child=$(pgrep -P "$feed" -f 'live_snmpfeed snmp-agent')
kill -KILL "$child"
expect 5 'the death of the child is reported' says 'changed agent=0.*signal 9'
expect 10 'it is started again, with the same rows' rows_shown 7
# ---- the port
taken="$LAB_DIR/taken.out"
sleep 15 | "$BUILD/tests/live_snmpfeed" "$LAB_DIR/feed.yaml" >"$taken" 2>&1 &
second=$!
expect 5 'a taken port is said, not fatal' grep -q 'may not be bound' "$taken"
kill $second
wait $second || true
stop_feed

# ---- a view inside the subtree leaks nothing: one column of one table
column=$root.1.4.1.2
SNMP_LINES="view narrow included $column
rocommunity narrow 127.0.0.1 -V narrow"
export SNMP_LINES
start_feed 2
tell rows 50
narrow() {
    verb=$1
    shift
    "snmp$verb" -v2c -c narrow -t 1 -r 1 -On "$@" | grep -v 'No more variables'
}
narrow_rows() { [ "$(narrow walk "$at" $root | grep -c "^$column")" = 50 ]; }
expect 10 'a narrow view shows its column' narrow_rows
leaks() { # OID PREFIX-ALLOWED: lines outside
    for repeat in 1 2 8 50; do narrow bulkget -Cr$repeat "$at" "$1" || true; done | grep "^$root" | grep -cv "^$column" || true
}
leaked=0
for from in $root $root.1.1 $root.1.2.1.15 $root.1.4.1 $root.1.4.1.1 $root.1.4.1.2.100 $root.1.4.1.3 $root.1.5; do
    leaked=$((leaked + $(leaks "$from")))
done
same 'rows outside the view told by GETBULK' 0 "$leaked"
same 'bulk walk of the narrow view' 50 "$(narrow bulkwalk "$at" $root | grep -c "^$root")"
unset SNMP_LINES
stop_feed

# ---- five restarts of ours under one SNMPv3 session of a manager
start_feed 3
tell rows 1
unset MIBS MIBDIRS
rm -f "$LAB_DIR/manager.in"
mkfifo "$LAB_DIR/manager.in"
expect 10 'up again' v2c get $root.1.1.2.0
"$BUILD/tests/live_snmpmanager" "$at" nms 'lab auth pass' 'lab priv pass' $root.1.1.2.0 <"$LAB_DIR/manager.in" >"$LAB_DIR/manager.out" &
manager=$!
exec 9>"$LAB_DIR/manager.in"
answers() { grep -c '^answer feed' "$LAB_DIR/manager.out" || true; }
ask() {
    echo >&9
    sleep 0.2
    [ "$(answers)" -ge "$1" ]
}
expect 10 'the session works' ask 1
for boots in 4 5 6 7 8; do
    stop_feed
    start_feed $boots
    tell rows 1
    expect 10 "up with boots $boots" v2c get $root.1.1.2.0
    expect 5 "the manager's session works on" ask "$(($(answers) + 1))"
done
stop_feed
echo "$seen expectations were seen"
