#!/bin/sh
# Runs every live test beside it: real servers, the real program. usage: run.sh [BUILD_FOLDER] [test …]
# Each test gets BUILD (absolute), SOLOWARDEN (the program) and a LAB_DIR of its own, and says by its exit status how it went.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
BUILD=$(cd "${1:-$top/.build/debug}" && pwd)
[ $# = 0 ] || shift
SOLOWARDEN=$BUILD/solowarden
export BUILD SOLOWARDEN
[ $# -gt 0 ] || set -- "$here"/*.sh

passed=0 failed=0
for test in "$@"; do
    name=$(basename "$test" .sh)
    [ "$name" != run ] || continue
    LAB_DIR=$top/.lab/live/$name
    export LAB_DIR
    rm -rf "$LAB_DIR"
    mkdir -p "$LAB_DIR"
    began=$(date +%s)
    if timeout -k 10 "${LIVE_TIMEOUT:-180}" "$here/$name.sh" >"$LAB_DIR/test.log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        word=ok
    else
        failed=$((failed + 1))
        word=FAILED
    fi
    printf '%-32s %-6s %4ss\n' "$name" "$word" $(($(date +%s) - began))
    [ $word = ok ] || tail -n 40 "$LAB_DIR/test.log" | sed 's/^/    /'
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
