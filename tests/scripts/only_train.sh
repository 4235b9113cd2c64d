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

# The files that include a library, themselves or by one of our headers that do.
eigen_headers=$(cd "$repository" && grep -lE '#include <Eigen/' reference/cpu/*.h)
json_headers=$(cd "$repository" && grep -lE '#include <nlohmann/' reference/io/*.h)
including() { (cd "$repository" && grep -lE "$1" reference/{io,train,apps,cpu}/*.cpp); }
# takes <file> <folder>: its command names this folder of the dependencies, and not only one in it.
takes() {
  local command
  command=$(awk -v file="/$1\"" '/"command":/ { command = $0 } /"file":/ && index($0, file) { print command }' "$work/build/compile_commands.json")
  if [ -z "$command" ]; then return; fi  # it is not built here
  count=$((count + 1))
  if [[ ${command//"$deps/$2/"/} == *"$deps/$2"* ]]; then return; fi
  echo "FAILED: $1 includes another library, whose target its own does not name:"
  echo "$command"
  failures=$((failures + 1))
}
count=0
for file in $(including '#include <(fmt|nlohmann|CLI)/') $(including "#include \"(${json_headers//$'\n'/|})\""); do
  takes "$file" include
done
if [ "$count" -lt 10 ]; then echo "FAILED: looked at $count files only"; failures=$((failures + 1)); fi
count=0
for file in $(including "#include (<Eigen/|\"(${eigen_headers//$'\n'/|})\")"); do takes "$file" include/eigen3; done
if [ "$count" -lt 1 ]; then echo "FAILED: looked at no file that includes Eigen"; failures=$((failures + 1)); fi

rm "$deps/include/fmt/format.h"
rm -r "$work/build"
configure
expect 'a header that is not there' 1 'has no fmt/format.h'
finish
