#!/bin/sh
# agent/core and probes/ are pure: no clock, socket, file, randomness, environment or log, and no memory of their own.
# Reads the undefined symbols of their objects. usage: purity.sh BUILD_FOLDER; prints each offence, exit 1 when there is one.
set -eu
build=${1:?usage: purity.sh BUILD_FOLDER}
core=$build/libsw_core.a probes=$build/libsw_probes.a
for library in "$core" "$probes"; do
    [ -f "$library" ] || {
        echo "$library is not built"
        exit 1
    }
done

text='mem[a-z]+|str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|chrnul|str|casestr|spn|cspn|pbrk|cpy|ncpy|cat|ncat)|stpcpy|stpncpy'
numbers='strto(d|l|ul|ll|ull|imax|umax)|__isoc(99|23)_.*|abs|labs|llabs|qsort|bsearch|round|lround|floor|ceil|fabs|v?snprintf'
classes='__ctype_(b|tolower|toupper)_loc|to(lower|upper)|__errno_location'
compiler='__stack_chk_fail|__assert_fail|abort|_GLOBAL_OFFSET_TABLE_|__[a-z]+_chk|__[a-z]+[dt]i[23]|__(asan|ubsan|tsan|sanitizer|gcov|llvm)_.*|__isoc.*'
pure="^($text|$numbers|$classes|$compiler)\$"

# offences LIBRARY EXTRA-PATTERN: undefined here, defined in neither library, not on the list
offences() {
    nm -A -u "$1" 2>/dev/null | sed 's/^[^:]*:\([^:]*\):.* U \(.*\)$/\1 \2/' | while read -r object symbol; do
        echo "$symbol" | grep -Eq "$pure" && continue
        [ -n "$2" ] && echo "$symbol" | grep -Eq "$2" && continue
        grep -qxF "$symbol" "$own" || echo "$(basename "$1"): $object uses $symbol"
    done
}

own=$(mktemp)
found=$(mktemp)
trap 'rm -f "$own" "$found"' EXIT
nm --defined-only "$core" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$own"
offences "$core" '' >"$found"
nm --defined-only "$probes" 2>/dev/null | awk 'NF == 3 { print $3 }' >>"$own"
# parsers that get the runner's bounded memory; of expat's constructors only the one that takes it
expat='XML_(ErrorString|ParserCreate_MM|Set[A-Za-z]+|GetBuffer|ParseBuffer|StopParser|GetErrorCode|ParserFree)'
offences "$probes" "^(pcre2_[a-z_]+_8|$expat)\$" >>"$found"

cat "$found"
[ ! -s "$found" ]
