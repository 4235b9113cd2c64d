#!/usr/bin/env bash
# What the tests of the scripts share. Sourced with the root of the repository as $1.
set -euo pipefail

# shellcheck disable=SC2034  # used by those who source this
repository=$1
failures=0
work=$(mktemp -d "${TMPDIR:-/tmp}/convoy scripts.XXXXXX")      # with a space, on purpose
trap 'rm -rf -- "$work"' EXIT

# run <command>: keeps what it prints in $output and how it ends in $status.
run() {
  status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
}

# expect <what> <status> <text>...: the last run ended so, and printed every one of these texts.
expect() {
  local what=$1 wanted=$2 text
  shift 2
  if [ "$status" -ne "$wanted" ]; then
    printf 'FAILED: %s: ended with %s, not %s, and printed:\n%s\n' "$what" "$status" "$wanted" "$output"
    failures=$((failures + 1))
    return
  fi
  for text in "$@"; do
    if [[ $output != *"$text"* ]]; then
      printf 'FAILED: %s: should print\n  %s\nbut printed\n%s\n' "$what" "$text" "$output"
      failures=$((failures + 1))
    fi
  done
}

finish() {
  if [ "$failures" -ne 0 ]; then
    echo "$failures checks failed"
    exit 1
  fi
  echo 'all checks passed'
}
