#!/usr/bin/env bash
# Runs every command in the README's blocks marked ```sh, one after the other in an empty folder, and wants each to end with 0
# and to print something. Also: every file and folder that the README links to exists.
# usage: readme.sh <root of the repository> <folder of the programs>
# shellcheck source=common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
programs=$2
cd -- "$work"
export PATH="$programs:$PATH"

commands=0
while IFS= read -r line; do
  case $line in '' | '#'* | 'export PATH='*) continue ;; esac
  run bash -c "$line"
  expect "README: $line" 0
  [ -n "$output" ] || expect "README: $line prints something" 0 'something'
  commands=$((commands + 1))
done < <(awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$repository/README.md")
[ "$commands" -ge 5 ] || { echo "FAILED: found only $commands commands in the README"; failures=$((failures + 1)); }

while IFS= read -r link; do
  [ -e "$repository/$link" ] || { echo "FAILED: the README links to $link, which does not exist"; failures=$((failures + 1)); }
done < <(grep -o '](\([^)#]*\))' "$repository/README.md" | sed 's/^](//; s/)$//' | grep -v '^http')

finish
