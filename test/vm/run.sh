#!/bin/bash
# npm run test:vm: runs the built tests (test/vm/*.vm.ts) in a virtual machine.
#   run.sh [-k 6.1|6.12] [-p N|Y] [-v] [NAME]...
# -k  one kernel (default: both, because their numbers of GPIO lines and their PWM code differ)
# -p  Y: a released output keeps its level, as on a Raspberry Pi. N: it falls back to its pull. (default: both)
# -v  show the output of the tests as it comes (default: only of a failed run)
# NAME  a test file, for example helpers for helpers.vm.ts (default: all *.vm.ts). *.vmx.ts only by name
# BUILD  folder of the built program (default: dist).  VM_BOUND_S  seconds for one boot with its tests (default: 1800)
# SORTBIN_IO, SORTBIN_CAMERA  paths of other builds.  KILLS, CUTS, SEED, MEASURES  see kills.vm.ts and *.vmx.ts
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=${BUILD:-dist}
kernels="6.1 6.12" persists="N Y" verbose=
while getopts k:p:v option; do
  case $option in
    k) kernels=$OPTARG ;;
    p) persists=$OPTARG ;;
    v) verbose=1 ;;
    *)
      sed -n '2,10s/^# //p' "$0" >&2
      exit 2
      ;;
  esac
done
shift $((OPTIND - 1))

tests=()
for name; do
  test=$build/test/vm/$name.vm.js
  [ -e "$test" ] || test=$build/test/vm/$name.vmx.js
  tests+=("$test")
done
[ $# -gt 0 ] || tests=("$build"/test/vm/*.vm.js)
for test in "${tests[@]}"; do
  [ -e "$test" ] || {
    echo "run.sh: $test: not found. Run npm run build, or check the name." >&2
    exit 2
  }
done
# shellcheck disable=SC2086
test/vm/make-vm.sh $kernels
# A build by tsc alone does not make it executable.
chmod +x "$build/device/tools/cli/main.js"
gcc -O2 -static -Wall -Wextra -o "$build/test/vm/sample" test/vm/guest/sample.c

# All tests of a run share one boot. The files run one after the other, and each removes the chips that it made.
in_guest='modprobe gpio-sim persist=$0 && modprobe pwm-sim &&
  exec node --test --test-concurrency=1 --test-reporter=spec --enable-source-maps "$@"'
settings=()
for name in SORTBIN_IO SORTBIN_CAMERA KILLS CUTS SEED MEASURES; do
  [ -z "${!name:-}" ] || settings+=("$name=${!name}")
done
log=$(mktemp)
trap 'rm -f "$log"' EXIT
show() { if [ -n "$verbose" ]; then tee "$log"; else cat >"$log"; fi; }
count() { sed -n "s/^.* $1 \([0-9]*\)\$/\1/p" "$log" | tail -1; }
failed=0
for kernel in $kernels; do
  for persist in $persists; do
    status=0
    VM_KERNEL=$kernel VM_BOUND_S=${VM_BOUND_S:-1800} setpriv --pdeathsig TERM test/vm/run-in-vm.sh \
      env "${settings[@]}" bash -c "$in_guest" "$persist" "${tests[@]}" 2>&1 | show || status=$?
    passed=$(count pass) skipped=$(count skipped)
    result="${passed:-0} passed"
    [ "${skipped:-0}" = 0 ] || result+=", $skipped skipped"
    # A run without tests counts as failed.
    if [ "$status" != 0 ] || [ "${passed:-0}" = 0 ]; then
      failed=1
      result="FAILED (status $status), $result, $(count fail) failed"
      [ -n "$verbose" ] || cat "$log"
    fi
    echo "kernel $kernel persist=$persist: $result"
  done
done
exit "$failed"
