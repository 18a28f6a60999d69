#!/bin/bash
# npm run test:systemd: runs test/vm/systemd/*.vm.ts under the systemd of a small Debian 12 in a virtual machine.
#   systemd.sh [NAME]...
# NAME         a test file, for example sandbox for sandbox.vm.ts (default: all, in one boot)
# SORTBIN_DEB  a Debian package below the project. It is installed instead of the built project.
# VM_BOUND_S   seconds for the boot with its tests (default: 3600)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tests=()
for name; do tests+=("dist/test/vm/systemd/$name.vm.js"); done
[ $# -gt 0 ] || tests=(dist/test/vm/systemd/*.vm.js)
test/vm/make-vm.sh 6.12 systemd
chmod +x dist/device/tools/cli/main.js
gcc -O2 -static -Wall -Wextra -o dist/test/vm/sample test/vm/guest/sample.c

# A released output keeps its level, as on a Raspberry Pi. The USB keyboard stands for an accelerator.
in_guest='modprobe gpio-sim persist=Y && modprobe pwm-sim && modprobe xhci_pci &&
  exec node --test --test-concurrency=1 --test-reporter=spec --enable-source-maps "$@"'
# The default processor of qemu lacks instructions that LiteRT needs.
VM_SYSTEMD=1 VM_QEMU="-cpu max -device qemu-xhci -device usb-kbd" VM_BOUND_S=${VM_BOUND_S:-3600} \
  exec setpriv --pdeathsig TERM test/vm/run-in-vm.sh env SORTBIN_DEB="${SORTBIN_DEB:+$PWD/$SORTBIN_DEB}" \
  bash -c "$in_guest" systemd "${tests[@]}"
