#!/usr/bin/env bash
# install-dependencies installs just what is missing, and changes nothing where there is no apt-get.
# shellcheck disable=SC2016  # the dollars are those of the stubs
# shellcheck source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

tools="$work/tools"
mkdir "$tools"
for tool in bash cat sed env; do ln -s "$(command -v "$tool")" "$tools/$tool"; done
stub() { printf '#!/bin/sh\n%s\n' "$2" >"$tools/$1" && chmod +x "$tools/$1"; }
install() { run env -i PATH="$tools" STATE="$work" "$repository/scripts/install-dependencies" "$@"; }

install
expect 'no apt-get' 2 'no apt-get' 'libsimgrid-dev' 'SimGrid 3.32'

# dpkg-query knows what the file "installed" names; apt-get adds to it what it is asked to install, and notes every call.
stub dpkg-query 'for last; do :; done; if grep -qx "$last" "$STATE/installed"; then printf installed; else exit 1; fi'
stub apt-get 'echo "$*" >>"$STATE/calls"
  if [ "$1" = install ]; then for word; do echo "$word" >>"$STATE/installed"; done; fi'
stub id 'echo 0'
ln -s "$(command -v grep)" "$tools/grep"
: >"$work/installed"
: >"$work/calls"

install --list
mapfile -t packages < <(awk '{ print $1 }' <<<"$output")
expect 'the list' 0 'catch2'
printf '%s\n' "${packages[@]}" >"$work/installed"
install
expect 'everything there' 0 'everything is installed'
[ "$(wc -l <<<"$output")" -eq 1 ] || { echo 'FAILED: more than one line though all was there'; failures=1; }
[ ! -s "$work/calls" ] || { echo 'FAILED: apt-get was called though all was there'; failures=1; }

install --for-tests
expect 'what only tests use is missing' 0 'everything is installed'
[ "$(cat "$work/calls")" = 'install -y -q --no-install-recommends python3-torch python3-torchvision' ] ||
  { echo 'FAILED: calls of apt-get for tests:'; cat "$work/calls"; failures=1; }
: >"$work/calls"

grep -vx -e catch2 -e ninja-build "$work/installed" >"$work/less" && mv "$work/less" "$work/installed"
install
expect 'two missing' 0 'installing ninja-build catch2' 'everything is installed'
expected=$'update -q\ninstall -y -q --no-install-recommends ninja-build catch2'
[ "$(cat "$work/calls")" = "$expected" ] || { echo 'FAILED: calls of apt-get:'; cat "$work/calls"; failures=1; }

grep -vx python3-torch "$work/installed" >"$work/less" && mv "$work/less" "$work/installed"
stub apt-get 'exit 100'
install --for-tests
expect 'what only tests use cannot be had' 0 'python3-torch cannot be had' 'will be skipped'

grep -vx catch2 "$work/installed" >"$work/less" && mv "$work/less" "$work/installed"
stub apt-get 'if [ "$1" = install ]; then exit 100; fi'
install
[ "$status" -ne 0 ] || { echo 'FAILED: a failing apt-get passed'; failures=1; }
stub apt-get 'exit 0'
install
expect 'an apt-get that does nothing' 1 'still missing: catch2'

stub id 'echo 1000'
install
expect 'neither root nor sudo' 2 'there is no sudo' 'catch2'
install --wrong
expect 'an unknown option' 2 'unknown option --wrong'
finish
