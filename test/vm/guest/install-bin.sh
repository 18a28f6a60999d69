#!/bin/bash
# Installs the bin in the guest, with the paths of the Debian package: the package DEB, or else the built project.
#   install-bin.sh PROJECT [DEB]
set -euo pipefail
project=$1 deb=${2:-}
install -d -m 0755 /etc/sortbin
install -d -m 0700 /etc/sortbin/credentials
if [ -n "$deb" ]; then
  dpkg --force-depends -i "$deb"
  systemctl stop sortbin
  # The package has started the bin. In emulation, the model is too slow for the deadline of the default configuration.
  rm -f /run/sortbin/crashes
else
  lib=/usr/lib/sortbin
  mkdir -p $lib/bin
  for part in dist node_modules deploy package.json; do ln -sfn "$project/$part" $lib/$part; done
  ln -sf /usr/bin/node $lib/node
  ln -sf "$project/deploy/native/linux-x64/sortbin-io" $lib/bin/sortbin-io
  install -m 0755 "$project/systemd/sortbin-crash-delay" $lib/bin/
  install -m 0644 "$project/systemd/sortbin.service" /usr/lib/systemd/system/
  install -m 0644 "$project/systemd/60-sortbin.rules" /usr/lib/udev/rules.d/
  install -m 0644 "$project/systemd/sortbin-sysusers.conf" /usr/lib/sysusers.d/sortbin.conf
  cat >/usr/bin/sortbin <<LAUNCHER
#!/bin/sh
exec $lib/node --max-semi-space-size=1 $lib/dist/device/tools/cli/main.js "\$@"
LAUNCHER
  chmod 0755 /usr/bin/sortbin
  systemd-sysusers
fi
udevadm control --reload
udevadm trigger --settle --subsystem-match=gpio --subsystem-match=pwm --subsystem-match=usb
systemctl daemon-reload
