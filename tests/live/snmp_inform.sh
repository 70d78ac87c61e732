#!/bin/sh
# Notifications to a real snmptrapd: v2c and v3, informs and traps; a burst; a receiver that dies and comes back, also as another
# engine; our own restarts. Nothing may be lost that is acknowledged.
set -eu
# shellcheck source=tests/lab/snmp.sh
. "$(dirname "$0")/../lab/snmp.sh"
port=17182
prepare_mibs
export MIBS_DIR="$mibs" PORT=$port ENGINE=0x80001f880466656564 # 04 "feed"
log=$LAB_DIR/snmptrapd/log
receivers="    plain: {to: \"udp:127.0.0.1:$port\", community_file: community, inform: true, retry: 1s}
    secure: {to: \"udp:127.0.0.1:$port\", user: nms, inform: true, retry: 1s, source: 127.0.0.1}"
users="  listen: udp:127.0.0.1:17183
  allow_v2c: true
  users: {nms: {level: authPriv, auth: SHA-256, auth_file: auth.pw, priv: AES, priv_file: priv.pw}}"
configure "$users
  notify:
$receivers"

# numbers told so far, each as often as it came; two receivers are the same snmptrapd
told() { grep -o 'AlarmText[^:]*: number [0-9]*' "$log" | sed 's/.* //'; }
each_twice() { [ "$(told | sort -n | uniq -c | awk -v least="$1" '$2 >= least && $1 >= 2' | wc -l)" -ge "$2" ]; }

"$lab/snmptrapd.sh" start
start_feed 1 1
began=$(now_ms)
tell raise 1000
expect 30 '1,000 alarms arrived by v2c and by v3' each_twice 1 1000
echo "  took $(($(now_ms) - began)) ms until all were in the log"
expect 5 'both receivers acknowledged the last' sh -c "grep -q 'acked plain 1000' '$LAB_DIR/feed.out' && grep -q 'acked secure 1000' '$LAB_DIR/feed.out'"
same 'waiting' 0 "$(last_status waiting)"
same 'dropped' 0 "$(last_status dropped)"
must 'complete varbinds, with names and labels' sh -c "grep -m1 'solowardenAlarmRaised' '$log' | grep 'solowardenAlarmClass.*duplicateConfirmed' |
    grep 'solowardenAlarmSeverity.*critical' | grep 'solowardenAlarmHost' | grep 'solowardenNotifyTime' | grep -q 'solowardenAgentName'"
tell event 1
expect 5 'an event arrives' grep -q 'solowardenEvent[^CS]' "$log"

# ---- the receiver is dead for a while
"$lab/snmptrapd.sh" stop
tell raise 50
expect 20 'a silent receiver is reported' says 'notify=0 .*answer'
"$lab/snmptrapd.sh" start
expect 30 'nothing was lost while it was away' each_twice 1002 50
expect 10 'and it is reported well again' sh -c "grep '^changed' '$LAB_DIR/feed.out' | tail -n 1 | grep -q 'notify=1'"

# ---- it comes back as another engine
"$lab/snmptrapd.sh" forget
tell raise 10
"$lab/snmptrapd.sh" start
expect 60 'the new engine is found, nothing was lost' each_twice 1052 10

# ---- the notifier dies with notifications under way
"$lab/snmptrapd.sh" stop
tell raise 20
child=$(pgrep -P "$feed" -f 'live_snmpfeed snmp-notify')
kill -KILL "$child"
expect 5 'its death is reported' says 'snmp-notify process ended'
"$lab/snmptrapd.sh" start
expect 30 'its successor delivers what it had' each_twice 1062 20
expect 10 'all acknowledged' sh -c "grep -q 'acked plain 1081' '$LAB_DIR/feed.out' && grep -q 'acked secure 1081' '$LAB_DIR/feed.out'"
stop_feed

# ---- v3 traps, over five restarts of ours: a receiver accepts them only with rising boots
configure "$users
  notify:
    trap: {to: \"udp:127.0.0.1:$port\", user: nms, inform: false}"
for boots in 2 3 4 5 6; do
    start_feed $boots $((boots * 10000))
    tell raise 1
    expect 10 "a v3 trap with boots $boots" grep -q "number $((boots * 10000))\>" "$log"
    stop_feed
done
start_feed 7 70000
tell raise 200
arrived() { [ "$(told | awk '$1 >= 70000' | sort -u | wc -l)" = 200 ]; }
expect 15 'a burst of 200 traps is paced so that all arrive' arrived
stop_feed

# ---- a wrong passphrase is said
secret wrong.pw 'quite another one'
configure "  listen: udp:127.0.0.1:17183
  users: {nms: {level: authPriv, auth: SHA-256, auth_file: wrong.pw, priv: AES, priv_file: priv.pw}}
  notify:
    secure: {to: \"udp:127.0.0.1:$port\", user: nms, inform: true, retry: 1s}"
start_feed 8 80000
tell raise 1
expect 20 'a wrong passphrase is named' says 'refuses: wrong passphrase'
stop_feed
echo "$seen expectations were seen"
