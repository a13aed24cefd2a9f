# Makes an empty machine out of namespaces, and starts the units in it: units.sh REPOSITORY COLLECTOR PYTHON_HOME FOLDER plain|tls MODELS
# The checkout lies in /opt/sightglass, the Collector where install.sh puts it; secrets are made by the script that it calls.
set -e
keep=$4/keep
ip link set lo up 2>/dev/null || python3 "$1/deploy/checks/ask.py" loopback
mkdir -p "$keep/python" "$keep/bin" "$keep/etc"
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
cp -a /etc/. "$keep/etc/"
mount --bind "$keep/etc" /etc
echo 'sightglass:x:10001:10001::/var/lib/sightglass:/usr/sbin/nologin' >>/etc/passwd
echo 'sightglass:x:10001:' >>/etc/group
echo '127.0.0.1 localhost monitor.example.org' >/etc/hosts
rm -rf /etc/sightglass
install -d -m 0755 /etc/sightglass
mount -t tmpfs -o mode=755 none /var/lib
mount -t tmpfs -o mode=755 none /run
for folder in "" /secrets /tokens; do install -d -m 0700 -o 10001 -g 10001 "/var/lib/sightglass$folder"; done
/opt/sightglass/deploy/make-secrets.sh /var/lib/sightglass/secrets 10001:10001 >&2
install -m 0755 "$1/deploy/systemd/sightglass" /run/sightglass
# A model is trained once for all runs.
if [ -d "$6" ]; then cp -a "$6" /var/lib/sightglass/models; fi
if [ "$5" = tls ]; then
    # The example for serving others, taken at its word.
    /opt/sightglass/deploy/make-certificates.sh /etc/sightglass/tls sightglass:sightglass monitor.example.org >&2
    sed -n '/^#SIGHTGLASS_AUTH=on/,$s/^#//p' "$1/deploy/systemd/sightglass.env" >/etc/sightglass/sightglass.env
fi
exec /opt/sightglass/.venv/bin/python /opt/sightglass/deploy/checks/units.py "$4" "$6"
