#!/bin/sh
# Includes follow the one-way street: a folder uses only itself and what stands before it. Libraries stay where they belong,
# and nobody starts a shell. Prints each offence; exit 1 when there is one.
set -eu
cd "$(dirname "$0")/../.."

# folder: what its files may include, as a pattern over paths from the top
allowed() {
    case $1 in
    agent/core) echo 'agent/core/' ;;
    probes) echo 'agent/core/|agent/config/field\.h|probes/' ;;
    agent/config) echo 'agent/(core|config)/|probes/' ;;
    agent/run) echo 'agent/(core|config|run)/|probes/' ;;
    agent/act) echo 'agent/(core|config|run|act)/|probes/' ;;
    agent/keep) echo 'agent/(core|keep)/' ;;
    agent/show) echo 'agent/(core|config|keep|show)/|probes/' ;;
    agent/cli) echo 'agent/|probes/' ;;
    agent) echo 'agent/cli/' ;;
    esac
}

# library header: files that may include it
libraries='net-snmp/	agent/(show|run)/snmp_
uv\.h	agent/(run|keep|act|show|cli)/
sqlite3\.h	agent/keep/
yaml\.h	agent/(config/|cli/discover_yaml)
pcre2\.h	probes/|agent/(run|cli)/
expat\.h	probes/wsman
openssl/	agent/(config|run)/
curl/	agent/run/http_
(gssapi/|krb5\.h)	agent/run/
jansson\.h	agent/(config|run|keep|act|show|cli)/
zlib\.h	agent/cli/
sys/socket\.h	agent/(run|act|show|cli)/'

found=$(mktemp)
trap 'rm -f "$found"' EXIT

for file in $(git ls-files 'agent/*.[ch]' 'agent/*.def' 'probes/*.[ch]'); do
    folder=$(dirname "$file")
    # "x.h" beside the file counts as this folder's own
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" | while read -r included; do
        case $included in
        *../*) echo "$file: includes upward: $included" ;;
        */*) echo "$included" | grep -Eq "^($(allowed "$folder"))" || echo "$file: against the street: $included" ;;
        *) [ -f "$folder/$included" ] || echo "$file: there is no $folder/$included" ;;
        esac
    done
    sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\([^>]*\)>.*/\1/p' "$file" | while read -r included; do
        echo "$libraries" | while IFS='	' read -r header where; do
            echo "$included" | grep -Eq "^$header" || continue
            echo "$file" | grep -Eq "^($where)" || echo "$file: <$included> has no place in $folder"
        done
    done
    grep -nE '\b(system|popen|wordexp)[[:space:]]*\(|"/bin/(ba)?sh"' "$file" | sed "s|^|$file: starts a shell: |" || true
done >"$found"

cat "$found"
[ ! -s "$found" ]
