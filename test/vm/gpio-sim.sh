#!/bin/bash
# In the guest, by hand: a GPIO chip without hardware. The tests have the same in guest/gpio-sim.ts.
#   gpio-sim.sh create CHIP NAME...      a chip with this label and lines of these names; prints its device
#   gpio-sim.sh pull CHIP NAME up|down   what a sensor does
#   gpio-sim.sh value CHIP NAME          what a motor would see: 0 or 1
#   gpio-sim.sh remove CHIP              unplugs it, whoever holds its lines
set -euo pipefail
usage() {
  sed -n '2,6s/^# //p' "$0" >&2
  exit 2
}
[ $# -ge 2 ] || usage
verb=$1 chip=$2
shift 2
config=/sys/kernel/config/gpio-sim/$chip

# line NAME: the folder that shows the line from outside
line() {
  local at
  for at in "$config"/bank0/line*; do
    [ "$(cat "$at/name")" = "$1" ] || continue
    echo "/sys/devices/platform/$(cat "$config/dev_name")/$(cat "$config/bank0/chip_name")/sim_gpio${at##*/line}"
    return
  done
  echo "gpio-sim: no line $1 in $chip" >&2
  return 1
}

case $verb in
  create)
    modprobe gpio-sim
    mkdir "$config" "$config/bank0"
    echo "$chip" >"$config/bank0/label"
    echo $# >"$config/bank0/num_lines"
    offset=0
    for name; do
      mkdir "$config/bank0/line$offset"
      echo "$name" >"$config/bank0/line$offset/name"
      offset=$((offset + 1))
    done
    echo 1 >"$config/live"
    cat "$config/bank0/chip_name"
    ;;
  pull) echo "pull-$2" >"$(line "$1")/pull" ;;
  value) cat "$(line "$1")/value" ;;
  remove)
    echo 0 >"$config/live"
    rmdir "$config"/bank0/line* "$config/bank0" "$config"
    ;;
  *) usage ;;
esac
