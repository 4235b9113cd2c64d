#!/usr/bin/env bash
# Every named plan on two ranks of this machine, measured and simulated: trains, profiles and simulates the same schedule, and prints a
# row for each plan with step times, error, and the errors of its parts. Median of N runs by step time error.
#
#   tests/bench/plans_prediction.sh [runs [model [transport]]]     default: 3 lenet5 threads; needs build/release (scripts/demo builds it)
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
runs=${1:-3}
model=${2:-lenet5}
transport=${3:-threads}
export PATH="$PWD/build/release/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
data=(--data fashion-mnist)
[ "$model" = lenet5 ] || data=(--data synthetic)
plans=("data" "data --overlap off" "data_parallel_root" "filter" "channel" "megatron" "spatial" "spatial --overlap off"
  "one_weird_trick" "one_weird_trick --scheme b" "one_weird_trick --scheme c" "hybrid --split 2 --inside filter")

printf '%-34s %12s %12s %9s   %s\n' plan measured simulated error 'errors of forward, backward, packing, communication'
for plan in "${plans[@]}"; do
  read -r -a words <<<"$plan"
  read -r -a plain <<<"${plan% --overlap off}"
  # The profile measures what a plan computes; whether messages overlap with it is not its business.
  measured=(--model "$model" --plan "${plain[@]}" --ranks 2 --batch 64 --threads 1 --bucket 64KiB --transport "$transport")
  what=(--model "$model" --plan "${words[@]}" --ranks 2 --batch 64 --threads 1 --bucket 64KiB --transport "$transport")
  : >"$work/rows"
  for ((run = 1; run <= runs; ++run)); do
    convoy train "${what[@]}" "${data[@]}" --epochs 1 --steps 200 --json "$work/train.json" >/dev/null 2>&1
    convoy profile "${measured[@]}" --profile-out "$work/profile.json" --cluster-out "$work/machine.yaml" >/dev/null 2>&1
    convoy compare --run "$work/train.json" --cluster "$work/machine.yaml" --profile "$work/profile.json" 2>/dev/null >"$work/table"
    awk '
      function error_of(    i) { return $(NF - 1) }
      rows && /^step /                { step = error_of(); times = $2 " " $3 " " $4 " " $5 }
      rows && /^forward /             { forward = error_of() }
      rows && /^backward /            { backward = error_of() }
      rows && /^packing /             { packing = error_of() }
      rows && /^other communication / { other = error_of() }
      /^---/ { rows = 1 }
      END { print step + 0, times, forward, backward, (packing == "" ? "-" : packing), (other == "" ? "-" : other) }' "$work/table" >>"$work/rows"
  done
  sort -g "$work/rows" | awk -v n="$runs" -v plan="$plan" 'NR == int((n + 1) / 2) {
    printf "%-34s %9s %2s %9s %2s %+7.1f %%   %s %s %s %s\n", plan, $2, $3, $4, $5, $1, $6, $7, $8, $9 }'
done
