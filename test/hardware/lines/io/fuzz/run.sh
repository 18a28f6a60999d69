#!/bin/sh
# npm run test:fuzz [-- SECONDS]
# Fuzzes the parser of sortbin-io with libFuzzer and the sanitizers, for SECONDS (default: 60).
# Then builds the whole program with the sanitizers and runs its tests.
# Needs clang with its runtime (Debian: clang-14 libclang-rt-14-dev).
set -eu
cd "$(dirname "$0")/../../../../.."
clang=$(command -v clang || command -v clang-14) || { echo "test:fuzz: clang not found. Install clang-14 and libclang-rt-14-dev." >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
number=0
while read -r line; do
  number=$((number + 1))
  printf '%s' "$line" >"$work/corpus/$number"
done <test/hardware/lines/io/fuzz/seeds.txt
"$clang" -std=c11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
  device/hardware/lines/io/command.c test/hardware/lines/io/fuzz/command.c -o "$work/fuzz"
"$work/fuzz" -max_total_time="${1:-60}" -max_len=400 -print_final_stats=1 -artifact_prefix="$work/" "$work/corpus" \
  >"$work/log" 2>&1 || { tail -60 "$work/log"; exit 1; }
grep -E 'DONE|number_of_executed_units' "$work/log"

"$clang" -std=c11 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all device/hardware/lines/io/*.c -o "$work/sortbin-io"
SORTBIN_IO=$work/sortbin-io node --test dist/test/hardware/lines/io/program.test.js >"$work/log" 2>&1 || { tail -60 "$work/log"; exit 1; }
echo "sortbin-io with the sanitizers: $(grep -c '^ *ok ' "$work/log") tests passed"
