#!/bin/sh
# `solowarden check`: what it says of good, wrong and doubtful configurations, and what --deep finds missing.
# shellcheck disable=SC2016 # the backquotes are what it prints
set -eu
lab=${LAB_DIR:?} solowarden=${SOLOWARDEN:?}
top=$(cd "$(dirname "$0")/../.." && pwd)
report=$lab/report

check() { # the expected exit status first
    expected=$1
    shift
    status=0
    "$solowarden" check "$@" >"$report" 2>&1 || status=$?
    cat "$report"
    [ $status = "$expected" ] || {
        echo "exit status $status, expected $expected"
        exit 1
    }
}
says() { grep -Fq -- "$1" "$report" || { echo "does not say: $1"; exit 1; }; }
silent_on() { ! grep -Fq -- "$1" "$report" || { echo "says: $1"; exit 1; }; }

check 0 --config "$top/conf/solowarden.yaml"
says '1 cluster, 2 nodes, 2 groups, 3 servers, 2 logs, 5 probes, 2 handlers'
says 'group pollers/mail has no control probe'
silent_on 'group pollers/orders'
check 0 --config="$top/conf/minimal.yaml"
says 'nobody can read over SNMP'

check 78 --config "$top/tests/golden/config/wrong/dangling-names.yaml"
says 'did you mean `pollers`?'
says '7 errors'
silent_on ok
check 78 --config "$lab/nowhere.yaml"
says 'No such file or directory'
check 64 --config
check 64 --depe

# doubtful: everything that is allowed and will not do what it seems to
cat >"$lab/doubtful.yaml" <<END
version: 1
snmp: {listen: "udp:127.0.0.1:16100", users: {nms: {level: noAuthNoPriv}}}
credentials: {canary: {user: canary, password_file: secret}, unused: {user: x, password_file: secret}}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups:
      none: {on: [none], confirm: 1s}
      idle: {on: [idle], mode: confirm}
      auto: {on: [idle], mode: auto, fenced: true, move: [/bin/true]}
      loose: {mode: confirm, move: [/bin/true], control: {alive: {type: exec, command: [/bin/true], every: 60s, timeout: 5s}}, confirm: 2m}
servers:
  bare: {type: ftp, address: 127.0.0.1}
  blind: {type: ftp, address: 127.0.0.1, log: {file: log, format: vsftpd}}
  xfer: {type: ftp, address: 127.0.0.1, log: {file: log, format: xferlog}, probe: {credential: canary, tls: off}}
handlers:
  a: {cluster: pollers, group: auto, server: bare, account: shop, poll: 30s}
  b: {cluster: pollers, group: none, server: blind, account: shop, poll: 30s}
  c: {cluster: pollers, group: none, server: xfer, account: shop, poll: 30s}
END
check 0 --config "$lab/doubtful.yaml"
says '`on: [none]` cannot fire without a control probe'
says '`confirm: 1s` is shorter than 125s'
says 'group pollers/idle: `on: [idle]` cannot fire, no handler names this group'
says 'group pollers/idle may act, but has no `move` program'
says 'silence alone never moves a group'
says 'group pollers/loose is not `fenced: true`'
says '`confirm: 2m` is shorter than 125s, the least that proves anything here; 125s is used'
says 'handler a: server bare has no `log`'
says 'handler b: no probe logs in to blind'
says 'handler c: the log of xfer shows no logins'
says 'nobody is told of alarms'
says 'SNMP user nms works without encryption'
says 'credential unused is used by no probe'
says 'sends its password in plain text'

# --deep: first nothing is there, then everything
cat >"$lab/deep.yaml" <<END
version: 1
agent: {state_dir: state}
snmp: {listen: "udp:127.0.0.1:16101", users: {nms: {auth_file: auth, priv_file: priv}}}
credentials: {canary: {user: canary, password_file: secret}}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}}
    groups: {orders: {move: ["$lab/move"], control: {alive: {type: exec, command: ["$lab/alive"]}}}}
servers:
  shop: {type: ftp, address: 127.0.0.1, probe: {credential: canary}, log: {file: log, format: vsftpd}}
  lost: {type: tcp, address: no-such-host.invalid, port: 1}
END
check 69 --deep --config "$lab/deep.yaml"
says "state_dir $lab/state: No such file"
says "secret of canary: $lab/secret: cannot be read"
says 'passphrase of SNMP user nms'
says "log $lab/log: No such file"
says "move program $lab/move: No such file"
says "program $lab/alive: No such file"
says 'address no-such-host.invalid:'
says '8 things are not as needed'

mkdir "$lab/state"
printf '#!/bin/sh\n' >"$lab/move"
cp "$lab/move" "$lab/alive"
chmod +x "$lab/move" "$lab/alive"
: >"$lab/log"
(umask 077 && echo secret-of-canary >"$lab/secret" && echo passphrase-1 >"$lab/auth" && echo short >"$lab/priv")
sed -i 's/no-such-host.invalid/127.0.0.1/' "$lab/deep.yaml"
check 69 --deep --config "$lab/deep.yaml"
says 'shorter than 8 characters, which SNMPv3 refuses'
silent_on secret-of-canary
says '1 thing is not as needed'
echo passphrase-2 >"$lab/priv"
check 0 --deep --config "$lab/deep.yaml"
silent_on 'not as needed'

chmod o+r "$lab/secret"
check 78 --config "$lab/deep.yaml"
says 'everybody may read or write this secret file'
