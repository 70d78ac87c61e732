#!/bin/bash
# A real Dovecot POP3 server on loopback. usage: dovecot.sh start|stop|log | mail USER [COUNT]
#   LAB_DIR   its folder, one per lab (/tmp/solowarden-lab); every folder above it must be enterable by everybody
#   PORT      POP3, offers STLS (1110)      TLS_PORT  POP3 over TLS (PORT + 885: 1995)
#   LOCK      yes: one session a mailbox, a second login waits 10 s and is refused [IN-USE] (no)
#   PLAIN     no: a password only inside TLS (yes)
#   MAXIP     sessions one user may have from one address (10)
#   CERTIFICATE  server.pem (default) or expired.pem
# Users shop/shop-pass, other/other-pass, canary/canary-pass. `mail` puts COUNT (1) messages into a mailbox.
# Log: LAB_DIR/dovecot/dovecot.log. Dovecot starts its processes under several users, hence root.
set -eu
lab=${LAB_DIR:-/tmp/solowarden-lab}
port=${PORT:-1110}
tls_port=${TLS_PORT:-$((port + 885))}
here=$(cd "$(dirname "$0")" && pwd)
base=$lab/dovecot
users='shop other canary'

say() { echo "dovecot.sh: $*" >&2; }
need_root() {
    [ "$(id -u)" = 0 ] || { say 'must run as root (dovecot changes users)'; exit 77; }
    command -v dovecot >/dev/null || { say 'dovecot is not installed'; exit 69; }
}
running() { # the pid file may be older than the process that has its number now
    pid=$(cat "$base/run/master.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dovecot ]
}
answers() { # a port that answers but does not greet is not Dovecot yet
    local greeting
    { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
    read -r -t 2 greeting <&3 || greeting=
    printf 'QUIT\r\n' >&3
    exec 3>&-
    [[ $greeting = +OK* ]]
}

mailboxes() {
    local user
    for user in $users; do
        mkdir -p "$base/mail/$user"/{cur,new,tmp}
        echo "$user:{SHA512-CRYPT}$(openssl passwd -6 -salt labsalt "$user-pass")::::::"
    done >"$base/passwd"
    chown -R mail:mail "$base/mail"
    chmod 644 "$base/passwd"
}

configuration() {
    cat <<END
protocols = pop3
base_dir = $base/run
state_dir = $base/run
instance_name = lab-$port
listen = 127.0.0.1
log_path = $base/dovecot.log
info_log_path = $base/dovecot.log
log_timestamp = "%Y-%m-%d %H:%M:%S.%{usecs} "
auth_verbose = yes
auth_failure_delay = 0
default_internal_user = dovecot
default_login_user = dovenull
mail_location = maildir:$base/mail/%u
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
disable_plaintext_auth = $([ "${PLAIN:-yes}" = yes ] && echo no || echo yes)
login_trusted_networks =
ssl = $([ "${PLAIN:-yes}" = yes ] && echo yes || echo required)
ssl_cert = <$lab/tls/${CERTIFICATE:-server.pem}
ssl_key = <$lab/tls/server.key
login_log_format_elements = user=<%u> method=%m rip=%r lip=%l lport=%a rport=%b mpid=%e %c session=<%{session}>
mail_max_userip_connections = ${MAXIP:-10}
passdb {
  driver = passwd-file
  args = $base/passwd
}
userdb {
  driver = static
  args = uid=mail gid=mail home=$base/mail/%u
}
protocol pop3 {
  pop3_lock_session = ${LOCK:-no}
  pop3_logout_format = top=%t/%p, retr=%r/%b, del=%d/%m, size=%s uidl_hash=%u
  mail_plugins = notify mail_log
}
plugin {
  mail_log_events = delete expunge
  mail_log_fields = uid msgid size
}
service pop3-login {
  inet_listener pop3 {
    port = $port
  }
  inet_listener pop3s {
    port = $tls_port
    ssl = yes
  }
}
service anvil {
  client_limit = 1003
}
END
}

start() {
    need_root
    mkdir -p "$base/run" "$base/mail"
    chmod 755 "$lab" "$base" "$base/run"
    "$here/ca.sh"
    if running; then
        configuration | cmp -s - "$base/dovecot.conf" && { echo "dovecot already on 127.0.0.1:$port"; return; }
        stop
    fi
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        say "port $port is taken by another program"
        exit 69
    fi
    mailboxes
    configuration >"$base/dovecot.conf"
    touch "$base/dovecot.log"
    dovecot -c "$base/dovecot.conf" </dev/null >"$base/out" 2>&1 || { say "did not start: $(cat "$base/out")"; exit 69; }
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        if answers; then
            echo "dovecot on 127.0.0.1:$port tls=$tls_port lock=${LOCK:-no} log=$base/dovecot.log mail=$base/mail"
            return
        fi
        sleep 0.02
    done
    say "does not answer; see $base/dovecot.log"
    exit 69
}

stop() {
    if running; then
        local pid tries
        pid=$(cat "$base/run/master.pid")
        kill -TERM "$pid" # the master ends all its children
        for ((tries = 0; tries < 150; tries++)); do
            [ -d "/proc/$pid" ] || break
            sleep 0.02
        done
        kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$base/run/master.pid"
}

mail() {
    local user=$1 count=${2:-1} name i
    for ((i = 1; i <= count; i++)); do
        name=$(date +%s.%N).$i.lab
        printf 'From: lab@localhost\r\nTo: %s@localhost\r\nSubject: order %s\r\nMessage-ID: <%s@localhost>\r\n\r\norder\r\n' \
            "$user" "$name" "$name" >"$base/mail/$user/tmp/$name"
        chown mail:mail "$base/mail/$user/tmp/$name"
        mv "$base/mail/$user/tmp/$name" "$base/mail/$user/new/$name"
    done
}

case ${1:-} in
start) start ;;
stop) need_root; stop ;;
log) cat "$base/dovecot.log" ;;
mail) shift; need_root; mail "$@" ;;
*) say 'usage: dovecot.sh start|stop|log | mail USER [COUNT]'; exit 64 ;;
esac
