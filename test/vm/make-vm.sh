#!/bin/bash
# Makes the files that run-in-vm.sh boots: an unpacked Debian kernel, the modules for the tests, and an initramfs.
# The modules gpio-sim, pwm-sim and v4l2loopback are built here. A kernel that fits these sources is kept.
#   make-vm.sh [-f] [6.1|6.12|systemd]...   (default: both kernels). -f: make them again, with the newest packages
# systemd: a small Debian 12 with systemd and this machine's node, for VM_SYSTEMD=1. It needs mmdebstrap.
# It needs no root. Packages are downloaded with a separate apt configuration and unpacked, but not installed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-vm
modules="virtio_pci virtio_console virtio_rng 9p 9pnet_virtio overlay configfs gpio-sim pwm-sim vivid v4l2loopback
  softdog xhci_pci usbhid loop ext4 crc32c_generic dm-mod dm-log-writes"
# Its licence is GPL-2.0, so its source is downloaded here and is not part of this project.
loopback=v4l2loopback-dkms loopback_version=0.12.7-2
loopback_sha256=7f2bdae29e28efab6e6f1f8b187266fa3c740d3becab11e1d686b45bfcb22aa9
PATH=$PATH:/usr/sbin:/sbin
force=
if [ "${1:-}" = -f ]; then
  force=1
  shift
fi
[ $# -gt 0 ] || set -- 6.1 6.12

fail() {
  echo "make-vm: $*" >&2
  exit 1
}

missing=
for tool in gcc-12 make cpio depmod xz zstd busybox qemu-system-x86_64 apt-get v4l2-ctl dmsetup mkfs.ext4; do
  command -v "$tool" >/dev/null || missing+=" $tool"
done
[ -z "$missing" ] || fail "not installed:$missing. See test/vm/README.md."

# Debian 12 has both kernels. This machine may run another release.
configure_apt() {
  local key=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$key" ] || fail "$key: not found. See test/vm/README.md."
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
  : >"$cache/apt/status"
  cat >"$cache/apt/sources" <<SOURCES
deb [signed-by=$key] http://deb.debian.org/debian bookworm main
deb [signed-by=$key] http://deb.debian.org/debian-security bookworm-security main
SOURCES
  # As root, apt would download as another user, who may not write here.
  cat >"$cache/apt/conf" <<CONF
Dir::State "$cache/apt";
Dir::State::status "$cache/apt/status";
Dir::Cache "$cache/apt";
Dir::Etc::sourcelist "$cache/apt/sources";
Dir::Etc::sourceparts "-";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
CONF
  apt-get -qq -c "$cache/apt/conf" update
}

# download PACKAGE...: download the newest versions into $cache/debs
download() (
  mkdir -p "$cache/debs"
  cd "$cache/debs"
  apt-get -qq -c "$cache/apt/conf" download "$@"
)

# download_loopback: download the pinned version of v4l2loopback, and check it
download_loopback() {
  local package=$cache/debs/${loopback}_${loopback_version}_all.deb
  [ -e "$package" ] || download "$loopback=$loopback_version"
  echo "$loopback_sha256  $package" | sha256sum --check --quiet ||
    fail "$package: not the pinned file. Delete it, and find out why Debian serves another."
}

deb() { ls -t "$cache/debs/$1"_*.deb | head -1; }

# extract_vmlinux BZIMAGE ELF: unpack the payload of a bzImage. The boot header contains its position.
extract_vmlinux() {
  local start size
  start=$((($(od -An -tu1 -j497 -N1 "$1") + 1) * 512 + $(od -An -tu4 -j584 -N4 "$1")))
  size=$(od -An -tu4 -j588 -N4 "$1")
  head -c $((start + size)) "$1" | tail -c $((size)) >"$2.payload"
  # Both tools report an error for the four bytes of length after the stream.
  xz -dc --single-stream "$2.payload" >"$2" 2>/dev/null || zstd -dcq "$2.payload" >"$2" 2>/dev/null || true
  rm "$2.payload"
  [ "$(od -An -tx1 -N4 "$2")" = " 7f 45 4c 46" ] || fail "$1: no kernel found in this file."
}

# build_modules SERIES RELEASE WORK: build gpio-sim, pwm-sim and v4l2loopback in WORK/mod
build_modules() {
  local series=$1 headers=$3/usr/src/linux-headers-$2 mod=$3/mod
  mkdir -p "$mod"
  # Debian's kernels do not contain gpio-sim, so it is built from Debian's source package. They do not contain IRQ_SIM
  # either, so it becomes part of the module. One function that it calls is not exported and is replaced.
  dpkg-deb --fsys-tarfile "$(deb "linux-source-$series")" |
    tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc -T0 |
    tar -x -C "$mod" --wildcards --transform 's#.*/##' \
      '*/drivers/gpio/gpio-sim.c' '*/drivers/gpio/gpiolib.h' '*/drivers/gpio/gpiolib-*.h' '*/kernel/irq/irq_sim.c'
  mv "$mod/gpio-sim.c" "$mod/gpio-sim-main.c"
  sed -i 's/handle_simple_irq(irq_to_desc(irqnum))/generic_handle_irq(irqnum)/' "$mod/irq_sim.c"
  # The kernel of a Raspberry Pi keeps the level of a released output. The parameter persist makes gpio-sim keep it too.
  sed -i -e '/^static void gpio_sim_free/i static bool persist;\nmodule_param(persist, bool, 0444);' \
    -e '/^static void gpio_sim_free/,/^}/s/__assign_bit(offset, chip->value_map/if (!persist) &/' \
    "$mod/gpio-sim-main.c"
  grep -q 'if (!persist)' "$mod/gpio-sim-main.c" ||
    fail "gpio-sim of $series has changed. Adapt the patch for the parameter persist in this script."
  cp "$here/modules/pwm-sim.c" "$mod/"
  dpkg-deb --fsys-tarfile "$cache/debs/${loopback}_${loopback_version}_all.deb" |
    tar -x -C "$mod" --wildcards --transform 's#.*/##' './usr/src/v4l2loopback-*.[ch]'
  # The kernel has no strlcpy since 6.8.
  sed -i 's/strlcpy(/strscpy(/' "$mod/v4l2loopback.c"
  printf '%s\n' 'obj-m += gpio-sim.o pwm-sim.o v4l2loopback.o' 'gpio-sim-y := gpio-sim-main.o irq_sim.o' >"$mod/Kbuild"
  sed -i "s#include /usr/src#include $3/usr/src#" "$headers/Makefile"
  make -s -C "$headers" M="$mod" CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$3/build.log" 2>&1 || {
    cat "$3/build.log" >&2
    fail "could not build the modules of $series. See the messages above."
  }
}

# keep_modules RELEASE WORK OUT: copy the needed modules and their dependencies, of some thousands
keep_modules() {
  local all=$2/lib/modules/$1 kept=$3/lib/modules/$1 name file
  mkdir -p "$all/updates" "$kept"
  for name in gpio-sim pwm-sim v4l2loopback; do strip -g -o "$all/updates/$name.ko" "$2/mod/$name.ko"; done
  depmod -b "$2" "$1"
  for name in $modules; do modprobe -d "$2" -S "$1" --show-depends "$name"; done |
    awk '$1 == "insmod" { print $2 }' | sort -u |
    while read -r file; do
      file=${file#"$all/"}
      mkdir -p "$kept/$(dirname "$file")"
      case $file in
        *.xz) xz -dc "$all/$file" >"$kept/${file%.xz}" ;;
        *) cp "$all/$file" "$kept/$file" ;;
      esac
    done
  cp "$all"/modules.{order,builtin,builtin.modinfo} "$kept/"
  depmod -b "$3" "$1"
}

# make_initramfs RELEASE WORK OUT: pack busybox, init and the modules that init needs
make_initramfs() {
  local name file
  mkdir -p "$2/initramfs/bin" "$2/initramfs/mod"
  cp "$(command -v busybox)" "$2/initramfs/bin/busybox"
  for name in virtio_pci virtio_console 9pnet_virtio 9p overlay configfs; do
    modprobe -d "$3" -S "$1" --show-depends "$name" | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++' | while read -r file; do
    cp "$file" "$2/initramfs/mod/"
    basename "$file" >>"$2/initramfs/mod/order"
  done
  install -m 755 "$here/init" "$2/initramfs/init"
  (cd "$2/initramfs" && find . | cpio -o -H newc --quiet | gzip -1) >"$3/initrd.gz"
}

build() {
  local series=$1 meta image release abi kbuild out work name sources
  out=$cache/$series
  sources=$(cat "$here/make-vm.sh" "$here/init" "$here/modules/pwm-sim.c" | sha256sum)
  [ -z "$force" ] && [ -e "$out/release" ] && [ "$(cat "$out/sources")" = "$sources" ] && return

  [ -e "$cache/apt/conf" ] && [ -z "$force" ] || configure_apt
  meta=linux-image-$series-amd64 kbuild=
  if [ "$series" = 6.1 ]; then meta=linux-image-amd64 kbuild=linux-kbuild-6.1; fi
  image=$(apt-cache -c "$cache/apt/conf" depends "$meta" | sed -n 's/^ *Depends: \(linux-image-[0-9]\)/\1/p' | head -1)
  [ -n "$image" ] || fail "$meta: not found in Debian 12."
  release=${image#linux-image-} abi=${release%-amd64}
  local packages=("$image" "linux-headers-$release" "linux-headers-$abi-common" "${kbuild:-linux-kbuild-$abi}")
  echo "make-vm: $series: $release" >&2
  download "${packages[@]}" "linux-source-$series"
  download_loopback

  rm -rf "$out"
  work=$out/work
  mkdir -p "$work"
  for name in "${packages[@]}"; do dpkg-deb -x "$(deb "$name")" "$work"; done
  extract_vmlinux "$work/boot/vmlinuz-$release" "$out/vmlinux"
  build_modules "$series" "$release" "$work"
  keep_modules "$release" "$work" "$out"
  make_initramfs "$release" "$work" "$out"
  rm -rf "$work"
  echo "$sources" >"$out/sources"
  echo "$release" >"$out/release"
}

make_systemd_root() {
  local root=$cache/systemd
  [ -z "$force" ] && [ -e "$root/usr/bin/node" ] && return
  command -v mmdebstrap >/dev/null || fail "not installed: mmdebstrap. See test/vm/README.md."
  echo "make-vm: systemd: Debian 12" >&2
  mkdir -p "$cache"
  rm -rf "$root"
  mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,systemd-timesyncd,dbus,udev,kmod,procps,libstdc++6 \
    bookworm "$root"
  cp "$(command -v node)" "$root/usr/bin/node"
}

for what; do
  if [ "$what" = systemd ]; then make_systemd_root; else build "$what"; fi
done
