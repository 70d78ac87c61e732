#!/bin/sh
# Logins that fail, against winlab: a wrong password is tried seldom, however many probes have it; `doctor` tries it once; corrected, it is
# taken. A right that is missing is named with its cure.
set -eu
# shellcheck source=tests/lab/windows.sh
. "$(dirname "$0")/../lab/windows.sh"
windows_secrets
windows_config 'BizTalkFTP: {mode: advise}, BizTalkPOP3: {mode: advise}' >"$config"
two_roles >"$home/scenario.yaml"
winlab start "$home/scenario.yaml" >/dev/null

doctor() { # STATUS: nothing but what it says of the nodes
    status=0
    "$SOLOWARDEN" doctor --config "$config" >"$home/report" 2>&1 || status=$?
    [ "$status" = "$1" ]
}
reports() { grep -Eq -- "$1" "$home/report"; }
refusals() { # how often the password was tried
    winlab control counts | jq '[.[].Refused // 0] | add'
}

# ---- doctor
mkdir -p "$home/state"
must 'all rights: nothing to mend' doctor 0
must 'each node answers, with a good certificate' reports '✓ node +biztalk/BTS02: https://BTS02:5986/wsman answers, with a good certificate'
must 'lets the account in' reports '✓ node +biztalk/BTS02: Basic lets svc-observe in'
for space in MSCluster MicrosoftBizTalkServer cimv2; do
    must "and lets it read root/$space" reports "✓ node +biztalk/BTS01: root/$space may be read"
done
lab deny BTS02
must 'nothing may be read on one node: a fault' doctor 1
must 'the right to use WinRM, and how to grant it' reports \
    '✗ node +biztalk/BTS02: no WMI namespace may be read → usually .*winrm configSDDL default, Read and Execute for svc-observe'
must 'said once' sh -c "[ \$(grep -c '✗ node' '$home/report') = 1 ]"
must 'the other node is well' reports '✓ node +biztalk/BTS01: root/cimv2 may be read'
lab heal BTS02
lab missing-class BTS01 MSBTS_HostInstance
must 'a class is missing: advice' doctor 0
must 'which' reports '! node +biztalk/BTS01: root/MicrosoftBizTalkServer .*"instance"'
lab heal BTS01
lab cut BTS01
must 'a node is cut off' doctor 1
must 'it does not speak TLS' reports '✗ node +biztalk/BTS01: TLS could not be agreed.* → '
must 'the other one was asked all the same' reports '✓ node +biztalk/BTS02: root/cimv2 may be read'
lab heal BTS01
lab wrong-certificate BTS01
must 'a wrong certificate' doctor 1
must 'for which name it should be' reports '✗ node +biztalk/BTS01: its certificate is not for BTS01.* → correct the node'
lab heal BTS01

# ---- a wrong password
cp "$home/winlab/observe.pw" "$home/right.pw"
echo wrong >"$home/winlab/observe.pw"
lab reset-counts
must 'doctor with a wrong password' doctor 1
must 'is refused' reports '✗ node +biztalk/BTS0[12]: Basic refused for svc-observe → correct the password file'
must 'on one node; on the other it was not even tried' reports '! node +biztalk/BTS0[12]: answers; svc-observe was not tried here'
tried=$(refusals)
must "one attempt ($tried)" test "$tried" = 1
lab reset-counts
start_agent
expect 10 'the agent is refused' row probe biztalk/wsfc@BTS01 '.reason == "login-refused" or .reason == "backed-off"'
expect 15 'all eight probes wait' sh -c "'$SOLOWARDEN' status --config '$config' --output json probes |
    jq -e '[.probe[] | select(.reason == \"backed-off\")] | length >= 7'"
sixty_rounds() {
    answer=$(sw status --output json probes) && printf '%s' "$answer" | jq -e '[.probe[] | select(.type == "service") | .runs] | min >= 40'
}
expect 60 'forty rounds of each' sixty_rounds
tried=$(refusals)
must "the password was tried $tried times" test "$tried" -ge 1 -a "$tried" -le 2
must 'status says what to do' sh -c "'$SOLOWARDEN' status --config '$config' | grep -q 'we do not lock the account -> correct the credential'"
cp "$home/right.pw" "$home/winlab/observe.pw"
must 'corrected, and resumed' exits 0 resume agent
expect 15 'seen' owner_is BizTalkFTP BTS01
must 'on both nodes' row probe biztalk/wsfc@BTS02 '.state == "up"'
stop_agent
agent=''
must 'no password in what the agent said' sh -c "! grep -rqs -e observe-pass -e wrong '$home/agent.log' '$home/state' '$home/report'"
echo "$seen expectations were seen"
