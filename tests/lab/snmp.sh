# For the SNMP live tests: the feed that plays the decider, MIB files for net-snmp's tools, and polling with a deadline.
# Sourced; expects BUILD (the build folder) and LAB_DIR. Sets `top`, `root`, `mibs`; ends what was started at exit.
# shellcheck shell=sh

top=$(cd "$(dirname "$0")/../.." && pwd)
lab=$top/tests/lab
# shellcheck disable=SC2034
root=.1.3.6.1.4.1.8072.9999.9999.5757
mibs=$LAB_DIR/mibs
seen=0
feed='' manager=''

now_ms() { echo $(($(date +%s%N) / 1000000)); }
seen() {
    seen=$((seen + 1))
    echo "seen: $*"
}
miss() {
    echo "NOT SEEN: $*"
    tail -n 6 "$LAB_DIR"/*.out "$LAB_DIR"/*.err "$LAB_DIR"/*/log 2>/dev/null | cut -c1-300 || true
    exit 1
}
# expect SECONDS WHAT COMMAND…: polls until the command succeeds
expect() {
    limit=$1 what=$2
    shift 2
    deadline=$(($(now_ms) + limit * 1000))
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || miss "$what (not within $limit s)"
        sleep 0.05
    done
    seen "$what"
}
must() { # WHAT COMMAND…: now
    what=$1
    shift
    "$@" >/dev/null 2>&1 || miss "$what"
    seen "$what"
}
same() { # WHAT WANTED GOT
    [ "$2" = "$3" ] || miss "$1: wanted $2, got $3"
    seen "$1: $3"
}

# MIB modules under names that net-snmp finds, the IETF's from erlang-snmp
prepare_mibs() {
    mkdir -p "$mibs"
    for module in /usr/lib/erlang/lib/snmp-*/mibs/*-*.mib; do cp "$module" "$mibs/$(basename "$module" .mib)"; done
    cp "$top/mibs/SOLOWARDEN-MIB.txt" "$mibs/SOLOWARDEN-MIB"
    MIBDIRS=$mibs MIBS=SOLOWARDEN-MIB
    export MIBDIRS MIBS
}

secret() { # NAME TEXT
    (umask 077 && printf '%s\n' "$2" >"$LAB_DIR/$1")
}

# configure SNMP-SECTION (YAML, two blanks deep)
configure() {
    secret auth.pw 'lab auth pass'
    secret priv.pw 'lab priv pass'
    secret community public
    cat >"$LAB_DIR/feed.yaml" <<END
version: 1
agent: {name: feed, state_dir: "$LAB_DIR"}
snmp:
$1
clusters:
  pollers:
    type: static
    nodes: {p1: {addresses: [10.0.0.1]}, p2: {addresses: [10.0.0.2]}}
    groups: {orders: {mode: advise}}
END
}

# start_feed [BOOTS [FIRST_SEQUENCE]]; then `tell COMMAND`, and what it says is in feed.out
start_feed() {
    rm -f "$LAB_DIR/feed.in"
    mkfifo "$LAB_DIR/feed.in"
    : >>"$LAB_DIR/feed.out"
    "$BUILD/tests/live_snmpfeed" "$LAB_DIR/feed.yaml" "$@" <"$LAB_DIR/feed.in" >>"$LAB_DIR/feed.out" 2>>"$LAB_DIR/feed.err" &
    feed=$!
    exec 8>"$LAB_DIR/feed.in"
}
tell() { echo "$*" >&8; }
stop_feed() {
    tell quit
    exec 8>&-
    wait "$feed" || miss 'the feed ended in order'
    feed=''
}
last_status() { # the word after KEY= in the newest status
    tell status
    sleep 0.1
    grep '^status' "$LAB_DIR/feed.out" | tail -n 1 | sed "s/.* $1=\([0-9]*\).*/\1/"
}
says() { grep -q -- "$1" "$LAB_DIR/feed.out"; }

end_all() {
    exec 8>&- 9>&- || true
    for process in $feed $manager; do kill "$process" 2>/dev/null || true; done
    "$lab/snmpd.sh" kill || true
    "$lab/snmptrapd.sh" stop || true
}
trap end_all EXIT
