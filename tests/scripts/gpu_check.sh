#!/usr/bin/env bash
# scripts/gpu-check without a GPU: what it says when something is missing, and with a pretended machine what it makes of what its
# steps say: results, the report, and when it ends with 1.
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
# has <words> <file>: there is such a line.
has() {
  if grep -q -- "$1" "$2"; then return; fi
  echo "FAILED: '$1' is not in $2:" >&2
  cat "$2" >&2
  exit 1
}

# ---- what is missing. A folder with the tools that the script needs and no others.
mkdir bin
for tool in bash sh sed head tr dirname cat env grep date mkdir readlink find cut tail timeout nproc xargs mv rm cp tee touch chmod awk; do
  ln -s "$(command -v "$tool")" "bin/$tool" 2>/dev/null || true
done
visible=''  # what CUDA_VISIBLE_DEVICES says; empty: it is not set
check() { env -i ${visible:+"CUDA_VISIBLE_DEVICES=$visible"} PATH="$work/bin" HOME="$work" TMPDIR="$work" PRETENDED="$work/pretended" bash "$root/scripts/gpu-check" "$@"; }
fails 3 'finds no NVIDIA GPU' check
fails 2 "unknown option '--fast'" check --fast
fails 2 '--out needs a value' check --out
fails 2 "--minutes is '0'" check --minutes 0
fails 2 'has no include/eigen3/Eigen/Core' check --deps "$work"

printf '#!/bin/sh\necho "No devices were found"\nexit 6\n' >bin/nvidia-smi
chmod +x bin/nvidia-smi
fails 3 'finds no NVIDIA GPU' check

# ---- a pretended machine. What its programs say stands in files of the folder pretended: <program>.out, <program>.code.
mkdir pretended deps
# write_tool <name>: a script of sh from stdin, in place of a link to the real one where there is one.
write_tool() { rm -f "bin/$1"; { echo '#!/bin/sh'; cat; } >"bin/$1"; chmod +x "bin/$1"; }
write_tool nvidia-smi <<'SH'
if [ "$1" = -i ] && [ "$2" = 1 ]; then echo "Second GPU, 1.2, 7.5, 8 GiB"; exit 0; fi
if [ "$1" = -i ]; then echo "no such GPU"; exit 6; fi
echo "Pretended GPU, 1.2, $(cat "$PRETENDED/capability" 2>/dev/null || echo 9.0), 80 GiB"
echo "Second GPU, 1.2, 7.5, 8 GiB"
SH
# Every program that is "built" is a copy of this: says and does what the files say of what it is called; of convoy-train, with its
# verb and model.
write_tool pretend <<'SH'
name=${0##*/}
if [ "$name" = convoy-train ]; then name=$name-$1; fi
case " $* " in *" --ranks 1 "*) name=cpu-$name ;; esac
for word in "$@"; do
  if [ "$before" = --model ]; then name=$name-$word; fi
  if [ "$before" = --json ]; then json=$word; fi
  before=$word
done
if [ "$name" = layers ]; then cp results/gpu-check.json "$PRETENDED/seen.json" 2>/dev/null; fi
if [ -n "$json" ]; then cat "$PRETENDED/$name.json" >"$json"; fi
cat "$PRETENDED/$name.out" 2>/dev/null
exit "$(cat "$PRETENDED/$name.code" 2>/dev/null || echo 0)"
SH
write_tool nvcc <<'SH'
if [ "$1" = --version ]; then echo "release 13.0, V13"; exit 0; fi
if [ -e "$PRETENDED/broken-nvcc" ]; then echo "nvcc fatal: pretended" >&2; exit 1; fi
exec c++ "$@"
SH
write_tool c++ <<'SH'
for word in "$@"; do
  if [ "$before" = -o ]; then to=$word; fi
  if [ "$word" = -c ]; then object=yes; fi
  before=$word
done
if [ -z "$to" ]; then exit "$(cat "$PRETENDED/headers.code" 2>/dev/null || echo 0)"; fi
if [ "$object" = yes ]; then touch "$to"; else cp "$(command -v pretend)" "$to"; fi
SH
write_tool ar <<'SH'
for word in "$@"; do if [ "$word" != rcs ] && [ ! -e "$word" ] && [ "$word" != "$2" ]; then exit 1; fi; done
touch "$2"
SH
write_tool cmake <<'SH'
if [ "$1" != --build ]; then echo "$@" >"$PRETENDED/cmake.words"; exit 0; fi
mkdir -p "$2/bin"
cp "$(command -v pretend)" "$2/bin/convoy-train"
SH
say() { printf '%s\n' "$2" >"pretended/$1"; }

say capability '[N/A]'
fails 2 "the compute capability of Pretended GPU is '\[N/A\]', which is none" check --out results
rm pretended/capability

say broken-nvcc ''
fails 1 'build        wrong' check --out results
has '"build": {"result": "wrong"' results/gpu-check.json
has '"chip": "90a"' results/gpu-check.json
has 'nvcc fatal: pretended' results/build.log
has '^Pretended GPU, chip 90a' results/gpu-check.txt
if grep -q GUESSED results/gpu-check.txt; then echo 'FAILED: nothing was to be guessed' >&2; exit 1; fi

# Of several GPUs the one that programs will see; a part of one has a name that nvidia-smi does not take.
visible=1,0
fails 1 'Second GPU, chip 75' check --out results
if grep -q GUESSED results/gpu-check.txt; then echo 'FAILED: nothing was to be guessed' >&2; exit 1; fi
visible=MIG-1
fails 1 "GUESSED: nvidia-smi does not know 'MIG-1'" check --out results
has '^Pretended GPU, chip 90a' results/gpu-check.txt
visible=''
rm pretended/broken-nvcc

# All is right, where there is no sanitizer and no PyTorch.
say convoy-cuda-ladder.json '{"rungs": []}'
say convoy-cuda-ladder.out 'every rung is right'
for model in lenet5 resnet20 resnet50 vgg16; do
  say "convoy-train-train-$model.json" '{"step_time_s": 0.0125,
  "train_loss_per_epoch": [
    2.5
  ]}'
done
for model in lenet5 resnet20; do cp "pretended/convoy-train-train-$model.json" "pretended/cpu-convoy-train-train-$model.json"; done
say convoy-train-profile-resnet20.json '{"machine": "Pretended GPU"}'
fails 0 'nothing was wrong, 3 steps were not run' check --out results
for step in build check layers ladder train-build lenet5 vgg16 profile; do has "\"$step\": {\"result\": \"right\"" results/gpu-check.json; done
for step in memcheck racecheck pytorch; do has "\"$step\": {\"result\": \"not run\"" results/gpu-check.json; done
has '"complete": true' results/gpu-check.json
has '"complete": false' pretended/seen.json  # while it went on
has '"check": {"result": "right"' pretended/seen.json
has '32 images a step, 0.0125 s' results/gpu-check.txt
has 'lenet5=cpu   right' results/gpu-check.txt
has 'loss after 12 steps: GPU 2.5, CPU 2.5' results/gpu-check.txt
has 'CONVOY_ONLY_TRAIN=ON' pretended/cmake.words
has 'CONVOY_CUDA_ARCHITECTURES=90a' pretended/cmake.words
python=$(command -v python3 || true)
if [ -n "$python" ]; then
  "$python" - results/gpu-check.json <<'PYTHON'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["gpu"] == "Pretended GPU" and report["driver"] == "1.2" and report["cuda"] == "13.0", report
assert [row["model"] for row in report["training"]] == ["lenet5", "resnet20", "resnet50", "vgg16"], report
assert report["training"][1]["batch"] == 128 and report["training"][1]["run"]["step_time_s"] == 0.0125, report
assert report["ladder"] == {"rungs": []} and report["pytorch"] is None and report["profile"]["machine"] == "Pretended GPU", report
PYTHON
fi

# One step is wrong: the others go on, and the end is 1.
say layers.code 1
printf '%s\n' $'\e[31mno colours\e[m' $'WRONG: "conv 3x3" of \xe2\x80\x982x3x17x19\xe2\x80\x99: y is off by 0.5 of its largest value \\' 'last line' >pretended/layers.out
say convoy-train-train-resnet50.code 3
say convoy-train-train-resnet50.out 'the GPU has no room'
fails 1 '2 steps were WRONG, 3 were not run' check --out results
has '"layers": {"result": "wrong".*exit code 1 after .* s: WRONG: \\"conv 3x3\\" of .*2x3x17x19.* off by 0.5' results/gpu-check.json
if [ -n "$python" ]; then "$python" -c 'import json, sys; json.load(open(sys.argv[1], encoding="ascii"))' results/gpu-check.json; fi
has '"resnet50": {"result": "wrong".*exit code 3.*the GPU has no room' results/gpu-check.json
has '"vgg16": {"result": "right"' results/gpu-check.json
rm pretended/layers.code pretended/convoy-train-train-resnet50.code

# A step that takes too long is stopped, and that is wrong.
write_tool timeout <<'SH'
while [ "${1#-}" != "$1" ]; do shift; done
shift
case "$*" in *"$(cat "$PRETENDED/stopped" 2>/dev/null || echo nothing)"*) echo 'as far as it came'; exit "$(cat "$PRETENDED/stopped.code")" ;; esac
exec "$@"
SH
say stopped '--model vgg16'
say stopped.code 124
fails 1 'vgg16        wrong    stopped, since it took too long, after .* s: as far as it came' check --out results
has '"vgg16": {"result": "wrong"' results/gpu-check.json
# One that is killed long before that took too much of something else.
say stopped.code 137
fails 1 'vgg16        wrong    killed, perhaps since memory ran out, after .* s: as far as it came' check --out results --minutes 1000
say stopped.code 124
rm pretended/stopped

# What a ladder has written is in the report when a rung is wrong, and is not when the ladder broke off.
say convoy-cuda-ladder.code 1
fails 1 'ladder       wrong' check --out results
has '"ladder": {"rungs": \[\]}' results/gpu-check.json
say convoy-cuda-ladder.json '{"rungs": ['
say convoy-cuda-ladder.code 134
fails 1 'ladder       wrong    exit code 134' check --out results
has '"ladder": null' results/gpu-check.json
say convoy-cuda-ladder.json '{"rungs": []}'
rm pretended/convoy-cuda-ladder.code

# A loss on the GPU that the processor does not come to, or that is no number, is wrong.
for loss in 2.55 2.45 nan; do
  sed "s/2.5/$loss/" pretended/cpu-convoy-train-train-lenet5.json >pretended/convoy-train-train-resnet20.json
  fails 1 'resnet20=cpu wrong' check --out results
done
cp pretended/cpu-convoy-train-train-lenet5.json pretended/convoy-train-train-resnet20.json

# Sanitizers: right, wrong, not allowed, and one that says nothing.
write_tool compute-sanitizer <<'SH'
cat "$PRETENDED/$2.out"
exit "$(cat "$PRETENDED/$2.code" 2>/dev/null || echo 0)"
SH
say memcheck.out '========= ERROR SUMMARY: 0 errors'
say racecheck.out '========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)'
fails 0 'memcheck     right' check --out results
has '"racecheck": {"result": "right"' results/gpu-check.json
say memcheck.out '========= ERROR SUMMARY: 3 errors'
say memcheck.code 9
say racecheck.out 'Error: device not supported for this tool'
say racecheck.code 1
fails 1 'memcheck     wrong    exit code 9 of convoy-cuda-ladder: ========= ERROR SUMMARY: 3 errors' check --out results
has '"racecheck": {"result": "not run", "note": "this machine does not allow it: Error: device not supported' results/gpu-check.json
say memcheck.out 'nothing'
say memcheck.code 0
fails 1 'memcheck     wrong' check --out results
say stopped '--tool memcheck'
fails 1 'memcheck     wrong    stopped, since it took too long, of convoy-cuda-ladder: as far as it came' check --out results
rm pretended/stopped
rm bin/compute-sanitizer

# What training needs is not there; with --deps it is taken from there.
say headers.code 1
fails 0 'train-build  not run' check --out results
has 'bring their headers along with --deps DIR' results/gpu-check.txt
has '"lenet5": {"result": "not run"' results/gpu-check.json
for header in eigen3/Eigen/Core CLI/CLI.hpp fmt/format.h nlohmann/json.hpp; do
  mkdir -p "deps/include/$(dirname "$header")"
  touch "deps/include/$header"
done
fails 0 'train-build  right' check --out results --deps deps
has "CONVOY_DEPS=$work/deps" pretended/cmake.words

# PyTorch's times and the ratios are in the report; PyTorch that fails is wrong.
write_tool python3 <<'SH'
if [ "$1" = -c ]; then exit 0; fi
echo "lenet5, 64 images: 2.00 times as long"
echo '{"rows": []}' >"${2%training.json}pytorch.json"
SH
fails 0 '2.00 times as long' check --out results --deps deps
has '"pytorch": {"rows": \[\]}' results/gpu-check.json
write_tool python3 <<'SH'
if [ "$1" = -c ]; then exit 0; fi
echo "RuntimeError: pretended"
exit 1
SH
fails 1 'pytorch      wrong    exit code 1.*RuntimeError: pretended' check --out results --deps deps
fails 0 'memcheck     not run  --quick' check --out results --quick
echo 'gpu-check says what is missing and what is wrong'
