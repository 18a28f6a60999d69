#!/bin/sh
# npm run test:tuf -- SUITE [options of pytest]: runs the public suite tuf-conformance over the repository client.
# SUITE is a copy of github.com/theupdateframework/tuf-conformance. Its Python packages are installed
# into SUITE/.venv at the first run. NODE names another node than that in PATH.
set -eu
cd "$(dirname "$0")/../../.."
suite=${1:-}
if [ ! -f "$suite/tuf_conformance/conftest.py" ]; then
  echo "npm run test:tuf -- SUITE: ${suite:-no folder} is no copy of tuf-conformance. See test/update/conformance/README.md." >&2
  exit 64
fi
shift
command -v faketime >/dev/null || {
  echo 'faketime is missing. On Debian: apt install faketime' >&2
  exit 69
}
python=$suite/.venv/bin/python
if [ ! -x "$python" ]; then
  python3 -m venv "$suite/.venv"
  "$python" -m pip install --quiet 'securesystemslib[crypto]==1.4.0' tuf==7.0.0 pytest==9.1.1
fi
node=$(command -v "${NODE:-node}")
"$node" --version
exec "$python" -m pytest "$suite/tuf_conformance" \
  --entrypoint "$node $PWD/dist/test/support/tuf-client/main.js" "$@"
