#!/usr/bin/env bash
# Speed and memory of the simulator: the commands of the targets, each with its wall time, CPU time, peak memory and answer next to
# what it should reach. Whole processes, one core each.
#
#   tests/bench/simulator.sh [runs]       the best of 3 runs by default; needs build/release/bin/convoy and bench_simulator
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
runs=${1:-3}
bin=$PWD/build/release/bin
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# ring_cluster NODES: devices in a ring with links of 50 GiB/s and 500 ns, of which each carries one flow each way.
ring_cluster() {
  cat >"$work/ring$1.yaml" <<YAML
name: ring of $1
description: "links of 50 GiB/s and 500 ns"
nodes: $1
node:
  devices: 1
  device: V100-SXM2-16GB
  nic: {bandwidth: 50GiB/s, latency: 500ns}
YAML
}

# gpu_cluster NODES SWITCHES [OVERSUBSCRIPTION]: nodes of 8 V100 with 4 NICs, 16 nodes on a leaf switch where this version knows fat
# trees, else all on one switch.
gpu_cluster() {
  local file=$work/gpus$1.yaml
  cat >"$file" <<YAML
name: $1 nodes
description: "8 V100 and 4 EDR adapters a node"
nodes: $1
topology: {kind: fat_tree, children: [16, $2], over_subscription: [${3:-1}], hop_latency: 300ns}
node:
  devices: 8
  device: V100-SXM2-16GB
  link: {bandwidth: 150GB/s, latency: 2us}
  nics: 4
  nic: {bandwidth: 100Gbit/s, latency: 5us}
YAML
  if "$bin/convoy" collective all_reduce --ranks 2 --bytes 4KiB --cluster "$file" >/dev/null 2>&1; then return; fi
  echo "this version knows no fat_tree: $1 nodes on one switch"
  sed -i '/^topology:/d' "$file"
}

# measure NAME TARGET PATTERN COMMAND...: PATTERN is an awk program that prints the answer from the command's output.
measure() {
  local name=$1 target=$2 answer=$3 best='' i
  shift 3
  printf '\n%s\n  $ convoy %s\n' "$name" "${*//$work\//}"
  for ((i = 0; i < runs; ++i)); do
    if ! /usr/bin/time -f '%e %U %S %M' -o "$work/time" "$bin/convoy" "$@" >"$work/out" 2>"$work/err"; then
      echo "  cannot: $(head -n 1 "$work/err")"
      return
    fi
    best=$(printf '%s\n%s\n' "$best" "$(tail -n 1 "$work/time")" | grep . | sort -g | head -n 1)
  done
  echo "$best" | awk -v target="$target" '{ printf "  wall %.2f s, CPU %.2f s, peak %.0f MB   (target: %s)\n", $1, $2 + $3, $4 / 1024, target }'
  printf '  answer: %s\n' "$(awk "$answer" "$work/out")"
}

collective_time='/^ *[0-9]+ +[0-9]+ +(float|none)/ { print $5 " us" }'
step_time='/^step time/ { print $3 " " $4 } /^lower bound/ { print "(by formula " $3 " " $4 ")" }'

ring_cluster 512
ring_cluster 4096
gpu_cluster 128 8
gpu_cluster 2048 128
ring=(collective all_reduce --algorithm ring --bytes 1MiB --chunks 4)
measure 'ring of 512 ranks, every step a flow; ASTRA-sim 3.0 s, 105 MB' '6 s, 60 MB, 2,082,986 ns' "$collective_time" \
  "${ring[@]}" --ranks 512 --fidelity steps --cluster "$work/ring512.yaml"
measure 'ring of 4,096 ranks, folded; ASTRA-sim 773 s, 5.6 GB' '1 s, 200 MB, 16,419,053 ns' "$collective_time" \
  "${ring[@]}" --ranks 4096 --fidelity flows --cluster "$work/ring4096.yaml"
gpu_cluster 128 8 2
measure 'all-to-all of 1,024 ranks on a 2:1 fat tree' '20 s, 500 MB' "$collective_time" \
  collective all_to_all --ranks 1024 --bytes 64MiB --fidelity flows --cluster "$work/gpus128.yaml"
gpu_cluster 128 8
step=(simulate --model "${CONVOY_BENCH_MODEL:-resnet50}" --plan data --batch-per-rank 32 --bucket 25MiB --overlap on --fidelity flows)
measure 'a data-parallel step on 1,024 GPUs, buckets overlapped' '2 s, 200 MB' "$step_time" \
  "${step[@]}" --ranks 1024 --cluster "$work/gpus128.yaml"
measure 'the same on 16,384 GPUs' '20 s, 1 GB' "$step_time" "${step[@]}" --ranks 16384 --cluster "$work/gpus2048.yaml"
echo
"$bin/bench_simulator"
