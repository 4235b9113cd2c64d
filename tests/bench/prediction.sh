#!/usr/bin/env bash
# How far predictions are off on this machine: trains, profiles and simulates the same schedule N times, as scripts/demo does, and
# prints measured and simulated step times with the error of each part, then the median error of each part.
#
#   tests/bench/prediction.sh [runs]        10 runs by default; needs build/release (scripts/demo builds it)
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
runs=${1:-10}
export PATH="$PWD/build/release/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
what=(--model lenet5 --plan data --ranks 2 --batch 64 --threads 1 --bucket 64KiB)

for ((run = 1; run <= runs; ++run)); do
  convoy train "${what[@]}" --epochs 1 --json "$work/train.json" >/dev/null 2>&1
  convoy profile "${what[@]}" --profile-out "$work/profile.json" --cluster-out "$work/machine.yaml" >/dev/null 2>&1
  convoy compare --run "$work/train.json" --cluster "$work/machine.yaml" --profile "$work/profile.json" 2>/dev/null >"$work/table"
  awk '/^step / { print "measured " $2 " " $3 "  simulated " $4 " " $5 "  error " $6 " %" }' "$work/table"
  awk 'rows && NF >= 5 && $(NF) == "%" { e = $(NF - 1); name = $1; for (i = 2; i <= NF - 6; ++i) name = name "_" $i; print name, e } /^---/ { rows = 1 }' "$work/table" >>"$work/errors"
done

echo
echo "median error of $runs runs:"
cut -d ' ' -f 1 "$work/errors" | awk '!seen[$0]++' | while read -r name; do
  awk -v n="$name" '$1 == n { print $2 + 0 }' "$work/errors" | sort -g | awk -v n="$name" '{ v[NR] = $1 } END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; printf "  %-24s %+7.1f %%   from %+.1f to %+.1f\n", n, m, v[1], v[NR] }'
done
