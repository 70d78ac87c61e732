#!/bin/bash
# A real vsftpd on loopback. usage: vsftpd.sh start|stop|log | file USER NAME [BYTES]
#   LAB_DIR  its folder, one per lab (/tmp/solowarden-lab); every folder above it must be enterable by everybody
#   PORT     control port (2121); passive ports are the 100 from 10000 + PORT
#   TLS      no · yes: AUTH TLS is offered (default) · required · implicit
#   CERTIFICATE  server.pem (default) or expired.pem
#   PROTOCOL yes: commands and replies are logged as well (no)
# Users shop/shop-pass, other/other-pass, canary/canary-pass; each has a folder in/, written with `file`.
# Logs: LAB_DIR/vsftpd/vsftpd.log and xferlog. The users exist only inside the server's own mount namespace, hence root.
set -eu
lab=${LAB_DIR:-/tmp/solowarden-lab}
port=${PORT:-2121}
here=$(cd "$(dirname "$0")" && pwd)
base=$lab/vsftpd
users='shop other canary'

say() { echo "vsftpd.sh: $*" >&2; }
need_root() {
    [ "$(id -u)" = 0 ] || { say 'must run as root (mount namespace, user accounts of its own)'; exit 77; }
    [ -x /usr/sbin/vsftpd ] || { say 'vsftpd is not installed'; exit 69; }
}
running() { # the pid file may be older than the process that has its number now
    pid=$(cat "$base/pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = vsftpd ]
}
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

accounts() {
    mkdir -p "$base/etc/pam.d" "$base/empty"
    local user id=65534
    cp /etc/passwd /etc/group /etc/shadow "$base/etc/"
    for user in $users; do
        sed -i "/^$user:/d" "$base/etc/passwd" "$base/etc/shadow"
        echo "$user:x:$id:$id::$base/data/$user:/bin/sh" >>"$base/etc/passwd"
        echo "$user:$(openssl passwd -6 -salt labsalt "$user-pass"):19000:0:99999:7:::" >>"$base/etc/shadow"
        mkdir -p "$base/data/$user/in"
    done
    chown -R nobody "$base/data"
    printf '%s required pam_unix.so nodelay\n' auth account >"$base/etc/pam.d/vsftpd"
    echo 'session required pam_permit.so' >>"$base/etc/pam.d/vsftpd"
    printf '%s required pam_deny.so\n' auth account session >"$base/etc/pam.d/other"
    chmod 640 "$base/etc/shadow"
}

configuration() {
    local tls=${TLS:-yes} offered=YES required=NO implicit=NO
    case $tls in
    no) offered=NO ;;
    yes) ;;
    required) required=YES ;;
    implicit) required=YES implicit=YES ;;
    *) say "TLS=$tls is none of no, yes, required, implicit"; exit 64 ;;
    esac
    cat <<END
listen=YES
listen_address=127.0.0.1
listen_port=$port
background=NO
local_enable=YES
anonymous_enable=NO
write_enable=YES
check_shell=NO
pam_service_name=vsftpd
chroot_local_user=YES
allow_writeable_chroot=YES
secure_chroot_dir=$base/empty
nopriv_user=nobody
use_localtime=YES
xferlog_enable=YES
dual_log_enable=YES
xferlog_file=$base/xferlog
vsftpd_log_file=$base/vsftpd.log
log_ftp_protocol=$([ "${PROTOCOL:-no}" = yes ] && echo YES || echo NO)
delay_failed_login=0
pasv_min_port=$((10000 + port))
pasv_max_port=$((10099 + port))
ssl_enable=$offered
implicit_ssl=$implicit
force_local_logins_ssl=$required
force_local_data_ssl=$required
require_ssl_reuse=YES
ssl_tlsv1=YES
rsa_cert_file=$lab/tls/${CERTIFICATE:-server.pem}
rsa_private_key_file=$lab/tls/server.key
ssl_ciphers=HIGH
max_per_ip=50
isolate_network=NO
seccomp_sandbox=NO
END
}

start() {
    need_root
    mkdir -p "$base"
    chmod 755 "$lab" "$base"
    "$here/ca.sh"
    if running; then
        configuration | cmp -s - "$base/vsftpd.conf" && { echo "vsftpd already on 127.0.0.1:$port"; return; }
        stop
    fi
    if answers; then
        say "port $port is taken by another program"
        exit 69
    fi
    accounts
    configuration >"$base/vsftpd.conf"
    chmod 600 "$base/vsftpd.conf"
    touch "$base/vsftpd.log" "$base/xferlog"
    # shellcheck disable=SC2016 # expanded by the inner shell
    setsid unshare -m --propagation private sh -c '
        for file in passwd shadow group pam.d; do mount --bind "$1/etc/$file" "/etc/$file" || exit 1; done
        exec /usr/sbin/vsftpd "$1/vsftpd.conf"' sh "$base" </dev/null >"$base/out" 2>&1 &
    echo $! >"$base/pid"
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if running && answers; then
            echo "vsftpd on 127.0.0.1:$port log=$base/vsftpd.log xferlog=$base/xferlog data=$base/data"
            return
        fi
        [ -d "/proc/$(cat "$base/pid")" ] || break
        sleep 0.02
    done
    say "did not start: $(cat "$base/out")"
    exit 69
}

stop() {
    if running; then
        local pid tries
        pid=$(cat "$base/pid")
        # the listener and every session that it still has: all are in the listener's own kernel session
        pkill -TERM -s "$pid" || true
        for ((tries = 0; tries < 100; tries++)); do
            pgrep -s "$pid" >/dev/null || break
            sleep 0.02
        done
        pkill -KILL -s "$pid" || true
    fi
    rm -f "$base/pid"
}

file() { # whole at once: no reader sees a half-written one
    local folder=$base/data/$1/in
    head -c "${3:-1000}" /dev/zero | tr '\0' x >"$base/data/.new.$$"
    chown nobody "$base/data/.new.$$"
    mv "$base/data/.new.$$" "$folder/$2"
}

case ${1:-} in
start) start ;;
stop) need_root; stop ;;
log) cat "$base/vsftpd.log" ;;
file) shift; need_root; file "$@" ;;
*) say 'usage: vsftpd.sh start|stop|log | file USER NAME [BYTES]'; exit 64 ;;
esac
