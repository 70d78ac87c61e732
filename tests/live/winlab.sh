#!/bin/sh
# winlab judged by somebody else's WS-Management client (python3-winrm): rows, pages, methods, faults; and what its faults look like
# from outside.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=${LAB_DIR:?}
: "${BUILD:?}"
if [ "${WINLAB_NETWORK:-}" != own ]; then # ports of its own
    WINLAB_NETWORK=own exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$0"
fi
# shellcheck source=tests/lab/agent.sh
. "$here/../lab/agent.sh"
fail() {
    echo "NOT SEEN: $1"
    cat "$lab/answer" 2>/dev/null
    winlab log
    winlab control status
    exit 1
}
winlab() { "$here/../lab/winlab.sh" "$@"; }
trap 'winlab stop' EXIT

cat >"$lab/scenario.yaml" <<'END'
version: 1
clusters:
  lab:
    timing: {online: 400ms, offline: 400ms, is_alive: 1s, heartbeat: 1s, join: 400ms}
    nodes:
      BTS01: {address: 127.0.70.1}
      BTS02: {address: 127.0.70.2}
    groups:
      BizTalkFTP:
        resources:
          FtpAddress: {kind: ip-address, value: 127.0.70.20}
          FtpName: {kind: network-name, value: BTFTP, depends: [FtpAddress]}
          FtpHost: {kind: host, host: FtpReceive, depends: [FtpName]}
    hosts:
      FtpReceive: {}
      Other: {}
    locations:
      orders: {adapter: FTP, host: FtpReceive, url: "ftp://127.0.0.1:21/in/*.xml"}
END

role=act node=1
client() {
    /usr/bin/python3 "$here/../lab/winlab_client.py" --url "https://127.0.70.$node:5986/wsman" --ca "$lab/winlab/ca.pem" \
        --user "svc-$role" --password-file "$lab/winlab/$role.pw" "$@" >"$lab/answer" 2>"$lab/client.err"
}
cluster() { client query root/MSCluster "$1"; }
biztalk() { client query root/MicrosoftBizTalkServer "$1"; }
is() { jq -e "$1" "$lab/answer"; }
refused() { # CODE COMMAND…: the client gets this fault
    code=$1
    shift
    if "$@"; then return 1; fi
    is ".fault == \"$code\""
}
unreachable() { # TEXT COMMAND…: no WS-Management answer at all, for this reason
    text=$1
    shift
    if "$@"; then return 1; fi
    grep -q -- "$text" "$lab/client.err"
}
group_is() { # NODE: where the group is online, as the asked node says
    cluster 'SELECT Name, OwnerNode, State FROM MSCluster_ResourceGroup' &&
        is ".rows[] | select(.Name == \"BizTalkFTP\" and .OwnerNode == \"$1\" and .State == \"0\")"
}
move_to() {
    client invoke root/MSCluster MSCluster_ResourceGroup MoveToNewNode Name=BizTalkFTP -- NodeName="$1" TimeOut=10
}
counted() { winlab control counts | grep -Fq -- "$1"; }

winlab start "$lab/scenario.yaml"
must 'it says what it is' grep -q SIMULATION "$lab/winlab/out"

must 'two nodes are read' cluster 'SELECT * FROM MSCluster_Node'
must 'both are up' is '.rows | map([.Name, .State]) == [["BTS01", "0"], ["BTS02", "0"]]'
must 'host instances are read, on both nodes, from one' biztalk 'SELECT * FROM MSBTS_HostInstance'
must 'the clustered one runs on one node only' \
    is '[.rows[] | select(.HostName == "FtpReceive" and .ServiceState == "4") | .RunningServer] == ["BTS01"]'
must 'a projection has what was asked for and nothing else' biztalk "SELECT HostName FROM MSBTS_HostInstance WHERE RunningServer = 'BTS02'"
must 'which are two hosts' is '.rows == [{"HostName": "FtpReceive"}, {"HostName": "Other"}]'
must 'pages of one' client --page 1 query root/MSCluster 'SELECT * FROM MSCluster_Resource'
must 'are as many as there are items' is '.pages >= 3 and (.rows | length) == .pages'
must 'an instance by its keys' client get root/MSCluster MSCluster_ResourceGroup Name=BizTalkFTP
must 'is that instance' is '.Name == "BizTalkFTP" and .OwnerNode == "BTS01"'
must 'possible owners by a method' client invoke root/MSCluster MSCluster_Resource GetPossibleOwners Name=FtpHost
must 'are both nodes' is '.NodeNames == ["BTS01", "BTS02"]'

must 'no such class' refused 2150858778 cluster 'SELECT * FROM MSCluster_Gone'
must 'no such property' refused 2150858778 cluster 'SELECT Gone FROM MSCluster_Node'
must 'no query' refused 2150858778 cluster 'SELEKT * FROM MSCluster_Node'
must 'no such instance' refused 2150858813 client get root/MSCluster MSCluster_ResourceGroup Name=Gone
must 'no such method' refused 2150858771 client invoke root/MSCluster MSCluster_ResourceGroup Explode Name=BizTalkFTP

role=observe
must 'who may only look reads' group_is BTS01
must 'and is not allowed to move' refused 5 move_to BTS02
must 'the attempt is counted' counted '"Invoke/MoveToNewNode":1'
role=none
must 'who may nothing reads nothing' refused 5 group_is BTS01
role=act
echo wrong >"$lab/winlab/act.pw.wrong"
cp "$lab/winlab/act.pw" "$lab/winlab/act.pw.right"
cp "$lab/winlab/act.pw.wrong" "$lab/winlab/act.pw"
must_not 'a wrong password' group_is BTS01
must 'is refused' is '.refused'
cp "$lab/winlab/act.pw.right" "$lab/winlab/act.pw"

must 'before the move it is on the first node' group_is BTS01
must 'a move is accepted' move_to BTS02
must 'and says nothing of how it went' is '. == {}'
must 'the method had waited until it was done: the group is on the other node' group_is BTS02
node=2
must 'which says so itself' group_is BTS02
runs_on() {
    biztalk "SELECT RunningServer FROM MSBTS_HostInstance WHERE HostName = 'FtpReceive' AND ServiceState = 4" &&
        is ".rows == [{\"RunningServer\": \"$1\"}]"
}
expect 10 'and the host instance runs there and nowhere else' runs_on BTS02
open_contexts() { winlab control counts | jq -e "[.[] | .\"open-contexts\"] | add == $1"; }
must 'pulled enumerations are gone' open_contexts 0
must 'one page is read, and no more' client --page 1 leave root/MSCluster 'SELECT * FROM MSCluster_Resource'
must 'that enumeration stays open' open_contexts 1

metrics() { curl -sf -m 5 "http://127.0.70.$node:9182/metrics" >"$lab/metrics"; }
must 'windows_exporter answers' metrics
must 'and says the same' grep -Eq 'windows_mscluster_resourcegroup_owner_node\{.*BTS02.*BizTalkFTP.*\} 1' "$lab/metrics"

winlab control missing-class BTS02 MSCluster_Resource
must 'a class can be missing' refused 2150858778 cluster 'SELECT * FROM MSCluster_Resource'
must 'and only that' cluster 'SELECT * FROM MSCluster_Node'
winlab control quota BTS02
must 'the quota can be reached' refused 2150859174 cluster 'SELECT * FROM MSCluster_Node'
winlab control heal BTS02
winlab control deny BTS02
must 'access can be denied' refused 5 cluster 'SELECT * FROM MSCluster_Node'
winlab control heal BTS02
winlab control wrong-certificate BTS02
must 'the certificate can be wrong' unreachable "doesn't match" cluster 'SELECT * FROM MSCluster_Node'
winlab control heal BTS02
must 'and right again' cluster 'SELECT * FROM MSCluster_Node'
silent() {
    code=0
    curl -s -m 1 --cacert "$lab/winlab/ca.pem" "https://127.0.70.$node:5986/wsman" || code=$?
    [ $code = 28 ]
}
winlab control cut BTS02
must 'cut off: connected, and never answered' silent
must 'while its exporter is heard' metrics
node=1
must 'and the other node knows better' group_is BTS02
node=2
winlab control heal BTS02
must 'healed' cluster 'SELECT * FROM MSCluster_Node'
winlab control node-down BTS02
must 'a node that is down refuses' unreachable 'Connection refused' cluster 'SELECT * FROM MSCluster_Node'
must_not 'its exporter too' metrics
node=1
expect 15 'and its group comes back' group_is BTS01
winlab control node-up BTS02
node=2
expect 10 'the node is back' cluster 'SELECT * FROM MSCluster_Node'
echo "$seen things seen"
