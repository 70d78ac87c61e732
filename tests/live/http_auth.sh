#!/bin/bash
# The http channel against a real KDC and a real web server: who gets in as whom, who is refused and why, and that a silent KDC is not felt.
set -eu
# ports of one's own: nothing here is known outside
# shellcheck disable=SC2016 # expanded by the inner shell
[ -n "${INSIDE:-}" ] || INSIDE=1 exec unshare -n -- sh -c 'ip link set lo up && exec "$0"' "$0"
lab=$(cd "$(dirname "$0")/../lab" && pwd)
work=$(mktemp -d /tmp/solowarden-http.XXXXXX)
chmod 755 "$work"
export LAB_DIR=$work
probe=$BUILD/tests/live_httpprobe
waiting=''
clean() {
    [ -z "$waiting" ] || kill "$waiting" 2>/dev/null || true
    "$lab/krb.sh" stop || true
    rm -rf "$work"
}
trap clean EXIT

"$lab/krb.sh" start
eval "$("$lab/krb.sh" env)"
for name in Krb-Pw1 Ntlm-Pw1 Ntlm-Pw2 Basic-Pw1 wrong; do (umask 077 && echo $name >"$work/$name"); done

fail() {
    echo "NOT SEEN: $1"
    cat "$work/said"
    tail -n 15 "$KRB_LAB/log/error.log" "$KRB_LAB/log/access.log" "$KRB_LAB/log/bound" 2>/dev/null
    exit 1
}
# options of one target
kerberos() { # ACCOUNT PORT [option …]
    local account=$1 port=$2
    shift 2
    options=(--host "$KRB_HOST" --ca "$KRB_CA" --port "$port" --auth kerberos --credential "$account" --user "$account@$KRB_REALM"
        --keytab "$KRB_LAB/$account.keytab" --want "user=$account@$KRB_REALM" "$@")
}
password() { # WAY USER PASSWORD PORT [option …]
    local way=$1 user=$2 file=$3 port=$4
    shift 4
    options=(--host "$KRB_HOST" --ca "$KRB_CA" --port "$port" --auth "$way" --credential "$way" --user "$user" --password "$work/$file" "$@")
}
nobody() { # PORT [option …]
    local port=$1
    shift
    options=(--host "$KRB_HOST" --ca "$KRB_CA" --port "$port" "$@")
}
ask() { timeout 100 "$probe" "$@" >"$work/said" 2>&1 || fail 'the probe itself failed'; }
# sees WHAT PATTERN…: all in what the last ask said
sees() {
    local what=$1 pattern
    shift
    for pattern in "$@"; do
        grep -q -- "$pattern" "$work/said" || fail "$what ($pattern)"
    done
    echo "seen: $what"
    grep -o 'longest-turn-ms=.*' "$work/said" || true
}
figure() { sed -n "s/.*$1=\([0-9]*\).*/\1/p" "$work/said" | tail -n 1; }
quick() { # the loop never stood still
    [ "$(figure longest-turn-ms)" -lt 500 ] || fail 'the loop stood still'
}
# a body without a token would have come back as a 401
bodies_guarded() { # PORT…
    local port
    for port in "$@"; do
        grep -q "^$port .*status=200 body=2048 " "$KRB_LAB/log/access.log" || fail "bodies on $port are in the log"
        ! grep "^$port .*status=401 " "$KRB_LAB/log/access.log" | grep -qv 'body=\(-\|0\) ' || fail "a body was posted to $port without a token"
    done
}

# ---- each way in
kerberos svc-observe "$P_KRB" --count 20
ask "${options[@]}"
sees 'Kerberos, a token each time' 'ok=20 of 20 wrong=0' 'unauthorised=1 connections=1 tokens=20'
password kerberos "svc-password@$KRB_REALM" Krb-Pw1 "$P_KRB" --count 3 --want user=svc-password@
ask "${options[@]}"
sees 'Kerberos by a password' 'ok=3 of 3 wrong=0'
password ntlm 'LABNT\svc-observe' Ntlm-Pw1 "$P_NTLM" --count 20 --want 'user=LABNT\svc-observe'
ask "${options[@]}"
sees 'NTLM, one login a connection' 'ok=20 of 20 wrong=0' 'unauthorised=1 connections=1 tokens=0'
password basic svc-observe Basic-Pw1 "$P_BASIC" --count 5 --want user=svc-observe
ask "${options[@]}"
sees 'Basic' 'ok=5 of 5 wrong=0' 'unauthorised=0 connections=1'
bodies_guarded "$P_KRB" "$P_NTLM"

# ---- two identities at once, where the connection is the login
kerberos svc-observe "$P_CONNECTION" --count 50
first=("${options[@]}")
kerberos svc-second "$P_CONNECTION" --count 50
ask "${first[@]}" -- "${options[@]}"
sees 'two identities, each as itself, one token each' 'svc-observe.*ok=50 of 50 wrong=0' 'svc-second.*ok=50 of 50 wrong=0' \
    'connections=2 tokens=2'

# ---- the connection that was the login goes away between two requests
mine() { grep -c "^$P_CONNECTION .*status=200 .*user=svc-observe@" "$KRB_LAB/log/access.log"; }
before=$(mine)
kerberos svc-observe "$P_CONNECTION" --count 40 --interval 50
"$probe" "${options[@]}" >"$work/said" 2>&1 &
waiting=$!
for ((tries = 0; tries < 500; tries++)); do
    [ "$(mine)" -lt $((before + 5)) ] || break
    sleep 0.01
done
kill -USR1 "$("$lab/krb.sh" pid apache)" # closes what idles
wait "$waiting" || fail 'the probe itself failed'
waiting=''
# one may be on its way at that very moment
sees 'a new connection gets a token first' 'ok=\(39\|40\) of 40 wrong=0' 'connections=[23]' 'tokens=[23]'
bodies_guarded "$P_CONNECTION"

# ---- refused, and why
kerberos svc-rotated "$P_KRB"
ask "${options[@]}"
sees 'an outdated keytab' 'ok=0 of 1' 'reason=login-refused' 'why=.*ntegrity check failed'
options+=(--keytab /nonexistent)
ask "${options[@]}"
sees 'no keytab' 'reason=secret-unreadable'
kerberos svc-observe "$P_KRB" --user svc-nobody@"$KRB_REALM"
ask "${options[@]}"
sees 'a keytab of somebody else' 'reason=token-failed' 'why=Keytab contains no'
kerberos svc-observe "$P_OTHER" --host bts02.lab.example
ask "${options[@]}"
sees 'a service that the KDC does not know' 'reason=token-failed' 'not found in Kerberos database'
password ntlm 'LABNT\svc-observe' wrong "$P_NTLM"
ask "${options[@]}"
sees 'a wrong NTLM password' 'reason=login-refused'
password basic svc-observe wrong "$P_BASIC" --count 3
ask "${options[@]}"
sees 'a wrong Basic password, one attempt each' 'ok=0 of 3' 'reason=login-refused' 'unauthorised=3'
password basic svc-observe Basic-Pw1 "$P_PLAIN" --plain
ask "${options[@]}"
sees 'Basic over plain http is not even sent' 'reason=not-sendable' 'requests=0'

# ---- channel bindings
kerberos svc-observe "$P_BOUND" --count 5 --want 'bound'
ask "${options[@]}"
sees 'a server that insists on channel bindings' 'ok=5 of 5 wrong=0'
kerberos svc-observe "$P_RELAY"
ask "${options[@]}"
sees 'somebody in between, with a certificate that we trust' 'ok=0 of 1' 'reason=login-refused'
grep -q 'POST /wsman' "$KRB_LAB/log/bound" || fail 'the relay relays'
KRB5_CLIENT_KTNAME=FILE:$KRB_LAB/svc-observe.keytab KRB5CCNAME=MEMORY: curl -s --cacert "$KRB_CA" --resolve "$KRB_HOST:$P_BOUND:127.0.0.1" \
    --negotiate -u : -d x "https://$KRB_HOST:$P_BOUND/wsman" >"$work/said" || true
sees 'and it refuses a client that binds nothing' 'not channel bound'

# ---- TLS, plain http, replies that are none
nobody "$P_EXPIRED"
ask "${options[@]}"
sees 'an expired certificate' 'reason=tls-expired'
nobody "$P_OTHER"
ask "${options[@]}"
sees 'a certificate of another name' 'reason=tls-name'
nobody "$P_OPEN" --ca /etc/ssl/certs/ca-certificates.crt
ask "${options[@]}"
sees 'an unknown authority' 'reason=tls-untrusted'
nobody "$P_PLAIN"
ask "${options[@]}"
sees 'plain http where TLS is due' 'reason=tls-failed'
kerberos svc-observe "$P_PLAIN" --plain --count 3
ask "${options[@]}"
sees 'plain http where the configuration says so' 'ok=3 of 3 wrong=0'
nobody "$P_OPEN" --path /moved
ask "${options[@]}"
sees 'a redirect is not followed' 'reason=redirected' 'requests=1'
nobody "$P_OPEN" --path /huge --fetch
ask "${options[@]}"
sees 'three megabytes' 'reason=reply-too-large'
nobody "$P_OPEN" --path /huge --fetch --limit 4000000
ask "${options[@]}"
sees 'and when they are wanted' 'reason=ok status=200 bytes=3000000'

# ---- tickets of 15 s, asked over 20 s
kerberos svc-short "$P_KRB" --count 20 --interval 1000
ask "${options[@]}"
sees 'tickets are renewed before they expire' 'ok=20 of 20 wrong=0' 'renewals=[1-9]'

# ---- a KDC that does not answer
kdc=$("$lab/krb.sh" pid kdc)
kerberos svc-observe "$P_KRB" --count 4 --timeout 9000
first=("${options[@]}")
nobody "$P_OPEN" --count 60 --interval 100
kill -STOP "$kdc"
ask "${first[@]}" -- "${options[@]}"
sees 'no ticket in time, and everybody else goes on' 'svc-observe.*ok=0 of 4.*reason=token-slow' 'nobody: ok=60 of 60' 'token-timeouts=4'
quick
kill -CONT "$kdc"

kerberos svc-observe "$P_KRB" --count 2
ask "${options[@]}"
sees 'the KDC is back' 'ok=2 of 2'

# tickets that live need no KDC, also while the attempt to renew them hangs
served() { grep -c "^$P_KRB .*status=200 .*user=svc-short@" "$KRB_LAB/log/access.log"; }
before=$(served)
kerberos svc-short "$P_KRB" --count 22 --interval 500
"$probe" "${options[@]}" >"$work/said" 2>&1 &
waiting=$!
for ((tries = 0; tries < 500; tries++)); do
    [ "$(served)" = "$before" ] || break
    sleep 0.01
done
kill -STOP "$kdc"
wait "$waiting" || fail 'the probe itself failed'
waiting=''
kill -CONT "$kdc"
sees 'tickets that live need no KDC' 'ok=22 of 22 wrong=0' 'token-timeouts=0'
quick
bodies_guarded "$P_KRB" "$P_CONNECTION"
