#!/bin/sh
# The audit and the discovery of a running agent on winlab. Which rules a scenario violates stands in the scenario itself: exactly these
# are found in the bad one, and none in the good one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${BUILD:?}"
if [ "${AUDIT_NETWORK:-}" != own ]; then # ports of its own
    AUDIT_NETWORK=own exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0"
fi
# shellcheck source=tests/lab/agent.sh
. "$here/../lab/agent.sh"
agent=''
winlab() { EXPORTER_PORT=0 "$here/../lab/winlab.sh" "$@"; }
trap 'kill -KILL "$agent" 2>/dev/null || true; winlab stop' EXIT
scenarios=$here/../lab/winlab/scenarios

write_config() { # CLUSTER NODES GROUPS
    cat >"$config" <<END
version: 1
agent: {name: audit, state_dir: "$home/state-$1"}
credentials: {observe: {user: svc-observe, password_file: "$home/winlab/observe.pw", auth: basic}}
clusters:
  $1:
    type: wsfc
    observe: observe
    winrm: {ca_file: "$home/winlab/ca.pem"}
    audit: {pop3_concurrent: 'yes'}
    wsfc: {every: 2s, timeout: 1500ms}
    biztalk: {every: 2s, timeout: 1500ms}
    service: {every: 2s, timeout: 1500ms}
    nodes: {$2}
    groups: {$3}
END
}
exits() { # STATUS VERB [argument …]
    wanted=$1
    shift
    status=0
    sw "$@" >"$home/out" 2>"$home/err" || status=$?
    [ "$status" = "$wanted" ]
}
rules() { # VERDICT: the rules of which a finding has it, "1 2 3"
    sw audit --output json >"$home/answer" || [ $? = 1 ] || return 1
    jq -r --arg verdict "$1" '[.findings[] | select(.verdict == $verdict) | .rule] | unique | map(tostring) | join(" ")' "$home/answer"
}
violated() { [ "$(rules violated)" = "$1" ]; }
all_read() { [ "$(jq '[.findings[] | select(.kind == "cluster" and .verdict == "unknown")] | length' "$home/answer")" = 0 ]; }
read_and_violated() { violated "$1" && all_read; }

bad_nodes='BTS01: {name: BTS01, addresses: [127.0.0.21]}, BTS02: {name: BTS02, addresses: [127.0.0.22]}, BTS03: {name: BTS03, addresses: [127.0.0.23]}'

write_config bad "$bad_nodes" 'Loose: {}'
winlab start "$scenarios/bad.yaml"
must 'no agent: 69' exits 69 audit
winlab control cut BTS01
winlab control cut BTS02
winlab control cut BTS03
start_agent
expect 10 'nothing could be read: 3' exits 3 audit
must 'every rule that needs a list says why' grep -q 'no fresh list of kind instance' "$home/out"
winlab control heal BTS01
winlab control heal BTS02
winlab control heal BTS03

wanted=$(sed -n 's/.*# \([0-9, ]*\)\(:.*\)\{0,1\}$/\1/p' "$scenarios/bad.yaml" | tr -s ', ' '\n' | sort -nu | paste -sd ' ' | sed 's/^ //')
must "the scenario says: $wanted" [ -n "$wanted" ]
expect 60 'exactly the rules that the bad scenario violates' read_and_violated "$wanted"
must 'violations: 1' exits 1 audit
must 'with evidence' grep -q 'host FtpTwins on BTS02: runs there, while resource Twins-host is online on BTS01' "$home/out"
must 'and the page' grep -q 'https://learn.microsoft.com/biztalk/core/configuring-the-ftp-adapter' "$home/out"
must 'one rule' exits 1 audit --rule 9
must_not 'and no other' grep -q 'rule 10 ' "$home/out"
must 'there is no rule 34' exits 64 audit --rule 34
must 'there is no such cluster' exits 64 audit --cluster elsewhere
stop_agent
winlab stop

write_config good 'BTS01: {name: BTS01, addresses: [127.0.0.21]}, BTS02: {name: BTS02, addresses: [127.0.0.22]}' 'BizTalkFTP: {}'
winlab start "$scenarios/good.yaml"
start_agent
expect 60 'nothing in the good scenario' read_and_violated ''
must 'nothing violated: 0' exits 0 audit
winlab control disable FtpReceive BTS02
expect 20 'an instance is disabled: rule 9' violated 9
winlab control enable FtpReceive BTS02
expect 20 'and enabled again' violated ''
winlab control twin FtpReceive BTS02
expect 60 'a twin is started: rules 1, 24, 25, once it has stood' violated '1 24 25'
winlab control untwin FtpReceive BTS02
expect 20 'and stopped' violated ''
winlab control sso-stop BTS01
expect 20 'Enterprise SSO stops where hosts run: rule 20' violated 20
winlab control sso-start BTS01
expect 60 'and starts' violated ''

must 'discover prints a configuration' exits 0 discover
cp "$home/out" "$home/found.yaml"
must 'that passes the check' "$SOLOWARDEN" check --config "$home/found.yaml"
must 'with the hosts of each role' grep -q 'hosts: \[FtpReceive\]' "$home/found.yaml"
must 'and what is to be filled in' grep -q 'account: CHANGE-ME  # ' "$home/found.yaml"
stop_agent
echo "$seen things seen"
