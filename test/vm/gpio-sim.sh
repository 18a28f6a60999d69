#!/bin/bash
# Simulates a GPIO chip by hand, in the guest. The tests use guest/gpio-sim.ts for the same.
#   gpio-sim.sh create CHIP NAME...      create a chip with this label and these lines, and print its device
#   gpio-sim.sh pull CHIP NAME up|down   pull a line up or down, like a sensor
#   gpio-sim.sh value CHIP NAME          print the level of a line, 0 or 1, as a motor receives it
#   gpio-sim.sh remove CHIP              unplug the chip, also while its lines are held
set -euo pipefail
usage() {
  sed -n '2,6s/^# //p' "$0" >&2
  exit 2
}
[ $# -ge 2 ] || usage
verb=$1 chip=$2
shift 2
config=/sys/kernel/config/gpio-sim/$chip

# line NAME: print the folder with the level and pull of a line
line() {
  local at
  for at in "$config"/bank0/line*; do
    [ "$(cat "$at/name")" = "$1" ] || continue
    echo "/sys/devices/platform/$(cat "$config/dev_name")/$(cat "$config/bank0/chip_name")/sim_gpio${at##*/line}"
    return
  done
  echo "gpio-sim: chip $chip has no line $1" >&2
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
