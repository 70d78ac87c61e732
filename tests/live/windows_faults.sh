#!/bin/sh
# What goes wrong on the way to a Windows node, against winlab: each fault has its reason and its cure, costs its own probe alone, never turns
# into "active nowhere", and is over when it is over. Nothing acts.
set -eu
# shellcheck source=tests/lab/windows.sh
. "$(dirname "$0")/../lab/windows.sh"
windows_secrets
windows_config 'BizTalkFTP: {mode: confirm, blind_after: 10s}, BizTalkPOP3: {mode: confirm, blind_after: 10s}' >"$config"
cat >>"$config" <<'END'
servers:
  partner: {type: tcp, address: 127.0.0.21, port: 9182, every: 1s, timeout: 900ms}
handlers:
  orders: {cluster: biztalk, group: BizTalkFTP, host: FtpReceive, server: partner, account: orders, poll: 60s}
END
two_roles >"$home/scenario.yaml"
winlab start "$home/scenario.yaml" >/dev/null
start_agent
expect 15 'all is well' owner_is BizTalkFTP BTS01
expect 15 'and ready' ready BizTalkFTP BTS02

suffers() { # PROBE REASON
    row probe "biztalk/$1" ".reason == \"$2\""
}
advises() { # TEXT: among what is to do, beside what is wrong
    sw status | sed -n '/^to do/,$p' | grep -q -- "$1"
}
rest_goes_on() { # the other node answers, the roles are judged as before
    row probe biztalk/wsfc@BTS01 '.state == "up"' && owner_is BizTalkFTP BTS01 && row handler orders '.state == "single"'
}
# fault COMMAND REASON CURE: of BTS02 alone
fault() {
    lab "$1" BTS02
    expect 10 "$1: the cluster's probe says why" suffers wsfc@BTS02 "$2"
    expect 10 'that of the services too' suffers service@BTS02 "$2"
    expect 5 'status says what to do' advises "$3"
    must 'the rest goes on' rest_goes_on
    must 'that node is unknown, not down' row node biztalk/BTS02 '.state == "unknown"'
    lab heal BTS02
    expect 10 'healed' suffers wsfc@BTS02 ok
    expect 10 'ready again' ready BizTalkFTP BTS02
}

fault quota quota 'MaxConcurrentOperationsPerUser'
fault deny access-denied 'solowarden doctor'
fault wrong-certificate tls-name 'certificate'
must 'which is told: it is not for BTS02' sh -c "'$SOLOWARDEN' history --raw --limit 200 --config '$config' | grep -q \"host name 'BTS02'\""

lab slow BTS02 3000
expect 10 'slow: connected, no answer in time' suffers wsfc@BTS02 reply-timeout
expect 5 'status says what to do' advises 'raise .timeout.'
must 'the rest goes on' rest_goes_on
lab heal BTS02
expect 10 'healed' suffers wsfc@BTS02 ok

lab missing-class BTS02 MSCluster_Resource
expect 10 'a class is missing' suffers wsfc@BTS02 class-missing
expect 5 'status says what to do' advises 'is the role .* installed on that node'
must 'its other lists are read' row probe biztalk/wsfc@BTS02 '.state == "up"'
must 'the rest goes on' rest_goes_on
lab heal BTS02
expect 10 'healed' suffers wsfc@BTS02 ok

lab sso-stop BTS02
expect 10 'Enterprise SSO stopped: no failover there' row candidate biztalk/BizTalkFTP '.node == "BTS02" and .reason == "sso-stopped"'
expect 5 'status says what to do' advises 'hosts cannot start without it'
must 'and the role runs on' rest_goes_on
lab sso-start BTS02
expect 10 'ready again' ready BizTalkFTP BTS02

lab cut BTS01
lab cut BTS02
expect 15 'both nodes cut off: nobody knows' row group biztalk/BizTalkFTP '.state == "unknown"'
expect 10 'the handler is unknown, too' row handler orders '.state == "unknown"'
expect 25 'blindness alarms' alarm blind:biztalk active
must 'once for all of the cluster' sh -c "[ \$('$SOLOWARDEN' history --config '$config' | grep -c 'alarmRaised *blind:') = 1 ]"
must 'an order is refused in the dark' exits 1 failover BizTalkFTP --reason trial
lab heal BTS01
lab heal BTS02
expect 15 'healed: seen again' owner_is BizTalkFTP BTS01
expect 15 'the alarm is cleared' alarm blind:biztalk cleared

must_not 'in all that time nothing was called active nowhere' raised none:biztalk/BizTalkFTP
must_not 'nor idle' raised idle:orders
must 'and nothing was ordered' changed 0
stop_agent
agent=''
echo "$seen expectations were seen"
