#!/bin/bash
# Boots the virtual machine, runs a command in it, prints its output, returns its exit status.
#   run-in-vm.sh COMMAND [ARG]...
# VM_KERNEL   6.1 or 6.12 (default)
# VM_BOUND_S  seconds for the whole run (default 300); exit status 124 when they are over
# VM_CONSOLE  file for the kernel's log; its end is shown on stderr where the guest ended without a result (status 125)
# The guest has the host's programs, the project at its path, loopback and no other network. It can write nowhere
# outside itself.
set -euo pipefail
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
kernel=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-vm/${VM_KERNEL:-6.12}
[ -e "$kernel/release" ] || {
  echo "run-in-vm: no kernel in $kernel: run make-vm.sh first" >&2
  exit 2
}
vm=$(mktemp -d)
trap 'rm -rf "$vm"' EXIT
console=${VM_CONSOLE:-$vm/console}

printf 'PROJECT=%q\n' "$project" >"$vm/env"
{
  printf 'export HOME=/root PATH=%q:/usr/sbin:/sbin\n' "$PATH"
  echo 'for port in /sys/class/virtio-ports/*; do [ "$(cat $port/name)" = out ] && out=/dev/${port##*/}; done'
  printf 'cd %q\n' "$project"
  echo "( $(printf '%q ' "$@") </dev/null; echo \$? >/vm/status ) 2>&1 | cat >\$out"
  echo 'sync; echo o >/proc/sysrq-trigger; sleep 30'
} >"$vm/guest.sh"

# share NAME FOLDER [OPTION]: a folder of the host that the guest may mount
shares=()
share() {
  shares+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap${3:-}")
  shares+=(-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}
share root / ,readonly=on
share modules "$kernel/lib/modules" ,readonly=on
share project "$project" ,readonly=on
share vm "$vm"

# The unpacked kernel starts by PVH, which saves the ten seconds that unpacking takes in emulation. The output's port is a
# file: on stdio, whose standard input is at its end, the guest's writes would be stuck for ever.
status=0
setpriv --pdeathsig TERM timeout --foreground "${VM_BOUND_S:-300}" setpriv --pdeathsig KILL qemu-system-x86_64 \
  -M pc -accel tcg,thread=multi -smp 2 -m 1024 -nodefaults -no-user-config -display none -no-reboot \
  -kernel "$kernel/vmlinux" -initrd "$kernel/initrd.gz" \
  -append "console=ttyS0 quiet panic=-1 reboot=t random.trust_cpu=on" \
  -serial "file:$console" -device virtio-rng-pci -device virtio-serial-pci \
  -chardev file,id=out,path=/dev/stdout -device virtserialport,chardev=out,name=out \
  "${shares[@]}" </dev/null | cat || status=$?
if [ "$status" = 124 ]; then
  echo "run-in-vm: not done within ${VM_BOUND_S:-300} s" >&2
elif [ -e "$vm/status" ]; then
  exit "$(cat "$vm/status")"
else
  status=125
fi
[ -n "${VM_CONSOLE:-}" ] || tail -20 "$console" >&2
exit "$status"
