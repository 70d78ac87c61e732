#!/bin/sh
# What an audit leaves behind, against winlab: rows over SNMP, one alarm, JSON for programs. And the configuration that discovery prints is not
# only valid: filled in, an agent watches the cluster with it.
set -eu
# shellcheck source=tests/lab/windows.sh
. "$(dirname "$0")/../lab/windows.sh"
prepare_mibs
windows_secrets

audit_config() { # GROUPS [further nodes]
    windows_config "$1" | sed "s/^    nodes: {\(.*\)}$/    nodes: {\1${2:-}}/"
}
audited() { # NUMBER: at least so many violations, on demand; the last regular round, once a minute, has some already
    sw audit --output json >"$home/answer" || [ $? = 1 ] || return 1
    json "[.findings[] | select(.verdict == \"violated\")] | length >= $1" && row cluster biztalk ".violations >= $1"
}
as_many_rows() { # over SNMP as in status; what is merely a hint does not count as a violation of the cluster
    rows=$(walk solowardenAuditState | grep -cx violated) || return 1
    answer=$(sw status --output json) && printf '%s' "$answer" | jq -e "
        ([.audit[] | select(.state == \"violated\")] | length) == $rows and
        ([.audit[] | select(.state == \"violated\" and .severity != \"info\")] | length) == .cluster[0].violations"
}
json() { # CONDITION
    jq -e "$1" "$home/answer"
}

# ---- a cluster that breaks rules
winlab start "$(scenario bad)" >/dev/null
audit_config 'Loose: {}' ', BTS03: {name: BTS03, addresses: [127.0.0.23]}' >"$config"
start_agent
expect 30 'violations' audited 20
expect 10 'SNMP has a row of each' as_many_rows
must 'with a severity' shown solowardenAuditSeverity critical
must 'with the rule in a word' shown solowardenAuditRuleName instance-enabled
must "with the path of Microsoft's page" shown_like solowardenAuditPage '^biztalk/core/'
expect 30 'one alarm, and it is critical' row alarm audit:biztalk '.state == "active" and .severity == "critical"'
must 'JSON has evidence of each' json '[.findings[] | select(.verdict == "violated") | .evidence | length] | min > 10'
must 'reason, cure and page by rule' json '[.rules[] | (.why | length), (.cure | length)] | min > 10'
must 'text, too' exits 1 audit
must 'status points at it' sh -c "'$SOLOWARDEN' status --config '$config' alarms | grep -q audit:biztalk"
stop_agent
winlab stop

# ---- discovery of a good one
winlab start "$(scenario good)" >/dev/null
rm -rf "$home/state"
audit_config 'BizTalkFTP: {}' >"$config"
start_agent
all_is_known() { exits 0 discover && ! told 'not known' && told 'CHANGE-ME'; }
expect 30 'everything is known' all_is_known
expect 60 'and audited' row cluster biztalk '.unchecked >= 0 and .violations == 0'
must 'nothing violated' exits 0 audit
must_not 'no alarm' alarm audit:biztalk active
must_not 'no row says violated' shown solowardenAuditState violated
must 'discovered' exits 0 discover
cp "$home/out" "$home/found.yaml"
stop_agent
must 'it says what is to be filled in' grep -q CHANGE-ME "$home/found.yaml"
sed 's/CHANGE-ME/partner/' "$home/found.yaml" >"$home/filled.yaml"
config=$home/filled.yaml
must 'filled in, it is valid' exits 0 check
must_not 'and changes nothing by itself' grep -q 'mode: \(confirm\|auto\)' "$config"
start_agent
for role in BizTalkFTP BizTalkPOP3 BizTalkMSMQ; do
    expect 60 "$role is watched with it" row group "biztalk/$role" '.state == "ok" and .owner != ""'
done
expect 20 'a handler for each receive location' sh -c "'$SOLOWARDEN' status --config '$config' --output json handlers |
    jq -e '[.handler[] | select(.state == \"single\")] | length >= 3'"
stop_agent
agent=''
echo "$seen expectations were seen"
