#!/bin/sh
# A real snmpd as AgentX master, unprivileged, with state in LAB_DIR/snmpd and its socket at LAB_DIR/snmpd/agentx.
# usage: [PORT=16161] [LAB_DIR=…] snmpd.sh start|stop|kill
# Communities: public sees everything; narrow sees one column (NARROW, an OID) only.
set -eu
PORT=${PORT:-16161}
folder=${LAB_DIR:-/tmp/solowarden-lab}/snmpd
narrow=${NARROW:-.1.3.6.1.4.1.8072.9999.9999.5757.1.3.1.2}

answers() { snmpget -v2c -c public -t 0.2 -r 0 "127.0.0.1:$PORT" .1.3.6.1.2.1.1.3.0 >/dev/null 2>&1; }
running() { [ -f "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null; }

start() {
    mkdir -p "$folder/persist"
    cat >"$folder/snmpd.conf" <<END
agentaddress udp:127.0.0.1:$PORT
rocommunity public 127.0.0.1
view narrow included $narrow
rocommunity narrow 127.0.0.1 -V narrow
master agentx
agentXSocket unix:$folder/agentx
[snmp] persistentDir $folder/persist
END
    running && return
    rm -f "$folder/agentx"
    MIBS='' snmpd -f -C -c "$folder/snmpd.conf" -Lf "$folder/log" </dev/null >/dev/null 2>&1 &
    echo $! >"$folder/pid"
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ]; then
            echo "snmpd does not answer:" >&2
            tail -n 5 "$folder/log" >&2
            exit 1
        fi
        sleep 0.05
    done
}

end() { # SIGNAL
    running || return 0
    pid=$(cat "$folder/pid")
    kill "-$1" "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    rm -f "$folder/pid"
}

case ${1:-} in
start) start ;;
stop) end TERM ;;
kill) end KILL ;;
*)
    echo "usage: snmpd.sh start|stop|kill" >&2
    exit 64
    ;;
esac
