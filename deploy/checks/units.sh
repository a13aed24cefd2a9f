# Makes an empty machine out of namespaces, installs in it, and starts the units: units.sh REPOSITORY COLLECTOR PYTHON_HOME FOLDER plain|tls MODELS
# The checkout lies in /opt/sightglass, and install.sh is run as it stands, with a stand-in for systemctl.
set -e
keep=$4/keep
ip link set lo up 2>/dev/null || python3 "$1/deploy/checks/ask.py" loopback
mkdir -p "$keep/python" "$keep/bin" "$keep/etc" "$keep/usr"
mount --bind "$3" "$keep/python"
cp "$2" "$keep/otelcol"
mount -t tmpfs -o mode=755 none /opt
mkdir -p /opt/sightglass
mount --bind "$1" /opt/sightglass
# What is installed below /usr and /etc stays in this namespace.
mount -t tmpfs none "$keep/usr"
mkdir "$keep/usr/new" "$keep/usr/work"
mount -t overlay -o "lowerdir=/usr,upperdir=$keep/usr/new,workdir=$keep/usr/work" none /usr
cp -a /etc/. "$keep/etc/"
mount --bind "$keep/etc" /etc
printf '#!/bin/sh\necho "$*" >>"%s/systemctl.calls"\n' "$4" >"$keep/bin/systemctl"
# A Python in root's home, as version managers have it, must be seen by the user of the services; install.sh would refuse it.
case $3 in
/root/*)
    mount -t tmpfs -o mode=755 none /root
    mkdir -p "$3"
    mount --bind "$keep/python" "$3"
    printf '#!/bin/sh\necho /usr/bin/python3\n' >"$keep/bin/readlink"
    ;;
esac
chmod 0755 "$keep/otelcol" "$keep"/bin/*
echo 'ann:x:12345:12345::/home/ann:/bin/sh' >>/etc/passwd
echo '127.0.0.1 localhost monitor.example.org' >/etc/hosts
mount -t tmpfs -o mode=755 none /var/lib
mount -t tmpfs -o mode=755 none /run
install -d -m 1777 /run/tmp
put_in_place() { PATH="$keep/bin:$PATH" SIGHTGLASS_COLLECTOR_BINARY="$keep/otelcol" /opt/sightglass/deploy/systemd/install.sh >&2; }
put_in_place
if [ "$5" = tls ]; then
    # The example for serving others, taken at its word.
    /opt/sightglass/deploy/make-certificates.sh /etc/sightglass/tls sightglass:sightglass monitor.example.org >&2
    sed -n '/^#SIGHTGLASS_AUTH=on/,$s/^#//p' "$1/deploy/systemd/sightglass.env" >/etc/sightglass/sightglass.env
fi
# An upgrade: units lie where an earlier version had them, one of them is masked, another is yours.
mkdir -p /etc/systemd/system/multi-user.target.wants
cp "$1"/deploy/systemd/sightglass-worker.service "$1/deploy/systemd/sightglass.target" /etc/systemd/system/
ln -s /etc/systemd/system/sightglass.target /etc/systemd/system/multi-user.target.wants/
ln -s /dev/null /etc/systemd/system/sightglass-clickhouse.service
echo '[Service]' >/etc/systemd/system/sightglass-yours.service
cp -a /etc/sightglass "$keep/settings"
cp -a /var/lib/sightglass "$keep/state"
put_in_place
diff -r /etc/sightglass "$keep/settings" >&2
diff -r /var/lib/sightglass "$keep/state" >&2
ls /etc/systemd/system | grep sightglass >"$4/left"
rm /etc/systemd/system/sightglass-clickhouse.service
# A model is trained once for all runs.
if [ -d "$6" ]; then
    cp -a "$6" /var/lib/sightglass/models
    chown -R sightglass:sightglass /var/lib/sightglass/models
fi
exec /opt/sightglass/.venv/bin/python /opt/sightglass/deploy/checks/units.py "$4" "$6"
