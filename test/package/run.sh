#!/bin/bash
# npm run test:package: builds the Debian packages and tests them with the real dpkg and apt, in fresh Debian roots.
#   run.sh [-n] [bookworm|trixie|arm64|repository|lint]...
# -n  use the packages in dist-package/, or in the folder PACKAGES, as they are (default: build each one twice and compare the bytes)
# It needs root, mmdebstrap, lintian, gpg, and access to Debian's and npm's servers. The dpkg of this machine is not used.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-package
if [ "${1:-}" = -n ]; then
  shift
else
  node dist/deploy/package/build.js --check
fi
parts=${*:-lint bookworm trixie arm64 repository}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packages=${PACKAGES:-dist-package}
amd64=$(echo "$packages"/sortbin_*_amd64.deb)
arm64=$(echo "$packages"/sortbin_*_arm64.deb)

# root SUITE: unpacks a fresh root into $work/SUITE. The archive is kept in the cache.
root() {
  mkdir -p "$cache"
  [ -s "$cache/$1.tar" ] || {
    mmdebstrap --variant=minbase "$1" "$cache/$1.tar.new" http://deb.debian.org/debian
    mv "$cache/$1.tar.new" "$cache/$1.tar"
  }
  mkdir "$work/$1"
  tar -xf "$cache/$1.tar" -C "$work/$1"
  mkdir "$work/$1/test"
  cp test/package/inside.sh test/package/repository.sh test/journal/version-1.db.gz "$work/$1/test/"
  cp /etc/resolv.conf "$work/$1/etc/resolv.conf"
  # The daemon is started by the test, because PID 1 of this root is not systemd.
  printf '#!/bin/sh\nexit 101\n' >"$work/$1/usr/sbin/policy-rc.d"
  chmod 755 "$work/$1/usr/sbin/policy-rc.d"
}

# inside SUITE SCRIPT: runs a script of this folder in the root, in namespaces that end with it.
inside() {
  # shellcheck disable=SC2016
  unshare --mount --pid --fork --kill-child sh -c '
    mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && mount -t tmpfs tmpfs "$0/tmp" &&
      exec chroot "$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh "$1"' \
    "$work/$1" "/test/$2"
}

# newer DEB: the same package with the version 99.0.0, not compressed.
newer() {
  dpkg-deb -R "$1" "$work/newer"
  sed -i 's/^Version: .*/Version: 99.0.0/' "$work/newer/DEBIAN/control"
  sed -i 's/^  "version": .*/  "version": "99.0.0",/' "$work/newer/usr/lib/sortbin/package.json"
  sed -i '/usr\/lib\/sortbin\/package.json$/d' "$work/newer/DEBIAN/md5sums"
  dpkg-deb --root-owner-group -Znone -b "$work/newer" "$2" >/dev/null
  rm -rf "$work/newer"
}

install_test() {
  root "$1"
  cp "$amd64" "$work/$1/test/sortbin.deb"
  newer "$amd64" "$work/$1/test/newer.deb"
  inside "$1" inside.sh
  rm -rf "${work:?}/$1"
}

lint() {
  for package in "$amd64" "$arm64"; do
    lintian --fail-on error,warning --tag-display-limit 0 "$package"
  done
}

# The programs of the arm64 package in qemu, with the C library of Debian 12: npm run test:arm64 fetches both.
arm64() {
  qemu=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-arm64
  [ -x "$qemu/qemu/usr/bin/qemu-aarch64" ] || test/arm64/run.sh dist/test/cycle/machine.test.js
  dpkg-deb -x "$arm64" "$work/arm64"
  emulated="$qemu/qemu/usr/bin/qemu-aarch64 -cpu cortex-a72 -L $qemu/root"
  program=$work/arm64/usr/lib/sortbin
  # shellcheck disable=SC2086
  (
    $emulated "$program/node" "$program/dist/device/tools/cli/main.js" --version
    # Another Node cannot be started in qemu-user, so the runtimes are tested in this process.
    cp test/package/inference.mjs "$program/inference.mjs"
    $emulated "$program/node" "$program/inference.mjs"
    $emulated "$program/node" -e "require('$program/node_modules/epoll')"
    $emulated "$program/bin/sortbin-io" --list
  )
}

repository() {
  root bookworm
  export GNUPGHOME=$work/gnupg
  mkdir -m 700 "$GNUPGHOME"
  gpg --batch --quiet --passphrase '' --quick-generate-key 'sortbin test' ed25519 sign never
  node dist/deploy/package/build.js --built --repo "$work/bookworm/test/repo" --key 'sortbin test'
  gpg --armor --export 'sortbin test' >"$work/bookworm/test/sortbin.asc"
  inside bookworm repository.sh
}

for part in $parts; do
  echo "== $part"
  case $part in
    lint) lint ;;
    bookworm | trixie) install_test "$part" ;;
    arm64) arm64 ;;
    repository) repository ;;
    *)
      echo "run.sh: $part: unknown. Use lint, bookworm, trixie, arm64 or repository." >&2
      exit 2
      ;;
  esac
  echo "passed  $part"
done
