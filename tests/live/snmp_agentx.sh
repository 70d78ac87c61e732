#!/bin/sh
# Behind a real snmpd by AgentX: the same tree, also over RESTARTS restarts of snmpd under a walk, a frozen snmpd, a narrow view.
set -eu
# shellcheck source=tests/lab/snmp.sh
. "$(dirname "$0")/../lab/snmp.sh"
port=17191
at=127.0.0.1:$port
export PORT=$port
unset MIBS MIBDIRS
configure "  agentx: $LAB_DIR/snmpd/agentx"

walk() { snmpbulkwalk -v2c -c public -t 2 -r 0 -On "$at" $root 2>/dev/null | grep "^$root" | grep -v 'No \(more\|Such\)' | cut -d' ' -f1; }
all_there() {
    walk >"$LAB_DIR/walk.now"
    cmp -s "$LAB_DIR/walk.now" "$LAB_DIR/walk.first"
}
wanted=$((20 + 30 * (14 + 9 + 23 + 13)))
complete() {
    walk >"$LAB_DIR/walk.first"
    [ "$(wc -l <"$LAB_DIR/walk.first")" = $wanted ]
}

# ---- no snmpd yet
start_feed 1
tell rows 30
expect 10 'an absent snmpd is said' says 'agent=0.*snmpd'
"$lab/snmpd.sh" start
expect 10 'it registers when snmpd is there' complete
expect 10 'and says so' says 'changed agent=1'
must 'in order, each once' sort -c -u -V "$LAB_DIR/walk.first"
must 'tables by row' sh -c "snmpbulkget -v2c -c public -Cr30 $at $root.1.4.1.2 | grep -c pollers/node | grep -qx 30"

# ---- a view inside our subtree
same 'rows outside a narrow view, through snmpd' 0 \
    "$(for repeat in 1 8 50; do
        for from in $root $root.1.2 $root.1.3 $root.1.4.1.2 $root.1.4.1.3; do
            snmpbulkget -v2c -c narrow -t 1 -r 1 -On -Cr$repeat "$at" "$from" || true
        done
    done | grep "^$root" | grep -v 'No more variables' | grep -cv "^$root.1.3.1.2" || true)"

# ---- snmpd is restarted again and again while somebody walks
: >"$LAB_DIR/odd.out"
(
    while [ ! -f "$LAB_DIR/stop" ]; do
        rows=$(walk | wc -l)
        # cut off by the death of snmpd, or nothing registered yet: but never a walk that ends early and looks complete
        [ "$rows" = 0 ] || [ "$rows" = $wanted ] || echo "$rows" >>"$LAB_DIR/odd.out"
    done
) 8>&- &
walker=$!
restarts=${RESTARTS:-20}
count=0 slowest=0
while [ $count -lt "$restarts" ]; do
    count=$((count + 1))
    if [ $((count % 2)) = 0 ]; then "$lab/snmpd.sh" stop; else "$lab/snmpd.sh" kill; fi
    "$lab/snmpd.sh" start
    began=$(now_ms)
    expect 15 "restart $count: the same rows with the same indices" all_there
    took=$(($(now_ms) - began))
    [ $took -le $slowest ] || slowest=$took
done
touch "$LAB_DIR/stop"
wait $walker
echo "  slowest return: $slowest ms after snmpd's first answer; walks cut off in the middle: $(wc -l <"$LAB_DIR/odd.out") of $restarts restarts"

# ---- snmpd hangs: the decider does not
tell lag
sleep 0.2
before=$(grep '^lag' "$LAB_DIR/feed.out" | tail -n 1 | cut -d' ' -f2)
kill -STOP "$(cat "$LAB_DIR/snmpd/pid")"
tell rows 40
frozen=${FROZEN_SECONDS:-30}
deadline=$(($(now_ms) + frozen * 1000))
while [ "$(now_ms)" -lt $deadline ]; do
    tell rows 40
    sleep 0.5
done
kill -CONT "$(cat "$LAB_DIR/snmpd/pid")"
tell lag
sleep 0.2
after=$(grep '^lag' "$LAB_DIR/feed.out" | tail -n 1 | cut -d' ' -f2)
echo "  longest pause of the decider's loop: $before ms before, $after ms after $frozen s of a frozen snmpd"
[ "$after" -lt 200 ] || [ "$after" = "$before" ] || miss 'the decider goes on while snmpd hangs'
wanted=$((20 + 40 * (14 + 9 + 23 + 13)))
expect 60 'after the thaw the newest rows are there' complete
stop_feed
echo "$seen expectations were seen"
