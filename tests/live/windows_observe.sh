#!/bin/sh
# A Windows cluster that is only watched, against winlab: who owns what, readiness; an order is refused, nothing that could change anything is
# ever sent, and nobody asks for the passwords of receive locations.
set -eu
# shellcheck source=tests/lab/windows.sh
. "$(dirname "$0")/../lab/windows.sh"
windows_secrets
windows_config 'BizTalkFTP: {mode: confirm}, BizTalkPOP3: {mode: confirm}' >"$config"
cat >>"$config" <<'END'
servers:
  partner: {type: tcp, address: 127.0.0.21, port: 9182, every: 1s, timeout: 900ms}
handlers:
  orders: {cluster: biztalk, group: BizTalkFTP, host: FtpReceive, server: partner, account: orders, poll: 60s}
END

two_roles >"$home/scenario.yaml"
winlab start "$home/scenario.yaml" >/dev/null

start_observing
expect 15 'the cluster says who owns the role' owner_is BizTalkFTP BTS01
expect 10 'the other node is ready for a failover' ready BizTalkFTP BTS02
must 'the host instance runs on the owner' instance_is FtpReceive BTS01 running
must 'and is stopped on the other node' instance_is FtpReceive BTS02 stopped
must 'a host without receivers runs on both' instance_is Processing BTS02 running
expect 10 'one copy, by the control plane alone' row handler orders '.state == "single" and .activeNode == "BTS01"'
must 'an order is refused' exits 1 failover BizTalkFTP --reason trial
must 'because the agent only observes' told 'observe-only'
must 'with force too' exits 1 failover BizTalkFTP --to BTS02 --force --reason trial
expect 20 'eight rounds of every probe' rounds 8
must 'nothing was invoked but what only reads' changed 0
must 'which was' sh -c "[ $(invokes GetPossibleOwners) -gt 3 ] && [ $(invokes GetDependencies) -gt 3 ]"
must_not 'there is no process that could act' actuators

# ---- passwords of receive locations
must 'in all that time nobody asked for CustomCfg' sh -c "! '$lab_folder/winlab.sh' control counts | grep -q CustomCfg"
asks_everything() {
    /usr/bin/python3 "$lab_folder/winlab_client.py" --url https://127.0.0.21:5986/wsman --ca "$home/winlab/ca.pem" --user svc-observe \
        --password-file "$home/winlab/observe.pw" query root/MicrosoftBizTalkServer 'SELECT * FROM MSBTS_ReceiveLocation'
}
must 'one who does' asks_everything
must 'is counted' sh -c "'$lab_folder/winlab.sh' control counts | grep -q CustomCfg"
stop_agent
agent=''
echo "$seen expectations were seen"
