#!/bin/sh
# Logs under the running program: renamed while we read, rotated while we are away, truncated in place, absent, unreadable, of another format.
# No server is needed: the test writes the lines a vsftpd would, and counts what arrives.
set -eu
# shellcheck source=tests/lab/agent.sh
. "$(dirname "$0")/../lab/agent.sh"
log=$home/vsftpd.log
cat >"$config" <<END
version: 1
agent: {name: rotation, state_dir: "$home/state"}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups: {orders: {}}
servers: {shop: {type: ftp, address: 127.0.0.1, port: 1, log: {file: "$log", format: vsftpd, zone: UTC}}}
handlers: {orders: {cluster: pollers, group: orders, server: shop, account: shop, poll: 60s}}
END
lines=0
poll() { # COUNT [ADDRESS]: so many logins
    count=$1 address=${2:-127.0.0.11}
    while [ "$count" -gt 0 ]; do
        lines=$((lines + 1)) count=$((count - 1))
        echo "$(LC_ALL=C date -u '+%a %b %e %H:%M:%S %Y') [pid $lines] [shop] OK LOGIN: Client \"$address\"" >>"$log"
    done
}
polls_seen() { row handler orders ".polls == $lines"; }
log_says() { row server shop ".logReason == \"$1\""; }
trap 'kill $agent 2>/dev/null || true' EXIT

start_agent
expect 15 'a log that is absent is called so' log_says log-missing
poll 3
expect 10 'it appears, and its lines are read' polls_seen
mv "$log" "$log.1" && poll 2
expect 10 'renamed and made anew: nothing lost' polls_seen
stop_agent
poll 2
mv "$log" "$log.2" && poll 3
start_agent
expect 15 'rotated while we were away: the rest of the old file and the whole new one' polls_seen
poll 200
expect 10 'two hundred lines' polls_seen
: >"$log"
poll 1
expect 10 'truncated in place: a gap, counted' row server shop '.logGaps == 1'
expect 10 'and what came afterwards is read' polls_seen
expect 10 'the alarm tells of it' alarm log-gap:shop active
i=0
while [ $i -lt 40 ]; do i=$((i + 1)) && echo "this is no line of vsftpd $i" >>"$log"; done
expect 10 'lines of another format are named' log_says log-format
must 'and counted' row server shop '.logUnparsed == 40'
poll 1
expect 10 'good lines heal it' polls_seen
must_not 'the format is believed again' log_says log-format
if [ "$(id -u)" != 0 ]; then
    chmod 000 "$log"
    mv "$log" "$log.3" && poll 1 && chmod 000 "$log"
    expect 10 'a log that may not be read is called so' log_says log-unreadable
fi
echo "$seen expectations were seen"
