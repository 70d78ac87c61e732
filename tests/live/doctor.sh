#!/bin/sh
# `solowarden doctor` finds each planted fault and names its cure, and is content when there is none.
set -eu
lab=${LAB_DIR:?} solowarden=${SOLOWARDEN:?}
report=$lab/report

configuration() { # STATE_DIR LOG MOVE PORT
    cat <<END
version: 1
agent: {name: patient, state_dir: "$1"}
snmp: {listen: "udp:127.0.0.1:$4"}
credentials: {canary: {user: canary, password_file: "$lab/secret"}}
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [127.0.0.11]}, p2: {addresses: [127.0.0.12]}}
    groups:
      orders: {mode: confirm, move: ["$3"]}
servers:
  shop: {type: ftp, address: 127.0.0.1, probe: {credential: canary}, log: {file: "$2", format: vsftpd}}
handlers:
  orders: {cluster: pollers, group: orders, server: shop, account: shop, path: /in, poll: 30s}
END
}
examine() { # the expected exit status first
    expected=$1
    shift
    configuration "$@" >"$lab/solowarden.yaml"
    status=0
    "$solowarden" doctor --config "$lab/solowarden.yaml" >"$report" 2>&1 || status=$?
    cat "$report"
    [ $status = "$expected" ] || {
        echo "exit status $status, expected $expected"
        exit 1
    }
}
says() { grep -Eq "$1" "$report" || { echo "does not say: $1"; exit 1; }; }

(umask 077 && echo secret >"$lab/secret")
printf '%s\n' 'Sun Nov 22 20:21:43 2026 [pid 24330] [shop] OK LOGIN: Client "127.0.0.2"' \
    'Sun Nov 22 20:21:43 2026 [pid 24347] [shop] OK DOWNLOAD: Client "127.0.0.3", "/big.bin", 8000000 bytes, 217733.62Kbyte/sec' >"$lab/vsftpd.log"
echo 'Sun Nov 22 20:21:43 2026 1 127.0.0.3 8000000 /big.bin b _ o r shop ftp 0 * c' >"$lab/xferlog"
printf '#!/bin/sh\n' >"$lab/move"
mkdir -p "$lab/state"

chmod 755 "$lab/move"
examine 0 "$lab/state" "$lab/vsftpd.log" "$lab/move" 11961
says '✓ configuration'
says '✓ state folder'
says '✓ secret .*canary'
says '✓ log .*format vsftpd'
says '✓ program .*orders'
says '✓ listen'
says '! daemon .*does not run'

chmod 644 "$lab/move"
python3 -c 'import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 11962))
time.sleep(30)' &
holder=$!
trap 'kill $holder' EXIT
tries=0
until grep -q ':2EBA ' /proc/net/udp || [ $tries = 50 ]; do
    tries=$((tries + 1))
    sleep 0.1
done
examine 1 "$lab/nowhere" "$lab/xferlog" "$lab/move" 11962
says '✗ state folder .*nowhere'
says '✗ log .*looks like xferlog.*log\.format'
says '✗ program .*chmod'
says '✗ listen .*taken.*ss -ulpn'

examine 1 "$lab/state" "$lab/absent.log" "$lab/absent" 70000
