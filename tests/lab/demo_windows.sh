#!/bin/sh
# The demo: a Windows failover cluster with BizTalk, watched and guarded by solowarden. The cluster is a simulation (tests/lab/winlab);
# its receive handlers poll a real vsftpd and a real dovecot. Told line by line; every ✓ was seen (status, SNMP, snmptrapd's log, the
# cluster's own count of requests), and the first that is not seen in time ends the demo with 1.
# usage: demo_windows.sh BUILD_FOLDER [--stay]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@" # the servers chroot and change users; solowarden itself runs as nobody
build=$(cd "${1:-$top/.build/release}" && pwd)
[ $# = 0 ] || shift
stay=${1:-}
cluster=biztalk
mibs=$top/mibs:$top/.lab/ietf-mibs
. "$here/story.sh"

what_failed() {
    echo '---- explain orders'
    sw explain orders || true
    echo '---- the cluster'
    control status || true
    control counts || true
}

# ---- the simulated cluster

winlab() { BUILD=$build RECEIVERS=yes EXPORTER_PORT=0 "$here/winlab.sh" "$@"; }
control() { winlab control "$@"; }
operate() { # WORDS…: a control command that must succeed, told
    tell "winlab: $*"
    control "$@" >/dev/null || fail "winlab: $*"
}
# world CONDITION: a jq condition on what the cluster really is
world() {
    answer=$(control status) || return 1
    printf '%s' "$answer" | jq -e ".biztalk | $1"
}
# ordered COUNT METHOD [NODE]: so many calls of that method reached the nodes, or that node. Without a method: of all that change anything
ordered() {
    answer=$(control counts) || return 1
    printf '%s' "$answer" | jq -e --argjson count "$1" --arg method "${2:-}" --arg node "${3:-}" '
        [to_entries[] | select($node == "" or .key == $node) | .value | to_entries[] | select(.key | startswith("Invoke/"))
            | select(if $method == "" then .key | test("/(Get|Check|Will|Interrogate)") | not else .key == "Invoke/" + $method end)
            | .value] | add // 0 | . == $count'
}
end_world() { winlab stop; }

order_arrives() { # NAME [SIZE]: an upload by a partner, complete at once
    "$here/vsftpd.sh" file shop "$1" "${2:-2000}"
}
taken_by() { [ -e "$home/winlab/received-$2/$1" ] && [ ! -e "$inbox/$1" ]; } # NAME NODE

set_up() {
    ports_are_free 11161 11162 11110 12121 5986 1801
    set_up_home "$here/demo_windows.yaml"
    cp "$here/winlab/scenarios/demo.yaml" "$home/scenario.yaml"
    chapter 'Setting up vsftpd, dovecot, snmptrapd and a simulated failover cluster: two nodes, three roles'
    start_servers
    winlab start "$home/scenario.yaml" >"$home/started"
    sed -n '1,3p' "$home/started"
    for role in observe act; do
        install -m 400 -o "$user" "$home/winlab/$role.pw" "$home/secrets/$role"
    done
}

# ---- the story

all_is_well() {
    chapter 'One copy of each receive handler runs, on BTS01'
    start_agent
    expect 20 'solowarden answers, as the unprivileged user nobody' sw status
    mark=0 trap_mark=0
    expect 20 'both nodes agree who owns the FTP role' group BizTalkFTP '.owner == "BTS01"'
    expect 20 'orders: exactly one, on BTS01, by the nodes and by the log of vsftpd' is_single orders BTS01 both
    expect 20 'mail: exactly one, on BTS01, by the nodes and by the log of dovecot' is_single mail BTS01 both
    expect 30 'the MSMQ role is on BTS02' group BizTalkMSMQ '.owner == "BTS02"'
    expect 40 'and a failover of each role would work right now' all_are_ready
    expect 10 'the management station reads the same by SNMPv3' snmp_says_single
    expect 40 'audit: no rule of Microsoft is violated' audit_is_clean
    order_arrives invoice-1
    expect 10 'an order arrives and is taken once, on BTS01' taken_by invoice-1 BTS01
    show_table solowardenCluster Name State Nodes NodesUp Groups Observers Violations Unchecked
    show_table solowardenCandidate Group Node State Text
}
all_are_ready() { for role in BizTalkFTP BizTalkPOP3 BizTalkMSMQ; do group $role '.ready == "yes"' || return 1; done; }
snmp_says_single() { snmp snmpwalk 127.0.0.1:11161 solowardenHandlerState | grep -c 'single(2)' | grep -qx 2; }
audit_is_clean() { row cluster biztalk '.found > 50 and .violations == 0 and .unchecked < 5'; }
# candidate ROLE NODE CONDITION
candidate() { row candidate "biztalk/$1" ".node == \"$2\" and ($3)"; }

not_ready_before_trouble() {
    chapter 'Somebody disables the passive FTP instance: nothing is wrong yet, but the next failover would fail'
    note_where_we_are
    operate disable FtpReceive BTS02
    expect 15 'BTS02 is no candidate any more' candidate BizTalkFTP BTS02 '.state == "not-ready" and .reason == "instance-disabled"'
    expect 10 'the role is not ready, and still polls' group BizTalkFTP '.ready == "no" and .state == "ok"'
    expect 60 'alarm failover-not-ready at the management station' told 'AlarmRaised.*failover-not-ready:biztalk/BizTalkFTP'
    operate enable FtpReceive BTS02
    expect 15 'ready again' group BizTalkFTP '.ready == "yes"'
    expect 40 'alarm cleared, and told' told 'AlarmCleared.*failover-not-ready:biztalk/BizTalkFTP'
}

queue_stops() {
    chapter 'Meanwhile the MSMQ host hangs: nobody reads its queue, and the cluster says online'
    note_where_we_are
    queue_mark=$trap_mark
    expect 20 'the queue is read: its counters are known, and it is empty' queue_is '.state == "ok"'
    operate hang MsmqReceive BTS02
    expect 20 'messages wait; that alone is no trouble yet' queue_is '.state == "ok" and .messages > 0'
}
queue_is() { row queue 'biztalk/BTS02/btsmsmq\private$\payments' "$1"; }

queue_stuck() {
    chapter 'For a minute nothing left the queue'
    expect 60 'the queue is stuck' queue_is '.state == "stuck"'
    trap_mark=$queue_mark
    expect 15 'alarm queue-stuck at the management station' told 'AlarmRaised.*queue-stuck:.*payments'
    must_not 'a queue moves nothing: no plan' happened planned BizTalkMSMQ
    operate resume MsmqReceive BTS02
    expect 20 'messages leave again' queue_is '.state == "ok"'
    expect 15 'alarm cleared, and told' told 'AlarmCleared.*queue-stuck:.*payments'
}

unclustered_twin() {
    chapter 'Somebody starts the FTP host on BTS02 as well, outside the cluster'
    expect 70 'orders has been seen single for a minute: trusted' trusted
    note_where_we_are
    operate twin FtpReceive BTS02
    order_arrives invoice-2
    expect 15 'duplicate suspected' raised duplicate-suspected:orders
    expect 15 'BizTalk and the service manager of BTS02 say: it runs there' instance_runs FtpReceive BTS02
    expect 30 'duplicate confirmed: each node says so itself, and the log of vsftpd shows both' raised duplicate-confirmed:orders
    expect 10 'the notification is at the management station' told 'AlarmRaised.*duplicate-confirmed:orders'
    tell '$ solowarden explain orders'
    sw explain orders | sed -n '/^handler/,/^  log/p' | grep -vE '^handler|^  (polls|log)' | cut -c1-160 | sed 's/^/        /'
    expect 20 'the audit finds it as well: an FTP receive handler on two nodes' audit_finds ftp-single
    show_table solowardenAudit Rule RuleName State Severity Subject Text
    expect 60 'it stood for the settle window: to stop the surplus copy is planned, the approval is missing' \
        group BizTalkFTP '.plannedAct == "stop" and .target == "BTS02" and .suppressed == "awaiting-approval"'
    must 'nothing was ordered of the cluster so far' ordered 0
    tell '$ solowarden approve BizTalkFTP'
    sw approve BizTalkFTP >/dev/null
    expect 20 'the copy on BTS02 stops' world '[.instances[] | select(.host == "FtpReceive" and .node == "BTS02" and .state == "stopped")] | length == 1'
    must 'by one StopService at the service manager of BTS02' ordered 1 StopService BTS02
    must 'and nothing else' ordered 1
    expect 30 'orders: exactly one again, on BTS01' is_single orders BTS01
    expect 15 'alarm cleared, and told' told 'AlarmCleared.*duplicate-confirmed:orders'
}
audit_finds() {
    answer=$(sw status --output json) || return 1
    printf '%s' "$answer" | jq -e --arg rule "$1" '[.audit[] | select(.ruleName == $rule and .state == "violated")] | length > 0'
}
trusted() { row handler orders '.state == "single" and .since + 61 < now'; }
instance_runs() { row instance "biztalk/$1" ".node == \"$2\" and .service == \"running\" and .sayRunning > 0"; }

not_raced() {
    chapter 'The FTP host instance crashes: the cluster restarts it by itself'
    expect 60 'the stop has settled: active exactly once, nothing is under way' group BizTalkFTP '.state == "ok"'
    note_where_we_are
    operate kill FtpReceive BTS01
    expect 10 'the cluster counts a failure, and has it online again, on BTS01' \
        world '.resources["FTP-host"] | .failures == 1 and .state == "online"'
    expect 60 'orders: exactly one, on BTS01, polling again' is_single orders BTS01 both
    must_not 'no alarm was raised' raised_anything
    must_not 'nothing was planned' happened planned BizTalkFTP
    must 'nothing was ordered' ordered 1
}
raised_anything() {
    answer=$(sw history --output json --limit 200) || return 1
    printf '%s' "$answer" | jq -e --argjson after "$mark" '[.[] | select(.sequence > $after and .kind == "alarmRaised")] | length > 0'
}

host_hangs() {
    chapter 'Then it hangs: the cluster says online, the service says running, and nobody fetches orders'
    note_where_we_are
    operate hang FtpReceive BTS01
    order_arrives invoice-3
    expect 20 'idle: vsftpd works, its log is alive, and BTS01 has not polled' handler orders '.state == "idle"'
    must 'the cluster has not noticed' world '.resources["FTP-host"].state == "online"'
    must 'and so does the management station read the resource' snmp_says_online
    expect 60 'alarm idle at the management station' told 'AlarmRaised.*idle:'
    expect 90 'it stood for the confirm window: to move to BTS02 is planned, the approval is missing' \
        group BizTalkFTP '.plannedAct == "move" and .target == "BTS02" and .suppressed == "awaiting-approval"'
    must 'nothing was ordered meanwhile' ordered 1
    tell '$ solowarden approve BizTalkFTP'
    sw approve BizTalkFTP >/dev/null
    expect 30 'moved: both nodes say BTS02' group BizTalkFTP '.owner == "BTS02"'
    must 'by one MoveToNewNode' ordered 1 MoveToNewNode
    expect 20 'receiving: the log of vsftpd shows BTS02 poll' happened 'done' BizTalkFTP
    expect 10 'the order that waited is taken, on BTS02' taken_by invoice-3 BTS02
    must_not 'a hand-over is no duplicate' raised_duplicate orders
}
snmp_says_online() { snmp snmptable -Cf '|' 127.0.0.1:11161 solowardenResourceTable | grep -Eq 'FTP-host.*online'; }

node_down() {
    chapter 'BTS02 loses power, with the FTP and the MSMQ role on it'
    note_where_we_are
    operate node-down BTS02
    expect 30 'the cluster fails over by itself' world '.groups.BizTalkFTP | .state == "online" and .owner == "BTS01"'
    expect 20 'solowarden follows: owner BTS01, by the word of the node that is left' group BizTalkFTP '.owner == "BTS01"'
    expect 60 'orders: exactly one, on BTS01, polling' is_single orders BTS01 both
    expect 15 'the alarm of the host that hung is cleared, and told' told 'AlarmCleared.*idle:'
    expect 10 'a failover would not work now: there is nowhere to go' group BizTalkFTP '.ready == "no"'
    must_not 'no duplicate was seen' raised_duplicate orders
    must_not 'nothing was started' happened started BizTalkFTP
    must 'nothing was ordered' ordered 2
    operate node-up BTS02
    expect 60 'BTS02 is back: a failover of each role would work' all_are_ready
    expect 40 'no alarm is left (the audit waits a little longer)' nothing_is_active
}

nothing_is_active() {
    answer=$(sw status --output json) || return 1
    printf '%s' "$answer" | jq -e '[.alarm[] | select(.state == "active" and (.name | startswith("audit:") | not))] | length == 0'
}

tables() {
    chapter 'What the management station sees (SNMPv3)'
    show_table solowardenNode Name State Addresses Text
    show_table solowardenGroup Name State Owner Mode Ready MovesLeft StopsLeft Rule Text
    show_table solowardenHandler Name State ActiveNode Strength Polls Takes LastDoubleClass Text
    show_table solowardenResource Resource Type Group Owner State
    show_table solowardenInstance Host Node State Service Clustered Disabled SayRunning Text
    show_table solowardenQueue Queue Node State Quality Messages Text
    show_table solowardenAlarm Name State Severity RaiseCount Sequence Text
    show_table solowardenHistory Kind Word Rule Text
    chapter '$ solowarden explain BizTalkFTP'
    sw explain BizTalkFTP | sed '/^newest evidence/,$d'
}

try_it() {
    cat <<END

It goes on running in $home. In another terminal:

$(how_to_look)
  winlab() { LAB_DIR=$home BUILD=$build $here/winlab.sh control "\$@"; }
  sw status; sw status instances queues candidates; sw explain orders; sw history; sw audit
  winlab help                                what you can break: kill, hang, twin, node-down, cut, pause-node, sql-down …
  sw failover BizTalkPOP3 --reason "trying"  an ordered move
  sw pause BizTalkFTP --for 10m --why "trying"   nothing is done; detection goes on
$(how_to_walk)
END
    until_return
}

set_up
all_is_well
not_ready_before_trouble
queue_stops
unclustered_twin
queue_stuck
not_raced
host_hangs
node_down
tables
[ "$stay" != --stay ] || try_it
stop_agent
chapter "All $seen expectations were seen, in $(clock) s"
