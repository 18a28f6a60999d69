#!/bin/sh
# Runs in a fresh Debian root: installs the package from the signed repository in /test/repo, as an owner does.
set -eu
mkdir -p /etc/apt/keyrings
cp /test/sortbin.asc /etc/apt/keyrings/sortbin.asc
cat >/etc/apt/sources.list.d/sortbin.sources <<SOURCES
Types: deb
URIs: file:/test/repo
Suites: stable
Components: main
Signed-By: /etc/apt/keyrings/sortbin.asc
SOURCES
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o APT::Sandbox::User=root update
apt-get -qq -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 install -y --no-install-recommends sortbin
sortbin --version
apt-cache policy sortbin
# A changed index is refused.
sed -i 's/^Description: .*/Description: changed/' /test/repo/dists/stable/InRelease
if apt-get -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any update; then
  echo 'FAILED: apt accepts a changed InRelease' >&2
  exit 1
fi
