#!/bin/sh
# Makes an authority of your own and certificates signed by it, and changes none that is there:
#
#   make-certificates.sh FOLDER [OWNER:GROUP [NAME...]]
#
# The certificate is for the names of the compose file's services, for this machine, and for every NAME (or address) that people and
# senders use. Keys have mode 0600. OWNER is 10001, the user of our images, unless named (systemd: sightglass:sightglass); clickhouse.key
# is 101's, ClickHouse's, then. Giving files away needs root. Put ca.key where nobody else reads it: it is needed for the next one only.
# To renew: delete tls.* and clickhouse.* and run this again. It needs openssl.
set -eu
[ $# -ge 1 ] || { sed -n '2,4p' "$0"; exit 2; }
folder=$1
owner=${2:-10001:10001}
server=${2:-101:101}
[ "$owner" = 10001:10001 ] && server=101:101
shift
[ $# -eq 0 ] || shift
umask 077
mkdir -p "$folder"
chmod 0755 "$folder"

made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

if [ ! -e "$folder/ca.crt" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 3650 -subj "/CN=Sightglass's own authority" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null
fi
chmod 0644 "$folder/ca.crt"

names="DNS:localhost,IP:127.0.0.1,IP:::1"
for name in clickhouse collector ml-api monitoring-api dashboard grafana mail "$@"; do
    case $name in
    *:*) names="$names,IP:$name" ;;
    *[!0-9.]*) names="$names,DNS:$name" ;;
    *) names="$names,IP:$name" ;;
    esac
done

# For 397 days, more than which browsers refuse.
make_certificate() {
    [ -e "$folder/$1.crt" ] && [ -e "$folder/$1.key" ] && return
    printf 'subjectAltName=%s\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\nauthorityKeyIdentifier=keyid\n' \
        "$names" >"$made/extensions"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=sightglass" \
        -keyout "$made/$1.key" -out "$made/$1.csr" 2>/dev/null
    openssl x509 -req -in "$made/$1.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial -CAserial "$made/serial" \
        -days 397 -extfile "$made/extensions" -out "$made/$1.crt" 2>/dev/null
    cat "$made/$1.crt" >"$folder/$1.crt"
    cat "$made/$1.key" >"$folder/$1.key"
    chmod 0644 "$folder/$1.crt"
    chmod 0600 "$folder/$1.key"
    chown "$2" "$folder/$1.crt" "$folder/$1.key"
}

make_certificate tls "$owner"
make_certificate clickhouse "$server"
echo "The certificates are in $folder, for $names"
