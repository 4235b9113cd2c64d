#!/usr/bin/env bash
# -DCONVOY_ONLY_TRAIN=ON with -DCONVOY_DEPS: on a machine with none of our packages, a file finds the headers of another library only if its
# target names that library. Where they are installed nobody would notice, so this looks at the commands that CMake makes.
# shellcheck source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

deps="$work/deps"
for header in eigen3/Eigen/Core CLI/CLI.hpp fmt/format.h nlohmann/json.hpp; do
  mkdir -p "$deps/include/$(dirname -- "$header")"
  : >"$deps/include/$header"
done
configure() {
  run "${CMAKE:-cmake}" -S "$repository" -B "$work/build" -DCONVOY_ONLY_TRAIN=ON "-DCONVOY_DEPS=$deps" -DCONVOY_WITH_CUDA=OFF \
    -DCONVOY_WITH_MPI=OFF -DCONVOY_WITH_SMPI=OFF -DCONVOY_WITH_ONNX=OFF
}
configure
expect 'configuring with headers that were brought along' 0 'Generating done'

# The files that include a library, themselves or by one of io's headers that do.
json_headers=$(cd "$repository" && grep -lE '#include <nlohmann/' reference/io/*.h)
including() { (cd "$repository" && grep -lE "$1" reference/{io,train,apps,cpu}/*.cpp); }
# takes <file> <folder>: its command names this folder of the dependencies, and not only one in it.
takes() {
  local command
  command=$(grep -F -- "-c $repository/$1" "$work/build/compile_commands.json" || true)
  if [ -z "$command" ] || [[ ${command//"$deps/$2/"/} == *"$deps/$2"* ]]; then return; fi   # files without a command are not built here
  echo "FAILED: $1 includes another library, whose target its own does not name:"
  echo "$command"
  failures=$((failures + 1))
}
count=0
for file in $(including '#include <(fmt|nlohmann|CLI)/') $(including "#include \"(${json_headers//$'\n'/|})\""); do
  takes "$file" include
  count=$((count + 1))
done
for file in $(including '#include <Eigen/'); do takes "$file" include/eigen3; done
if [ "$count" -lt 10 ]; then echo "FAILED: found $count files only"; failures=$((failures + 1)); fi

rm "$deps/include/fmt/format.h"
rm -r "$work/build"
configure
expect 'a header that is not there' 1 'has no fmt/format.h'
finish
