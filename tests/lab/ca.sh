#!/bin/sh
# A certificate authority and a server's certificate for the lab: LAB_DIR/tls/{ca.pem,server.pem,server.key}.
# The certificate is good for localhost and 127.0.0.1, .2, .3, .11, .12. Keeps what is there already.
# Also expired.pem (with the same key), for probes that must notice.
set -eu
lab=${LAB_DIR:-/tmp/solowarden-lab}
mkdir -p "$lab"
[ -d "$lab/tls" ] && exit 0

new=$(mktemp -d "$lab/tls.XXXXXX")
trap 'rm -rf "$new"' EXIT
chmod 755 "$new"
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
certificate() { # FILE DAYS [openssl options]
    file=$1 days=$2
    shift 2
    openssl x509 -req -in "$new/server.csr" -CA "$new/ca.pem" -CAkey "$new/ca.key" -CAcreateserial -days "$days" -out "$file" \
        -extfile "$new/extensions" "$@" 2>/dev/null
}
cat >"$new/extensions" <<END
basicConstraints=CA:FALSE
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2,IP:127.0.0.3,IP:127.0.0.11,IP:127.0.0.12
END
key "$new/ca.key"
key "$new/server.key"
openssl req -x509 -new -key "$new/ca.key" -out "$new/ca.pem" -days 3650 -subj '/CN=Lab Test CA' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -new -key "$new/server.key" -out "$new/server.csr" -subj /CN=localhost
certificate "$new/server.pem" 3650
certificate "$new/expired.pem" -1
chmod 600 "$new"/*.key
# another script of the same lab may have been faster: its folder stays
mv -T "$new" "$lab/tls" 2>/dev/null || [ -d "$lab/tls" ]
