#!/bin/sh
# Makes the secrets that are missing, and changes none that is there: make-secrets.sh [FOLDER] [OWNER:GROUP]
#
# FOLDER is deploy/secrets unless named. Every file has mode 0600. Their owner is 10001, the user of our images, and 101, ClickHouse's,
# for its users file; with OWNER:GROUP (systemd: sightglass:sightglass) all are that user's. Giving files away needs root.
set -eu
folder=${1:-$(dirname "$0")/secrets}
owner=${2:-10001:10001}
server=${2:-101:101}
umask 077
mkdir -p "$folder"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# No line end: what reads these files takes them as they are. `noclobber`: two calls at once make one secret.
make_file() {
    (set -C; printf '%s%s' "$2" "$(random)" >"$folder/$1") 2>/dev/null || true
    [ -s "$folder/$1" ] || { echo "$folder/$1 is empty or cannot be written: delete it and run this again" >&2; exit 1; }
    chmod 0600 "$folder/$1"
    chown "$owner" "$folder/$1"
}

# A password begins with a letter: in YAML, digits alone would be a number.
for user in collector reader maintainer migrator; do make_file "clickhouse-$user.password" p; done
make_file otlp.token otlp_
make_file entity.salt ''
make_file grafana-admin.password p
make_file postgres.password p

# The server gets hashes only. 192 random bits need no slow hash.
{
    echo '<clickhouse><users>'
    for user in collector reader maintainer migrator; do
        hash=$(sha256sum <"$folder/clickhouse-$user.password" | cut -d' ' -f1)
        echo "  <$user><password_sha256_hex>$hash</password_sha256_hex></$user>"
    done
    echo '</users></clickhouse>'
} >"$folder/.clickhouse-users.xml"
# In place, for a container holds on to the file and not to its name.
cat "$folder/.clickhouse-users.xml" >"$folder/clickhouse-users.xml"
rm "$folder/.clickhouse-users.xml"
chmod 0600 "$folder/clickhouse-users.xml"
chown "$server" "$folder/clickhouse-users.xml"
echo "The secrets are in $folder"
