#!/bin/sh
# The rehearsal cluster: simulated Windows nodes on loopback. usage: winlab.sh start SCENARIO | stop | control COMMAND… | log
#   LAB_DIR   its folder, one per lab (/tmp/solowarden-lab); everything is in LAB_DIR/winlab
#   BUILD     build folder with tests/lab_winlab
#   PORT      WS-Management of every node (5986) · EXPORTER_PORT  windows_exporter (9182; 0 = none)
#   PLAIN     yes: plain http instead of HTTPS · AUTH  --auth of winlab (basic:LAB_DIR/winlab/users)
#   RECEIVERS yes: receive handlers are real receivers (tests/lab_receiver)
# Users: svc-observe/observe-pass may look, svc-act/act-pass may act, svc-none/none-pass may nothing; the passwords are in
# LAB_DIR/winlab/observe.pw, act.pw, none.pw as well. The CA is LAB_DIR/winlab/ca.pem, the control socket LAB_DIR/winlab/control.
set -eu
lab=${LAB_DIR:-/tmp/solowarden-lab}
base=$lab/winlab
program=${BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/.build/debug}/tests/lab_winlab

say() { echo "winlab.sh: $*" >&2; }
running() { # the pid file may be older than the process that has its number now
    pid=$(cat "$base/pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = lab_winlab ]
}
is_ready() { grep -qx ready "$base/out" 2>/dev/null; }

users() {
    (
        umask 077
        : >"$base/users"
        for role in observe act none; do
            echo "svc-$role:$role-pass:$role" >>"$base/users"
            echo "$role-pass" >"$base/$role.pw"
        done
    )
}

start() {
    [ -x "$program" ] || { say "$program is not built"; exit 69; }
    stop
    mkdir -p "$base"
    users
    rm -f "$base/out" "$base/control"
    scenario=$1
    set -- --dir "$base" --exporter-port "${EXPORTER_PORT:-9182}" --auth "${AUTH:-basic:$base/users}"
    if [ "${PLAIN:-no}" = yes ]; then set -- "$@" --plain-http "${PORT:-5986}"; else set -- "$@" --port "${PORT:-5986}"; fi
    [ "${RECEIVERS:-no}" != yes ] || set -- "$@" --receiver "${program%lab_winlab}lab_receiver"
    setsid "$program" "$@" "$scenario" </dev/null >"$base/out" 2>&1 &
    echo $! >"$base/pid"
    tries=0
    until is_ready; do
        if [ $tries = 500 ] || ! kill -0 "$(cat "$base/pid")" 2>/dev/null; then
            say "did not start: $(cat "$base/out")"
            exit 69
        fi
        tries=$((tries + 1))
        sleep 0.02
    done
    cat "$base/out"
}

stop() {
    if running; then
        kill -TERM "$pid"
        tries=0
        while running && [ $tries -lt 250 ]; do
            tries=$((tries + 1))
            sleep 0.02
        done
        if running; then kill -KILL "$pid"; fi
    fi
    rm -f "$base/pid"
}

case ${1:-} in
start)
    [ $# = 2 ] || { say 'usage: winlab.sh start SCENARIO'; exit 64; }
    start "$2"
    ;;
stop) stop ;;
control)
    shift
    exec "$program" control "$base/control" "$@"
    ;;
log) cat "$base/out" ;;
*)
    say 'usage: winlab.sh start SCENARIO | stop | control COMMAND… | log'
    exit 64
    ;;
esac
