#!/usr/bin/env bash
# scripts/gpu-check where there is no GPU, no nvcc, and where the command is wrong. With a GPU it is run by hand.
set -euo pipefail
root=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# fails <exit code> <words> <command>...: the command ends with this code and says these words.
fails() {
  local code=$1 words=$2 status=0
  shift 2
  "$@" >said 2>&1 || status=$?
  if [ "$status" -ne "$code" ] || ! grep -q -- "$words" said; then
    echo "FAILED: $*: exit code $status, wanted $code and '$words', said:" >&2
    cat said >&2
    exit 1
  fi
}

# A folder with the tools that the script needs and no others.
mkdir bin
for tool in bash sed head tr dirname cat env grep date mkdir readlink find cut tail timeout nproc xargs mv git; do
  ln -s "$(command -v "$tool")" "bin/$tool" 2>/dev/null || true
done
fails 3 'finds no NVIDIA GPU' env -i PATH="$work/bin" HOME="$work" bash "$root/scripts/gpu-check"
fails 2 "unknown option '--fast'" bash "$root/scripts/gpu-check" --fast
fails 2 '--out needs a folder' bash "$root/scripts/gpu-check" --out
fails 2 'has no folder include' bash "$root/scripts/gpu-check" --deps "$work"

# A driver that says there is a GPU, and a CUDA toolkit whose nvcc fails: loud, in the report, and not 0.
printf '#!/bin/sh\necho "Pretended GPU, 1.2, 9.0, 80 GiB"\n' >bin/nvidia-smi
# shellcheck disable=SC2016  # the dollar is of that script
printf '#!/bin/sh\nif [ "$1" = --version ]; then echo "release 13.0, V13"; else echo "nvcc fatal: pretended" >&2; exit 1; fi\n' >bin/nvcc
printf '#!/bin/sh\nexit 0\n' >bin/c++
chmod +x bin/nvidia-smi bin/nvcc bin/c++
fails 1 'build      wrong' env -i PATH="$work/bin" HOME="$work" bash "$root/scripts/gpu-check" --out results
grep -q '"build": {"result": "wrong"' results/gpu-check.json
grep -q '"chip": "90a"' results/gpu-check.json
grep -q 'nvcc fatal: pretended' results/build.log
echo 'gpu-check says what is missing'
