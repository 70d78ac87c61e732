#!/bin/sh
# Runs every live test beside it: real servers, the real program. usage: run.sh [BUILD_FOLDER] [test …]
# Each test gets BUILD (absolute), SOLOWARDEN (the program) and a LAB_DIR of its own, and says by its exit status how it went. Where the
# system lets us, each has a network of its own too, and AT_ONCE of them (2) run at a time: they mostly wait.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

one() { # TEST: prints its line; what it said only when it failed
    name=$1
    LAB_DIR=$top/.lab/live/$name
    export LAB_DIR
    rm -rf "$LAB_DIR"
    mkdir -p "$LAB_DIR"
    began=$(date +%s)
    word=ok
    # shellcheck disable=SC2016 # expanded by the inner shell
    if [ "$alone" = yes ]; then
        set -- unshare -n -- sh -c 'ip link set lo up && exec "$0"' "$here/$name.sh"
    else
        set -- "$here/$name.sh"
    fi
    timeout -k 10 "${LIVE_TIMEOUT:-240}" "$@" >"$LAB_DIR/test.log" 2>&1 </dev/null || word=FAILED
    {
        printf '%-32s %-6s %4ss\n' "$name" "$word" $(($(date +%s) - began))
        [ $word = ok ] || tail -n 40 "$LAB_DIR/test.log" | sed 's/^/    /'
    } >"$LAB_DIR/line"
    cat "$LAB_DIR/line"
    [ $word = ok ]
}

if [ "${1:-}" = --one ]; then
    alone=$2
    one "$3"
    exit
fi

BUILD=$(cd "${1:-$top/.build/debug}" && pwd)
[ $# = 0 ] || shift
SOLOWARDEN=$BUILD/solowarden
export BUILD SOLOWARDEN
[ $# -gt 0 ] || set -- "$here"/*.sh
tests=$(for test in "$@"; do basename "$test" .sh; done | grep -vx run)
alone=no at_once=1
if unshare -n ip link set lo up 2>/dev/null; then
    alone=yes at_once=${AT_ONCE:-2}
fi
rm -f "$top"/.lab/live/*/line
printf '%s\n' "$tests" | xargs -P "$at_once" -n 1 "$here/run.sh" --one "$alone" || true
failed=0 passed=0
for name in $tests; do
    if grep -q "^$name  *ok " "$top/.lab/live/$name/line" 2>/dev/null; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
