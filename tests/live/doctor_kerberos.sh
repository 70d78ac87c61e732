#!/bin/bash
# `solowarden doctor` and Kerberos: keytab, principal, ticket and what each fault is called. A real KDC and Apache stand in front of winlab.
set -eu
# ports of one's own: nothing here is known outside
# shellcheck disable=SC2016 # expanded by the inner shell
[ -n "${INSIDE:-}" ] || INSIDE=1 exec unshare -n -- sh -c 'ip link set lo up && exec "$0"' "$0"
lab=$(cd "$(dirname "$0")/../lab" && pwd)
work=$(mktemp -d /tmp/solowarden-doctor.XXXXXX)
chmod 755 "$work"
export LAB_DIR=$work
report=$work/report
clean() {
    "$lab/krb.sh" stop || true
    "$lab/winlab.sh" stop || true
    rm -rf "$work"
}
trap clean EXIT

cat >"$work/scenario.yaml" <<'END'
version: 1
clusters:
  lab:
    nodes: {BTS01: {address: 127.0.0.1}}
    groups:
      BizTalkFTP:
        resources: {FTP-host: {kind: host, host: FtpReceive}}
    hosts: {FtpReceive: {}}
    locations: {Orders: {adapter: FTP, host: FtpReceive, url: "ftp://ftp.partner.example:21/in/*.xml"}}
END
echo 'svc-observe@LAB.EXAMPLE::observe' >"$work/roles"
PLAIN=yes AUTH=trusted-header:$work/roles EXPORTER_PORT=0 "$lab/winlab.sh" start "$work/scenario.yaml"
BACKEND=http://127.0.0.1:5986 "$lab/krb.sh" start
eval "$("$lab/krb.sh" env)"
install -m 700 -d "$work/state"

fail() {
    echo "NOT SEEN: $1"
    cat "$report"
    exit 1
}
# examine STATUS KEYTAB USER PORT [HOST]
examine() {
    cat >"$work/solowarden.yaml" <<END
version: 1
agent: {name: patient, state_dir: $work/state}
credentials: {observe: {user: $3, keytab_file: "$2"}}
clusters:
  biztalk:
    type: wsfc
    observe: observe
    winrm: {port: $4, ca_file: $KRB_CA}
    nodes: {BTS01: {name: ${5:-$KRB_HOST}, addresses: [127.0.0.1]}}
    groups: {BizTalkFTP: {mode: advise}}
END
    status=0
    timeout 60 "$SOLOWARDEN" doctor --config "$work/solowarden.yaml" >"$report" 2>&1 || status=$?
    [ $status = "$1" ] || fail "exit status $1, not $status"
}
says() {
    grep -Eq -- "$1" "$report" || fail "$1"
    echo "seen: $1"
}
keytab=$KRB_LAB/svc-observe.keytab user=svc-observe@$KRB_REALM

examine 0 "$keytab" "$user" "$P_KRB"
says '✓ keytab +observe: .* has a key of svc-observe@LAB.EXAMPLE'
says '✓ node +biztalk/BTS01: https://bts01.lab.example:[0-9]+/wsman answers, with a good certificate'
says '✓ node +biztalk/BTS01: Kerberos lets svc-observe@LAB.EXAMPLE in'
says '✓ node +biztalk/BTS01: root/MicrosoftBizTalkServer may be read'

examine 1 "$keytab" "svc-nobody@$KRB_REALM" "$P_KRB"
says '✗ keytab +observe: .* it has no key of svc-nobody@LAB.EXAMPLE, but of svc-observe@LAB.EXAMPLE → correct .user.'
says '✗ node +biztalk/BTS01: no Kerberos ticket'

install -m 644 "$keytab" "$work/open.keytab"
examine 1 "$work/open.keytab" "$user" "$P_KRB"
says 'everybody may read or write this secret file; chmod o= .*open.keytab'

examine 1 "$KRB_LAB/svc-rotated.keytab" "svc-rotated@$KRB_REALM" "$P_KRB"
says '✓ keytab +observe: .* has a key of svc-rotated'
says '✗ node +biztalk/BTS01: Kerberos refused for svc-rotated@LAB.EXAMPLE: .*ntegrity check failed → make the keytab anew'

examine 1 "$keytab" "$user" "$P_OTHER" bts02.lab.example
says '✗ node +biztalk/BTS01: no Kerberos ticket: .*not found in Kerberos database → check keytab'

examine 1 "$KRB_LAB/svc-second.keytab" "svc-second@$KRB_REALM" "$P_KRB"
says '✓ node +biztalk/BTS01: Kerberos lets svc-second@LAB.EXAMPLE in'
says '✗ node +biztalk/BTS01: no WMI namespace may be read → usually .*winrm configSDDL'

kdc=$("$lab/krb.sh" pid kdc)
kill -STOP "$kdc"
examine 1 "$keytab" "$user" "$P_KRB"
kill -CONT "$kdc"
says '✗ node +biztalk/BTS01: no Kerberos ticket in time.* → does the KDC answer'
