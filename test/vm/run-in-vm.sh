#!/bin/bash
# Boots the virtual machine, runs a command in it, prints its output and returns its exit status.
#   run-in-vm.sh COMMAND [ARG]...
# VM_KERNEL   6.1 or 6.12 (default: 6.12)
# VM_BOUND_S  seconds for the whole run (default: 300). After them, the exit status is 124.
# VM_SYSTEMD  1: boot the small Debian that "make-vm.sh systemd" makes. The command runs when systemd is up.
# VM_QEMU     more arguments for qemu
# VM_CONSOLE  file for the log of the kernel. Without it, the end of the log goes to stderr if there is no result.
# If the guest ends without a result, the exit status is 125.
# The guest has the programs of the host, the project at its path, and no network except loopback. It cannot write to
# the host.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-vm
kernel=$cache/${VM_KERNEL:-6.12}
[ -e "$kernel/release" ] || {
  echo "run-in-vm: $kernel: no kernel found. Run make-vm.sh first." >&2
  exit 2
}
vm=$(mktemp -d)
trap 'rm -rf "$vm"' EXIT
console=${VM_CONSOLE:-$vm/console}

root=/ append=
if [ -n "${VM_SYSTEMD:-}" ]; then
  root=$cache/systemd
  # These units take minutes in emulation.
  for unit in systemd-udev-trigger.service systemd-logind.service getty.target systemd-hwdb-update.service; do
    append+=" systemd.mask=$unit"
  done
fi
modules=$(realpath "$project/node_modules")
printf 'PROJECT=%q NODE_MODULES=%q SYSTEMD=%q\n' "$project" "$modules" "${VM_SYSTEMD:-}" >"$vm/env"
{
  printf 'export HOME=/root PATH=%q:/usr/sbin:/sbin:/usr/bin:/bin\n' "$PATH"
  echo 'mountpoint -q /sys/kernel/config || { modprobe configfs; mount -t configfs configfs /sys/kernel/config; }'
  echo 'mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug'
  echo 'for port in /sys/class/virtio-ports/*; do [ "$(cat $port/name)" = out ] && out=/dev/${port##*/}; done'
  printf 'cd %q\n' "$project"
  echo "( $(printf '%q ' "$@") </dev/null; echo \$? >/vm/status ) 2>&1 | cat >\$out"
  echo 'sync; echo o >/proc/sysrq-trigger; sleep 30'
} >"$vm/guest.sh"

# share NAME FOLDER [OPTION]: let the guest mount a folder of the host
shares=()
share() {
  shares+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap${3:-}")
  shares+=(-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}
share root "$root" ,readonly=on
share modules "$kernel/lib/modules" ,readonly=on
share project "$project" ,readonly=on
share node_modules "$modules" ,readonly=on
share vm "$vm"

# The unpacked kernel starts by PVH. In emulation, unpacking would take ten seconds. The port of the output is a file:
# on stdio, whose standard input is closed, the writes of the guest would block forever.
status=0
setpriv --pdeathsig TERM timeout --foreground "${VM_BOUND_S:-300}" setpriv --pdeathsig KILL qemu-system-x86_64 \
  -M pc -accel tcg,thread=multi -smp 2 -m 1024 -nodefaults -no-user-config -display none -no-reboot \
  -kernel "$kernel/vmlinux" -initrd "$kernel/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 reboot=t random.trust_cpu=on$append" \
  -serial "file:$console" -device virtio-rng-pci -device virtio-serial-pci \
  -chardev file,id=out,path=/dev/stdout -device virtserialport,chardev=out,name=out \
  "${shares[@]}" ${VM_QEMU:-} </dev/null | cat || status=$?
if [ "$status" = 124 ]; then
  echo "run-in-vm: not finished within ${VM_BOUND_S:-300} s. Set VM_BOUND_S to allow more." >&2
elif [ -e "$vm/status" ]; then
  exit "$(cat "$vm/status")"
else
  status=125
fi
[ -n "${VM_CONSOLE:-}" ] || tail -20 "$console" >&2
exit "$status"
