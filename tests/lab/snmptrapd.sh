#!/bin/sh
# A real snmptrapd, unprivileged: v2c (community public) and v3 (user nms), traps and informs, one line each in LAB_DIR/snmptrapd/log.
# usage: [PORT=16162] [LAB_DIR=…] [ENGINE=0x…, the sender of v3 traps] [MIBS_DIR=…] snmptrapd.sh start|stop|forget
# Passphrases: AUTH and PRIV in the environment. `forget` stops it and removes what it remembers of engines, its own identity included.
set -eu
PORT=${PORT:-16162}
folder=${LAB_DIR:-/tmp/solowarden-lab}/snmptrapd
AUTH=${AUTH:-lab auth pass} PRIV=${PRIV:-lab priv pass}

running() { [ -f "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }
listening() { ss -Hlun "sport = :$PORT" | grep -q .; }

start() {
    mkdir -p "$folder/persist"
    named='' sender=''
    [ -n "${MIBS_DIR:-}" ] || named=n
    [ -z "${ENGINE:-}" ] || sender="createUser -e $ENGINE nms SHA-256 \"$AUTH\" AES \"$PRIV\""
    cat >"$folder/snmptrapd.conf" <<END
snmpTrapdAddr udp:127.0.0.1:$PORT
doNotRetainNotificationLogs yes
authCommunity log public
createUser nms SHA-256 "$AUTH" AES "$PRIV"
authUser log nms priv
$sender
format1 %v\n
format2 %P %v\n
outputOption ${named:-s}
[snmp] persistentDir $folder/persist
END
    running && return
    MIBDIRS=${MIBS_DIR:-} MIBS=${MIBS_DIR:+SOLOWARDEN-MIB} snmptrapd -f -C -c "$folder/snmptrapd.conf" -Lf "$folder/log" \
        </dev/null >/dev/null 2>&1 &
    echo $! >"$folder/pid"
    tries=0
    until listening; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ]; then
            echo "snmptrapd does not listen:" >&2
            tail -n 5 "$folder/log" >&2
            exit 1
        fi
        sleep 0.05
    done
}

stop() {
    running || return 0
    pid=$(cat "$folder/pid")
    kill "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    rm -f "$folder/pid"
}

case ${1:-} in
start) start ;;
stop) stop ;;
forget)
    stop
    rm -rf "$folder/persist"
    ;;
*)
    echo "usage: snmptrapd.sh start|stop|forget" >&2
    exit 64
    ;;
esac
