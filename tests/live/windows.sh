#!/bin/sh
# A Windows cluster end to end, against winlab: rows over SNMP, an order, an approval and a refusal by the driver; a failover by the cluster
# itself is followed; killed in mid-move, nothing is sent twice.
set -eu
# shellcheck source=tests/lab/windows.sh
. "$(dirname "$0")/../lab/windows.sh"

habits='mode: confirm, cool_down: 1s, max_moves: {count: 8, per: 1h}, settle: 5s'
prepare_mibs
windows_secrets
windows_config "BizTalkFTP: {$habits}, BizTalkPOP3: {$habits}" >"$config"
cat >>"$config" <<'END'
servers:
  partner: {type: tcp, address: 127.0.0.21, port: 9182, every: 1s, timeout: 900ms}
handlers:
  orders: {cluster: biztalk, group: BizTalkFTP, host: FtpReceive, server: partner, account: orders, poll: 3s}
END

two_roles >"$home/scenario.yaml"
winlab start "$home/scenario.yaml" >/dev/null

# ---- the POP3 host has failed for good on its node; that stands for the confirm window while the rest is tried
world() { # CONDITION: what the cluster really is
    winlab control status | jq -e ".lab | $1"
}
lab disable Pop3Receive BTS01
lab kill Pop3Receive BTS01
expect 15 'the POP3 role has failed' world '.groups.BizTalkPOP3.state == "failed"'
start_agent
expect 15 'the FTP role is watched, and ready' ready BizTalkFTP BTS02
expect 10 'the failure is seen' row group biztalk/BizTalkPOP3 '.wrong == "none"'
must 'there is a process that may act' actuators

# ---- rows over SNMP
expect 10 'SNMP: the role' shown solowardenGroupName biztalk/BizTalkFTP
must 'its owner' shown solowardenGroupOwner BTS01
must 'that a failover would work' shown solowardenGroupReady 'yes'
must 'candidates' shown solowardenCandidateState ready
must 'host instances' shown solowardenInstanceName biztalk/FtpReceive
must 'and how they are' shown solowardenInstanceState running
must 'resources' shown solowardenResourceName biztalk/FTP-host
must 'nodes' shown solowardenNodeName biztalk/BTS02
must 'the cluster' shown solowardenClusterName biztalk

# ---- an order
expect 10 'the FTP role is healthy' owner_is BizTalkFTP BTS01
must 'a failover is ordered' exits 0 failover BizTalkFTP --to BTS02 --force --reason trial
expect 15 'it is carried out' owner_is BizTalkFTP BTS02 verifying
must 'by one request' counted MoveToNewNode 1
expect 15 'the copy runs there' instance_is FtpReceive BTS02 running
expect 20 'history has its end' remembers 'moved.*BizTalkFTP\|done.*BizTalkFTP'

# ---- the driver looks once more itself
expect 60 'the first move is over' owner_is BizTalkFTP BTS02
lab disable FtpReceive BTS01
must 'ordered to a node that was just disabled, by force' exits 0 failover BizTalkFTP --to BTS01 --force --reason trial
expect 15 'history says why nothing was done' remembers 'BizTalkFTP.*disabled'
must 'the cluster was not asked' counted MoveToNewNode 1
expect 10 'it is where it was' row group biztalk/BizTalkFTP '.owner == "BTS02"'
expect 10 'that node is not ready, and says why' row candidate biztalk/BizTalkFTP '.node == "BTS01" and .reason == "instance-disabled"'
lab enable FtpReceive BTS01
expect 10 'ready again' ready BizTalkFTP BTS01

# ---- the cluster's own failover is followed, not answered
lab node-down BTS02
expect 20 'the cluster brought the role to the other node' row group biztalk/BizTalkFTP '.owner == "BTS01"'
expect 20 'the dead node is seen' row probe biztalk/wsfc@BTS02 '.reason == "connect-refused"'
lab node-up BTS02
expect 20 'it is back, and ready' ready BizTalkFTP BTS02
must 'nothing was ordered by us' changed 1

# ---- an approval
expect 90 'the failure stood for the confirm window: a plan waits' row group biztalk/BizTalkPOP3 \
    '.state == "waiting" and .suppressed == "awaiting-approval"'
must 'explain names the approval' exits 0 explain BizTalkPOP3
must 'by its verb' told 'approv'
must 'nothing moved before' changed 1
must 'approved' exits 0 approve BizTalkPOP3
expect 15 'it is carried out' counted MoveToNewNode 2
expect 15 'the role is on the other node' row group biztalk/BizTalkPOP3 '.owner == "BTS02"'
expect 15 'and the host runs' instance_is Pop3Receive BTS02 running

# ---- killed in mid-move
expect 30 'the FTP role is healthy' owner_is BizTalkFTP BTS01
must 'ordered' exits 0 failover BizTalkFTP --to BTS02 --force --reason trial
expect 10 'the cluster was asked' counted MoveToNewNode 3
kill -KILL "$agent"
wait "$agent" 2>/dev/null || true
start_agent
expect 20 'started again: the role is seen on its new node' row group biztalk/BizTalkFTP '.owner == "BTS02"'
expect 20 'five rounds later' rounds 5
must 'nothing was sent twice' counted MoveToNewNode 3
must 'and nothing else at all' changed 3

stop_agent
agent=''
echo "$seen expectations were seen"
