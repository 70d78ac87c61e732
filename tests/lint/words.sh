#!/bin/sh
# Words that have no place in the tree: unfinished business and paths of somebody's machine. Prints each; exit 1 when there is one.
set -eu
cd "$(dirname "$0")/../.."

# written so that this file does not match itself
unfinished='\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b'
machine='/(work/(main|shared)|home/[a-z]|root/[a-z.])'

if git grep -nIE -e "$unfinished" -e "$machine" -- . ':!LICENSE' ':!tests/golden' ':!tests/fuzz/corpus'; then
    exit 1
fi
