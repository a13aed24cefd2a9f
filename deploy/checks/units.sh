# Makes an empty machine out of namespaces, and starts the units in it: units.sh REPOSITORY COLLECTOR PYTHON_HOME FOLDER
# The checkout lies in /opt/sightglass, the Collector where install.sh puts it; secrets are made by the script that it calls.
set -e
keep=$4/keep
ip link set lo up 2>/dev/null || python3 "$1/deploy/checks/ask.py" loopback
mkdir -p "$keep/python" "$keep/bin"
mount --bind "$3" "$keep/python"
cp "$2" "$keep/bin/sightglass-otelcol"
chmod 0755 "$keep/bin/sightglass-otelcol"
mount -t tmpfs -o mode=755 none /opt
mkdir -p /opt/sightglass
mount --bind "$1" /opt/sightglass
# A Python in root's home, as version managers have it, must be seen by the user of the services.
case $3 in
/root/*)
    mount -t tmpfs -o mode=755 none /root
    mkdir -p "$3"
    mount --bind "$keep/python" "$3"
    ;;
esac
case $2 in /usr/local/bin/*) ;; *)
    cp -a /usr/local/bin/. "$keep/bin/"
    mount --bind "$keep/bin" /usr/local/bin
    ;;
esac
mount -t tmpfs -o mode=755 none /var/lib
mount -t tmpfs -o mode=755 none /run
for folder in "" /secrets /tokens; do install -d -m 0700 -o 10001 -g 10001 "/var/lib/sightglass$folder"; done
/opt/sightglass/deploy/make-secrets.sh /var/lib/sightglass/secrets 10001:10001 >&2
exec /opt/sightglass/.venv/bin/python /opt/sightglass/deploy/checks/units.py "$4"
