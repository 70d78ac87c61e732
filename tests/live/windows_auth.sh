#!/bin/sh
# The agent reads a simulated cluster through a real KDC and a real Apache: by Kerberos, by NTLM and by Basic, each over HTTPS; and what it
# says where the keytab is outdated, the KDC is silent, or the account may do nothing.
set -eu
# ports of one's own: nothing here is known outside
# shellcheck disable=SC2016 # expanded by the inner shell
[ -n "${INSIDE:-}" ] || INSIDE=1 exec unshare -n -- sh -c 'ip link set lo up && exec "$0"' "$0"
lab=$(cd "$(dirname "$0")/../lab" && pwd)
# shellcheck source=tests/lab/agent.sh
. "$lab/agent.sh"
work=$(mktemp -d /tmp/solowarden-auth.XXXXXX) # Apache runs as nobody and must be able to enter it
chmod 755 "$work"
config=$work/solowarden.yaml

clean() {
    stop_agent || true
    LAB_DIR=$work "$lab/krb.sh" stop || true
    LAB_DIR=$work "$lab/winlab.sh" stop || true
    rm -rf "$work"
}
trap clean EXIT

# winlab believes what the proxy says, and only the account that may look, looks
printf '%s::observe\n%s::observe\n%s::observe\n' 'svc-observe@LAB.EXAMPLE' 'LABNT\svc-observe' svc-observe >"$work/users"
LAB_DIR=$work PLAIN=yes PORT=5985 EXPORTER_PORT=0 AUTH=trusted-header:$work/users "$lab/winlab.sh" start "$lab/winlab/scenarios/demo.yaml"
LAB_DIR=$work BACKEND=http://127.0.0.21:5985 "$lab/krb.sh" start
eval "$(LAB_DIR=$work "$lab/krb.sh" env)"
export KRB5_CONFIG

(
    umask 077
    mkdir "$work/secrets" "$work/state"
    cp "$KRB_LAB/svc-observe.keytab" "$KRB_LAB/svc-rotated.keytab" "$work/secrets/"
    echo Ntlm-Pw1 >"$work/secrets/ntlm"
    echo Basic-Pw1 >"$work/secrets/basic"
)

# configured PORT CREDENTIAL: one node behind the proxy
configured() {
    cat >"$config" <<END
version: 1
agent: {name: auth, state_dir: $work/state}
credentials: {who: $2}
clusters:
  biztalk:
    type: wsfc
    observe: who
    winrm: {port: $1, ca_file: $KRB_CA}
    nodes: {BTS01: {name: $KRB_HOST, addresses: [127.0.0.1]}}
    groups: {BizTalkFTP: {}}
    wsfc: {every: 2s, timeout: 1500ms}
    biztalk: {every: 2s, timeout: 1500ms}
    service: {every: 2s, timeout: 1500ms}
    msmq: {every: 2s, timeout: 1500ms}
END
}
probes_are() { row probe "biztalk/$1@BTS01" "$2"; }
reads_everything() {
    probes_are wsfc '.state == "up"' && probes_are biztalk '.state == "up"' && probes_are service '.state == "up"' && row group biztalk/BizTalkFTP true &&
        row instance biztalk/FtpReceive '.node == "BTS01" and .state == "running"' && row cluster biztalk '.observers == 1'
}
started() {
    rm -rf "$work/state"
    mkdir "$work/state"
    start_agent
}

for way in kerberos ntlm basic; do
    case $way in
    kerberos) configured "$P_CONNECTION" "{user: svc-observe@$KRB_REALM, keytab_file: $work/secrets/svc-observe.keytab}" ;;
    ntlm) configured "$P_NTLM" "{user: 'LABNT\\svc-observe', password_file: $work/secrets/ntlm}" ;;
    basic) configured "$P_BASIC" "{user: svc-observe, password_file: $work/secrets/basic, auth: basic}" ;;
    esac
    started
    expect 15 "$way: nodes, hosts and services are read" reads_everything
    stop_agent
done

configured "$P_KRB" "{user: svc-rotated@$KRB_REALM, keytab_file: $work/secrets/svc-rotated.keytab}"
started
expect 15 'an outdated keytab: no ticket, and the reason says so' probes_are wsfc '.state != "up" and (.reason == "token-failed" or .reason == "login-refused" or .reason == "backed-off")'
must_not 'and nothing is called down: the group is unknown' row group biztalk/BizTalkFTP '.owner != ""'
stop_agent

configured "$P_KRB" "{user: svc-observe@$KRB_REALM, keytab_file: $work/secrets/svc-observe.keytab}"
kill -STOP "$(LAB_DIR=$work "$lab/krb.sh" pid kdc)"
started
expect 20 'a silent KDC: token-slow' probes_are wsfc '.reason == "token-slow"'
loop_is_smooth() { [ "$(sw status --output json agent | jq '[.. | .loopLagMaxMs? // empty] | max')" -lt 500 ]; }
must 'and the loop never stood still' loop_is_smooth
sw status --output json agent | jq '[.. | .loopLagMaxMs? // empty] | max' | sed 's/^/longest lag of the loop in ms: /'
kill -CONT "$(LAB_DIR=$work "$lab/krb.sh" pid kdc)"
expect 60 'the KDC answers again: everything is read' reads_everything
echo "$seen seen"
