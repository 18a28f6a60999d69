#!/bin/sh
# npm run test:fuzz [-- SECONDS]
# Fuzzes the parsers of sortbin-io and sortbin-camera with libFuzzer and the sanitizers, each for SECONDS (default: 60).
# Then builds the whole programs with the sanitizers and runs their tests. sortbin-camera gets a fake V4L2 device too.
# Needs clang with its runtime (Debian: clang-14 libclang-rt-14-dev).
set -eu
cd "$(dirname "$0")/../.."
clang=$(command -v clang || command -v clang-14) || { echo "test:fuzz: clang not found. Install clang-14 and libclang-rt-14-dev." >&2; exit 1; }
seconds=${1:-60}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile SANITIZERS ARGUMENT...
compile() {
  sanitizers=$1
  shift
  "$clang" -std=c11 -g -O1 "-fsanitize=$sanitizers" -fno-sanitize-recover=all "$@"
}

# fuzz PROGRAM FOLDER MAX_LENGTH: the folder has the same path in device/hardware and test/hardware
fuzz() {
  mkdir "$work/corpus-$1"
  number=0
  while read -r line; do
    number=$((number + 1))
    printf '%s' "$line" >"$work/corpus-$1/$number"
  done <"test/hardware/$2/fuzz/seeds.txt"
  compile fuzzer,address,undefined "device/hardware/$2/command.c" "test/hardware/$2/fuzz/command.c" -o "$work/fuzz"
  "$work/fuzz" -max_total_time="$seconds" -max_len="$3" -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus-$1" \
    >"$work/log" 2>&1 || { tail -60 "$work/log"; exit 1; }
  echo "$1: parser: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") inputs, none breaks it"
}

# check PROGRAM TEST: runs a test with $work/PROGRAM
check() {
  LINKED_WITH=glibc SORTBIN_IO=$work/sortbin-io SORTBIN_CAMERA=$work/sortbin-camera \
    SORTBIN_CAMERA_FAKE=$work/sortbin-camera node --test "dist/test/hardware/$2.js" \
    >"$work/log" 2>&1 || { tail -60 "$work/log"; exit 1; }
  echo "$1: with the sanitizers: $(grep -c '^ *ok ' "$work/log") tests of ${2##*/} passed"
}

fuzz sortbin-io lines/io 400
compile address,undefined device/hardware/lines/io/*.c -o "$work/sortbin-io"
check sortbin-io lines/io/program.test

camera=camera/v4l2/io
fuzz sortbin-camera $camera 200
compile address,undefined device/hardware/$camera/*.c -o "$work/sortbin-camera"
check sortbin-camera $camera/program.test
compile address,undefined device/hardware/$camera/*.c test/hardware/$camera/fake/device.c \
  -Wl,--wrap=open,--wrap=ioctl,--wrap=mmap,--wrap=poll -o "$work/sortbin-camera"
check sortbin-camera $camera/capture.test
