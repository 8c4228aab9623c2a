#!/usr/bin/env bash
# Gives a bare Debian machine a Vulkan device in software (Mesa's lavapipe), on which the GPU tests run.
# Never fails: where none can be had, the GPU tests are skipped. Debian 12's own Mesa is too old for WebGPU
# (version 22; 25 works), so there it comes from the backports.
set -u

NEEDED_MESA=25
BACKPORTS_LIST=/etc/apt/sources.list.d/drover-backports.list

skip() {
  rm -f "$BACKPORTS_LIST"
  echo "no Vulkan device: GPU tests are skipped ($1)"
  exit 0
}

has_software_vulkan() {
  local mesa
  mesa=$(dpkg-query -W -f '${Version}' mesa-vulkan-drivers 2>/dev/null) || return 1
  dpkg --compare-versions "$mesa" ge "$NEEDED_MESA" && dpkg-query -W libvulkan1 >/dev/null 2>&1
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq "$@" >/dev/null
}

command -v apt-get >/dev/null || skip 'this is no Debian'
has_software_vulkan && exit 0
[ "$(id -u)" = 0 ] || skip 'installing mesa-vulkan-drivers takes root'

codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
release=()
if [ "$codename" = bookworm ]; then
  # Packages of the backports are taken only where asked for by name.
  echo 'deb http://deb.debian.org/debian bookworm-backports main' >"$BACKPORTS_LIST"
  release=(-t bookworm-backports)
fi
apt update || skip 'apt-get update failed'
apt install -y --no-install-recommends "${release[@]}" mesa-vulkan-drivers libvulkan1 ||
  skip 'mesa-vulkan-drivers could not be installed'
has_software_vulkan || skip "mesa-vulkan-drivers $NEEDED_MESA or newer is not to be had here"
