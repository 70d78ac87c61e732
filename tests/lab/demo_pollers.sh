#!/bin/sh
# The demo: two receivers of which exactly one may poll, on a real vsftpd and a real dovecot, watched and guarded by solowarden.
# Told line by line; every ✓ was seen (status, SNMP, snmptrapd's log), and the first that is not seen in time ends the demo with 1.
# usage: demo_pollers.sh BUILD_FOLDER [--stay]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
[ "$(id -u)" = 0 ] || exec sudo "$0" "$@" # the servers chroot and change users; solowarden itself runs as nobody
build=$(cd "${1:-$top/.build/release}" && pwd)
[ $# = 0 ] || shift
stay=${1:-}
cluster=pollers
mibs=$top/mibs:$top/.lab/ietf-mibs
. "$here/story.sh"

what_failed() {
    echo '---- explain orders, mail'
    sw explain orders || true
    sw explain mail || true
    echo '---- the receivers say'
    tail -n 8 "$home"/nodes/*/*.log || true
}

# ---- doing

start_copy() { as_user "$home/programs/start" "$@"; }
copy_runs() { grep -qa receiver "/proc/$(cat "$home/nodes/$2/$1.pid")/cmdline" 2>/dev/null; } # GROUP NODE
end_hard() {
    kill -KILL "$(cat "$home/nodes/$2/$1.pid")"
    while copy_runs "$1" "$2"; do sleep 0.05; done
}
order_arrives() { # NAME [SIZE]: an upload by a partner, complete at once
    head -c "${2:-2000}" /dev/zero | tr '\0' o >"$home/new"
    chown "$user:$group_of_user" "$home/new"
    mv "$home/new" "$inbox/$1"
}

# ---- setting up and clearing away

end_world() {
    for file in "$home"/nodes/*/*.pid; do
        [ ! -f "$file" ] || kill -KILL "$(cat "$file")" 2>/dev/null || true
    done
}

set_up() {
    set_up_home "$here/demo_pollers.yaml"
    mkdir -p "$home/programs" "$home/nodes/p1" "$home/nodes/p2" "$home/out"
    cp "$build/tests/lab_receiver" "$home/bin/receiver"
    cp "$here"/demo_programs/* "$home/programs/"
    echo 127.0.0.11 >"$home/nodes/p1/address"
    echo 127.0.0.12 >"$home/nodes/p2/address"
    common="--user shop --password-file $home/secrets/shop --poll 2 --out $home/out"
    echo "--url ftp://127.0.0.1:12121/in/ $common" >"$home/orders.receiver"
    echo "--url pop3://127.0.0.1:11110/ $common" >"$home/mail.receiver"
    chown -R "$user:$group_of_user" "$home/nodes" "$home/out"
}

# ---- the story

all_is_well() {
    chapter 'One copy of each handler runs on p1'
    start_copy orders p1
    start_copy mail p1
    start_agent
    expect 20 'solowarden answers, as the unprivileged user nobody' sw status
    expect 15 'orders: exactly one, on p1, by the node and by the log of vsftpd' is_single orders p1 both
    expect 15 'mail: exactly one, on p1, by the node and by the log of dovecot' is_single mail p1 both
    expect 10 'and a failover to p2 would work right now' group orders '.ready == "yes"'
    expect 10 'the management station reads the same by SNMPv3' snmp_says_single
    order_arrives invoice-1
    expect 10 'an order arrives and is taken once' taken invoice-1
}
snmp_says_single() { snmp snmpwalk 127.0.0.1:11161 solowardenHandlerState | grep -c 'single(2)' | grep -qx 2; }
taken() { [ -e "$home/out/$1" ] && [ ! -e "$inbox/$1" ]; }

approved_move() {
    chapter 'The mail handler dies; its group waits for an operator (mode confirm)'
    note_where_we_are
    end_hard mail p1
    expect 10 'mail: active on no node' handler mail '.state == "none"'
    expect 20 'it stood for the confirm window: a move is planned' happened planned mail
    expect 40 'once its server was seen steady, only the approval is missing' group mail '.suppressed == "awaiting-approval"'
    expect 40 'it stood for the settle window: alarm none at the management station' told 'AlarmRaised.*none:pollers/mail'
    must_not 'nothing was started meanwhile' copy_runs_anywhere mail
    tell '$ solowarden approve mail'
    sw approve mail >/dev/null
    expect 20 'moved: p2 says that a copy runs there' happened moved mail
    expect 20 'receiving: the log of dovecot shows p2 poll' happened 'done' mail
}
copy_runs_anywhere() { copy_runs "$1" p1 || copy_runs "$1" p2; }

second_copy() {
    chapter 'Somebody starts orders on p2 as well, by mistake'
    expect 70 'orders has been seen single for a minute: trusted' trusted
    note_where_we_are
    end_hard orders p1 && start_copy orders p1 --hold-before-delete 3 # a receiver that is slow to delete, restarted in place
    expect 8 'p1 polls again; a restart in place moves nothing' is_single orders p1
    start_copy orders p2 --hold-before-delete 3
    order_arrives invoice-2
    expect 10 'duplicate suspected' raised duplicate-suspected:orders
    expect 20 'duplicate confirmed' raised duplicate-confirmed:orders
    expect 15 'the same file was taken by both: class two-handlers' handler orders '.lastDoubleClass == "two-handlers"'
    expect 10 'the notification is at the management station' told 'AlarmRaised.*duplicate-confirmed:orders'
    expect 45 'it stood for the settle window, every gate is open (mode auto): the surplus copy is stopped' happened started orders
    expect 10 'the copy on p2 is gone' copy_is_gone orders p2
    expect 30 'orders: exactly one again, on p1' is_single orders p1
    expect 15 'alarm cleared, and told' told 'AlarmCleared.*duplicate-confirmed:orders'
}
trusted() { row handler orders ".state == \"single\" and .since + 61 < now"; }
copy_is_gone() { ! copy_runs "$@"; }

ordered_hand_over() {
    chapter 'An operator hands the mail handler over: p2 is to be serviced'
    expect 40 'its last move has settled: alarm none cleared, and told' told 'AlarmCleared.*none:pollers/mail'
    note_where_we_are
    tell '$ solowarden failover mail --to p1 --reason "service of p2"'
    sw failover mail --to p1 --reason 'service of p2' >/dev/null
    expect 20 'moved: p1 says so itself' happened moved mail
    expect 20 'receiving: p1 polls, and the group is done' happened 'done' mail
    must_not 'a hand-over is no duplicate: no such alarm was raised' raised_duplicate mail
}

killed_in_mid_transfer() {
    chapter 'The orders receiver is killed in the middle of a large file'
    note_where_we_are
    end_hard orders p1 && start_copy orders p1 --slow 2000000
    order_arrives catalogue 40000000
    expect 10 'p1 retrieves it, slowly' grep -q 'retrieving catalogue' "$home/nodes/p1/orders.log"
    end_hard orders p1
    tell 'kill -9'
    expect 30 'orders: active on no node, once the log agrees' handler orders '.state == "none"'
    expect 40 'the confirm window passes, the gates are open: moved to p2' happened moved orders
    expect 20 'receiving: p2 polls, and the group is done' happened 'done' orders
    expect 10 'each step was told' told 'solowardenEvent.*moved'
    tell '$ solowarden explain orders'
    sw explain orders | grep -E '^  (decision|result|gates|failover)|closed:|^   .*ready' | sed 's/^/        /'
    expect 10 'p2 takes the file again, whole' taken catalogue
    expect 45 'orders: exactly one, on p2, once the settle window is over' is_single orders p2
    must_not 'a file taken again after a hand-over is no duplicate' raised_duplicate orders
}

server_down() {
    chapter 'vsftpd itself goes down, and then the receiver'
    note_where_we_are
    server vsftpd stop
    expect 20 'server shop does not answer us: alarm endpoint, told' told 'AlarmRaised.*endpoint:shop'
    end_hard orders p2
    expect 10 'orders: active on no node' handler orders '.state == "none"'
    expect 20 'no failover, and the reason: what it depends on is down' group orders '.suppressed == "cause-down"'
    must_not 'nothing was started' happened started orders
    sw explain orders | grep -E '^  (plan|decision|gates)|closed:|would change' | sed 's/^/        /'
    server vsftpd start >/dev/null
    tell 'vsftpd is back, and somebody starts the receiver where it was'
    start_copy orders p2
    expect 20 'alarm endpoint cleared, and told' told 'AlarmCleared.*endpoint:shop'
    expect 20 'the plan is withdrawn: p2 says that a copy runs there' happened withdrawn orders
    expect 10 'owner p2; the verdict follows when that has settled' group orders '.owner == "p2"'
    must_not 'still nothing was started' happened started orders
}

tables() {
    chapter 'What the management station sees (SNMPv3)'
    show_table solowardenHandler Name State ActiveNode Strength Polls Takes LastDoubleClass Text
    show_table solowardenGroup Name State Owner Mode Ready MovesLeft StopsLeft Rule Text
    show_table solowardenAlarm Name State Severity RaiseCount Sequence Text
    show_table solowardenHistory Kind Word Rule Text
    chapter '$ solowarden explain orders'
    sw explain orders | sed '/^newest evidence/,$d'
}

try_it() {
    cat <<END

It goes on running in $home, as user $user. In another terminal:

$(how_to_look)
  sw status; sw explain orders; sw history
  ./programs/start orders p1                 a second copy by mistake; or kill one of nodes/*/*.pid
  sw pause orders --for 10m --why "trying"   nothing is done; detection goes on
$(how_to_walk)
END
    until_return
}

ports_are_free 11161 11162 11110 12121
set_up
chapter 'Setting up vsftpd, dovecot, snmptrapd, two nodes'
start_servers
all_is_well
approved_move
second_copy
ordered_hand_over
killed_in_mid_transfer
server_down
tables
[ "$stay" != --stay ] || try_it
stop_agent
chapter "All $seen expectations were seen, in $(clock) s"
