#!/bin/sh
# Runs in a fresh Debian root: install, use, upgrade, go back, remove and purge the package, with dpkg and apt.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt_get() { apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root "$@"; }
fail() {
  echo "FAILED: $*" >&2
  exit 1
}
config=/etc/sortbin/sortbin.yaml
state=/var/lib/sortbin

# start_bin: starts the daemon as its user, and waits until it is idle and connected to its embedded broker.
start_bin() {
  setpriv --reuid sortbin --regid sortbin --init-groups sortbin run >/tmp/log 2>&1 &
  bin=$!
  for _ in $(seq 120); do
    if grep -q '"connected to the broker"' /tmp/log && sortbin status --json | grep -q '"cycle":"[a-z]*"'; then return; fi
    kill -0 "$bin" 2>/dev/null || break
    sleep 0.5
  done
  cat /tmp/log
  fail 'the daemon does not start'
}
stop_bin() {
  kill "$bin"
  wait "$bin" || fail "the daemon ended with $?"
}
events() { sortbin events --last 1000 --json | wc -l; }

apt_get update
echo '-- install'
apt_get install -y --no-install-recommends /test/sortbin.deb
version=$(dpkg-query -W -f '${Version}' sortbin)
[ "$(sortbin --version)" = "$version" ] || fail "sortbin --version: $(sortbin --version), expected $version"
dpkg --verify sortbin
[ "$(stat -c '%a %U:%G' $config)" = '640 root:sortbin' ] || fail "$config: $(stat -c '%a %U:%G' $config)"
[ "$(stat -c '%a %U:%G' $state)" = '750 sortbin:sortbin' ] || fail "$state: $(stat -c '%a %U:%G' $state)"
[ -e /usr/lib/systemd/system/sortbin.service ] || fail 'the package has no unit'
# The unit is enabled. The path of the link differs between the versions of Debian.
[ -L /etc/systemd/system/multi-user.target.wants/sortbin.service ] || fail 'the unit is not enabled'
id sortbin | grep -q gpio || fail "the user sortbin is not in the group gpio: $(id sortbin)"
# Every library that the native files need is in the packages of Depends.
for file in /usr/lib/sortbin/node $(find /usr/lib/sortbin -name '*.node' -o -name '*.so*' -type f); do
  ldd "$file" 2>&1 | grep 'not found' && fail "$file: a library is missing"
done
sortbin doctor >/tmp/doctor || fail "sortbin doctor ended with $?: $(cat /tmp/doctor)"
cat /tmp/doctor
for runtime in 'tflite (LiteRT)' 'tflite (TensorFlow Lite)' tfjs-wasm; do
  grep -q "✓ $runtime .*usable" /tmp/doctor || fail "$runtime is not usable"
done
sortbin bench /usr/lib/sortbin/test/samples --limit 1
# Each npm package that the program imports loads, and the addon of epoll too.
/usr/lib/sortbin/node -e "
  const { createRequire } = require('node:module');
  const load = createRequire('/usr/lib/sortbin/package.json');
  const { dependencies, optionalDependencies } = load('/usr/lib/sortbin/package.json');
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) load(name);
"
/usr/lib/sortbin/node -e "const { Epoll } = require('/usr/lib/sortbin/node_modules/epoll'); new Epoll(() => {}).close()"

echo '-- run'
# A journal of format version 1, which an earlier version of the program wrote.
gunzip -c /test/version-1.db.gz >$state/journal.db
chown sortbin:sortbin $state/journal.db
echo 'bin: { id: kept }' >>$config
cp $config /test/kept.yaml
start_bin
for _ in $(seq 60); do
  grep -q '"item sorted"' /tmp/log && break
  sleep 0.5
done
grep -q '"item sorted"' /tmp/log || fail "no item is sorted: $(cat /tmp/log)"
stop_bin
before=$(events)
[ "$before" -gt 0 ] || fail 'no event'
[ -e $state/journal.db.v1 ] || fail 'no copy of the journal before its migration'

echo '-- upgrade, with the daemon stopped as prerm does it under systemd'
apt_get install -y --no-install-recommends /test/newer.deb
[ "$(sortbin --version)" = 99.0.0 ] || fail 'the upgrade has not replaced the program'
cmp $config /test/kept.yaml || fail 'the upgrade has changed the configuration'
[ "$(events)" = "$before" ] || fail "$before events before the upgrade, $(events) after it"
start_bin
stop_bin

echo '-- the old version comes back'
apt_get install -y --no-install-recommends --allow-downgrades /test/sortbin.deb
[ "$(sortbin --version)" = "$version" ] || fail 'the old version is not back'
cmp $config /test/kept.yaml || fail 'the downgrade has changed the configuration'
start_bin
stop_bin

echo '-- remove'
apt_get remove -y sortbin
[ ! -e /usr/lib/sortbin ] || fail "left: $(find /usr/lib/sortbin | head)"
[ -e $config ] && [ -e $state/journal.db ] || fail 'remove has deleted the configuration or the journal'
echo '-- install again, then purge'
apt_get install -y --no-install-recommends /test/sortbin.deb
cmp $config /test/kept.yaml || fail 'the configuration is not kept'
apt_get purge -y sortbin
left=$(find / -xdev \( -path /proc -o -path /test -o -path /tmp -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \) \
  -prune -o -name '*sortbin*' -print)
[ -z "$left" ] || fail "left after the purge: $left"
