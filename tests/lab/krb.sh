#!/bin/bash
# A real KDC and real Kerberos, NTLM and Basic logins over HTTPS (Apache) on loopback. usage: krb.sh start | stop | env | pid NAME
#   LAB_DIR   its folder, one per lab (/tmp/solowarden-lab); every folder above it must be enterable by everybody
#   PORT      the KDC's (25980); the others follow it, see `env`
#   BACKEND   http://127.0.0.1:PORT of what stands behind /wsman (an echo of its own)
# Principals of LAB.EXAMPLE with keytabs beside them: svc-observe, svc-second, svc-short (tickets of 15 s), svc-rotated (its keytab is
# outdated); svc-password Krb-Pw1. NTLM: LABNT\svc-observe Ntlm-Pw1, LABNT\svc-second Ntlm-Pw2. Basic: svc-observe Basic-Pw1.
# Runs as nobody when started by root. Debian: apache2 libapache2-mod-auth-gssapi krb5-kdc krb5-admin-server gss-ntlmssp python3-gssapi.
set -eu
lab=${LAB_DIR:-/tmp/solowarden-lab}
port=${PORT:-25980}
here=$(cd "$(dirname "$0")/krb" && pwd)
base=$lab/krb
host=bts01.lab.example
realm=LAB.EXAMPLE
backend=${BACKEND:-http://127.0.0.1:$((port + 1))}
nobody=65534
# offsets from PORT
echo_at=1 krb_at=2 ntlm_at=3 basic_at=4 connection_at=5 bound_at=6 relay_at=7 plain_at=8 expired_at=9 other_at=10 open_at=11

say() { echo "krb.sh: $*" >&2; }
as_nobody=()
[ "$(id -u)" != 0 ] || as_nobody=(setpriv "--reuid=$nobody" "--regid=$nobody" --clear-groups --no-new-privs --)
tool() { # PACKAGE PROGRAM
    dpkg -L "$1" 2>/dev/null | grep -m1 "bin/$2\$" || {
        say "package $1 is missing"
        exit 69
    }
}
environment() {
    cat <<END2
export KRB5_CONFIG=$base/krb5.conf KRB_LAB=$base KRB_HOST=$host KRB_REALM=$realm KRB_CA=$base/tls/ca.pem
export P_KDC=$port P_KRB=$((port + krb_at)) P_NTLM=$((port + ntlm_at)) P_BASIC=$((port + basic_at))
export P_CONNECTION=$((port + connection_at)) P_BOUND=$((port + bound_at)) P_RELAY=$((port + relay_at)) P_PLAIN=$((port + plain_at))
export P_EXPIRED=$((port + expired_at)) P_OTHER=$((port + other_at)) P_OPEN=$((port + open_at))
END2
}

# ---- processes ----

begun() { awk '$3 != "Z" { print $22 }' "/proc/$1/stat" 2>/dev/null; }
running() { # the pid file may be older than the process that has its number now
    local pid start
    read -r pid start 2>/dev/null <"$base/run/$1" && [ -n "$start" ] && [ "$(begun "$pid")" = "$start" ]
}
launch() { # NAME COMMAND…
    local name=$1
    shift
    "${as_nobody[@]}" setsid "$@" </dev/null >"$base/log/$name" 2>&1 &
    echo "$! $(begun $!)" >"$base/run/$name"
}
end() { # NAME
    local pid tries
    if running "$1"; then
        read -r pid _ <"$base/run/$1"
        kill -CONT "$pid"
        kill -TERM "$pid" 2>/dev/null || true
        for ((tries = 0; tries < 100; tries++)); do
            running "$1" || break
            sleep 0.05
        done
        running "$1" && kill -KILL "$pid"
    fi
    rm -f "$base/run/$1"
}
await() { # NAME OFFSET
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$((port + $2))") 2>/dev/null && return
        running "$1" || break
        sleep 0.03
    done
    say "$1 did not open port $((port + $2)): $(tail -n 5 "$base/log/$1")"
    exit 69
}

# ---- files ----

kerberos_files() {
    cat >"$base/krb5.conf" <<END2
[libdefaults]
 default_realm = $realm
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 $realm = {
  kdc = 127.0.0.1:$port
 }
[domain_realm]
 .lab.example = $realm
END2
    cat >"$base/kdc/kdc.conf" <<END2
[kdcdefaults]
 kdc_listen = 127.0.0.1:$port
 kdc_tcp_listen = 127.0.0.1:$port
[realms]
 $realm = {
  database_name = $base/kdc/principal
  key_stash_file = $base/kdc/stash
  acl_file = $base/kdc/acl
  max_life = 10h
  supported_enctypes = aes256-cts:normal
 }
[logging]
 kdc = FILE:$base/log/kdc.log
END2
    : >"$base/kdc/acl"
}
certificate() { # FILE NAME DAYS
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$base/tls/$1.key" -out "$base/tls/$1.csr" 2>/dev/null
    printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$2" >"$base/tls/extensions"
    openssl x509 -req -sha256 -days "$3" -in "$base/tls/$1.csr" -CA "$base/tls/ca.pem" -CAkey "$base/tls/ca.key" -CAcreateserial \
        -extfile "$base/tls/extensions" -out "$base/tls/$1.pem" 2>/dev/null
}
certificates() {
    [ ! -s "$base/tls/expired.pem" ] || return 0
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=Lab Kerberos CA' -keyout "$base/tls/ca.key" -out "$base/tls/ca.pem" 2>/dev/null
    certificate server $host 30
    certificate relay $host 30
    certificate other bts02.lab.example 30
    certificate expired $host -1
}
accounts() {
    printf 'LABNT:svc-observe:Ntlm-Pw1\nLABNT:svc-second:Ntlm-Pw2\n' >"$base/ntlm.users"
    printf 'svc-observe:%s\n' "$(openssl passwd -6 Basic-Pw1)" >"$base/htpasswd"
    head -c 3000000 /dev/zero | tr '\0' x >"$base/www/huge"
}
database() {
    [ ! -s "$base/kdc/principal" ] || return 0
    "${as_nobody[@]}" "$(tool krb5-kdc kdb5_util)" -r $realm create -s -P lab-master -W >"$base/log/kdb5" 2>&1 ||
        "${as_nobody[@]}" "$(tool krb5-kdc kdb5_util)" -r $realm create -s -P lab-master >"$base/log/kdb5" 2>&1
    TERM=dumb "${as_nobody[@]}" "$(tool krb5-admin-server kadmin.local)" -r $realm >"$base/log/kadmin" 2>&1 <<END2
addprinc -randkey HTTP/$host
addprinc -randkey svc-observe
addprinc -randkey svc-second
addprinc -randkey -maxlife 15sec svc-short
addprinc -pw Krb-Pw1 svc-password
addprinc -randkey svc-rotated
ktadd -k $base/http.keytab HTTP/$host
ktadd -k $base/svc-observe.keytab svc-observe
ktadd -k $base/svc-second.keytab svc-second
ktadd -k $base/svc-short.keytab svc-short
ktadd -k $base/svc-rotated.keytab svc-rotated
cpw -randkey svc-rotated
END2
    [ -s "$base/svc-rotated.keytab" ] || {
        say "no keytabs: $(tail -n 3 "$base/log/kadmin")"
        exit 69
    }
}

# ---- apache ----

vhost() { # OFFSET CERTIFICATE (- = plain http) LINES…: what is said about the whole of it
    local at=$((port + $1)) tls="SSLEngine on
SSLCertificateFile $base/tls/$2.pem
SSLCertificateKeyFile $base/tls/$2.key"
    [ "$2" != - ] || tls=
    printf 'Listen 127.0.0.1:%s\n<VirtualHost 127.0.0.1:%s>\nServerName %s:%s\n%s\n%s\n</VirtualHost>\n' "$at" "$at" $host "$at" "$tls" "$3"
}
guarded() { # LINES…: the backend for those who log in that way
    cat <<END2
ProxyPass /wsman $backend/wsman keepalive=On
<Location /wsman>
Require valid-user
RequestHeader unset Authorization
RequestHeader set X-Remote-User "expr=%{REMOTE_USER}"
AuthName WSMAN
$1
</Location>
END2
}
apache_configuration() {
    local modules module gssapi="AuthType GSSAPI
GssapiCredStore keytab:$base/http.keytab"
    modules=$(dpkg -L apache2-bin 2>/dev/null | grep -m1 '/modules$')
    [ -e "$modules/mod_auth_gssapi.so" ] || {
        say 'packages apache2, libapache2-mod-auth-gssapi are missing'
        exit 69
    }
    cat <<END2
ServerRoot $base
PidFile $base/run/httpd.inner
DefaultRuntimeDir $base/run
ServerName $host
ErrorLog $base/log/error.log
LogLevel warn auth_gssapi:info
END2
    for module in mpm_event authn_core authn_file authz_core authz_user auth_basic auth_gssapi ssl proxy proxy_http headers alias lua \
        log_config logio socache_shmcb; do
        [ ! -e "$modules/mod_$module.so" ] || echo "LoadModule ${module}_module $modules/mod_$module.so"
    done
    cat <<END2
LogFormat "%p client=%{remote}p k=%k status=%>s body=%{Content-Length}i user=%u" lab
CustomLog $base/log/access.log lab
StartServers 1
ThreadsPerChild 32
MaxRequestWorkers 64
ServerLimit 2
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
Mutex pthread
SSLSessionCache none
SSLProtocol -all +TLSv1.2 +TLSv1.3
LuaHookTranslateName $base/programs/ntlm_version.lua add_version early
END2
    vhost $krb_at server "$(guarded "$gssapi
GssapiAllowedMech krb5")"
    vhost $ntlm_at server "$(guarded 'AuthType GSSAPI
GssapiAllowedMech ntlmssp
GssapiConnectionBound On')"
    vhost $basic_at server "$(guarded "AuthType Basic
AuthBasicProvider file
AuthUserFile $base/htpasswd")"
    vhost $connection_at server "$(guarded "$gssapi
GssapiAllowedMech krb5
GssapiConnectionBound On
GssapiSignalPersistentAuth On")"
    # somebody in between with a certificate that the client trusts: what channel bindings are for
    vhost $relay_at relay "SSLProxyEngine on
SSLProxyVerify none
SSLProxyCheckPeerName off
ProxyPass /wsman https://127.0.0.1:$((port + bound_at))/wsman"
    vhost $plain_at - "$(guarded "$gssapi
GssapiAllowedMech krb5")"
    vhost $expired_at expired "ProxyPass /wsman $backend/wsman"
    vhost $other_at other "ProxyPass /wsman $backend/wsman"
    vhost $open_at server "ProxyPass /wsman $backend/wsman
Redirect 302 /moved https://$host:$((port + krb_at))/wsman
Alias /huge $base/www/huge"
}

# ---- verbs ----

export KRB5_CONFIG="$base/krb5.conf" KRB5_KDC_PROFILE="$base/kdc/kdc.conf" KRB5RCACHENAME="file2:$base/run/rcache"
export KRB5_KTNAME="FILE:$base/http.keytab" NTLM_USER_FILE="$base/ntlm.users"

start() {
    running kdc && running apache && running bound && return
    stop
    umask 022
    mkdir -p "$base/kdc" "$base/log" "$base/run" "$base/tls" "$base/www" "$base/programs"
    cp "$here"/*.lua "$here"/*.py "$base/programs/"
    chmod 755 "$lab" "$base"
    certificates
    accounts
    kerberos_files
    apache_configuration >"$base/apache.conf"
    [ "$(id -u)" != 0 ] || chown -R $nobody:$nobody "$base"
    database
    chmod 600 "$base"/*.keytab "$base/ntlm.users" "$base"/tls/*.key
    launch kdc "$(tool krb5-kdc krb5kdc)" -n -r $realm
    [ -n "${BACKEND:-}" ] || launch echo python3 "$base/programs/echo.py" $((port + echo_at))
    launch bound python3 "$base/programs/bound.py" "$base/tls/server.pem" "$base/tls/server.key" $((port + bound_at))
    launch apache "$(tool apache2-bin apache2)" -DFOREGROUND -f "$base/apache.conf"
    await kdc 0
    [ -n "${BACKEND:-}" ] || await echo $echo_at
    await bound $bound_at
    await apache $open_at
    echo "KDC on 127.0.0.1:$port, servers behind it: $0 env"
}
stop() {
    for name in apache bound echo kdc; do end $name; done
}

case ${1:-} in
start) start ;;
stop) stop ;;
env) environment ;;
pid) running "${2:-}" && cut -d' ' -f1 "$base/run/$2" ;;
*)
    say 'usage: krb.sh start|stop|env | pid NAME'
    exit 64
    ;;
esac
