#!/bin/sh
# Installs the units of a checkout in /opt/sightglass after `make setup` there: user, secrets, Collector, units. Starts nothing, and
# changes no file of yours when it is run again after an upgrade.
set -eu
here=/opt/sightglass/deploy/systemd
[ -x /opt/sightglass/.venv/bin/sightglass ] || { echo "First: git clone ... /opt/sightglass && make -C /opt/sightglass setup" >&2; exit 1; }
python=$(readlink -f /opt/sightglass/.venv/bin/python)
case $python in
/root/* | /home/*)
    echo "The environment uses $python, and services see no home folder: rm -rf /opt/sightglass/.venv, then make -C /opt/sightglass setup PYTHON=/usr/bin/python3" >&2
    exit 1
    ;;
esac
install -m 0644 "$here/sightglass.sysusers" /usr/lib/sysusers.d/sightglass.conf
systemd-sysusers /usr/lib/sysusers.d/sightglass.conf
install -d -m 0700 -o sightglass -g sightglass /var/lib/sightglass /var/lib/sightglass/secrets /var/lib/sightglass/tokens
/opt/sightglass/deploy/make-secrets.sh /var/lib/sightglass/secrets sightglass:sightglass
install -d -m 0755 /etc/sightglass
[ -e /etc/sightglass/sightglass.env ] || install -m 0640 -g sightglass "$here/sightglass.env" /etc/sightglass/sightglass.env
install -m 0755 "$(/opt/sightglass/.venv/bin/sightglass collector path)" /usr/local/bin/sightglass-otelcol
install -m 0755 "$here/sightglass" /usr/local/bin/sightglass
# Not in /etc/systemd/system, where what is there can be neither masked nor told from what is yours; an earlier version left them there.
units=/usr/local/lib/systemd/system
install -d -m 0755 "$units"
install -m 0644 "$here"/sightglass*.service "$here/sightglass.target" "$units/"
for unit in "$units"/sightglass*; do
    old=/etc/systemd/system/${unit##*/}
    if [ -f "$old" ] && [ ! -L "$old" ]; then rm "$old"; fi
done
systemctl daemon-reload
# The link of an earlier version leads to where the target no longer is.
if [ -L /etc/systemd/system/multi-user.target.wants/sightglass.target ]; then systemctl reenable sightglass.target; fi
echo "Installed. Start it: systemctl enable --now sightglass.target"
