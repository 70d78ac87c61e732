#!/bin/sh
# A file beyond 600 lines, a header of the program beyond 150 or a function beyond 70 has two jobs. Prints each offence; exit 1 when there is one.
set -eu
cd "$(dirname "$0")/../.."

found=$(mktemp)
trap 'rm -f "$found"' EXIT

git ls-files '*.c' '*.h' '*.sh' '*.py' dev .ci/run | while read -r file; do
    [ -f "$file" ] || continue
    lines=$(wc -l <"$file")
    limit=600
    case $file in
    tests/*) ;;
    *.h) limit=150 ;;
    esac
    [ "$lines" -le "$limit" ] || echo "$file: $lines lines, at most $limit"
done >"$found"

# formatted code opens a function with a brace in the first column and closes it there; a test may be one long table
git ls-files '*.c' ':!tests/unit' | while read -r file; do
    [ -f "$file" ] || continue
    awk -v file="$file" '
        /^\{/ { start = NR }
        /^\}/ && start { if (NR - start + 1 > 70) printf "%s:%d: %s: %d lines, at most 70\n", file, start, head, NR - start + 1; start = 0 }
        !start && /^[A-Za-z_].*\(/ { head = $0 }' "$file"
done >>"$found"

cat "$found"
[ ! -s "$found" ]
