#!/usr/bin/env bash
# scripts/test adds up what ctest reports, and a failure anywhere makes it fail. cmake and ctest are played by stubs.
# shellcheck disable=SC2016  # the dollars are those of the stubs
# shellcheck source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

tree="$work/tree"
mkdir -p "$tree/scripts" "$tree/.ci" "$work/tools" "$work/elsewhere"
cp "$repository/scripts/test" "$tree/scripts/test"
cp "$repository/.ci/run" "$tree/.ci/run"
stub() { printf '#!/usr/bin/env bash\n%s\n' "$2" >"$1" && chmod +x "$1"; }
export PATH="$work/tools:$PATH"

# All is well: four runs of ctest, with 7 tests each; in that of parity with PyTorch tests may be skipped.
well() {
  unset FAIL_AT LAYERS INSTALL BAD SKIPPED CTEST_STATUS NO_REPORT
  stub "$tree/scripts/check_layers" 'exit ${LAYERS:-0}'
  stub "$tree/scripts/install-dependencies" 'exit ${INSTALL:-0}'
  stub "$work/tools/cmake" 'if [[ -n ${FAIL_AT:-} && "$*" == *"$FAIL_AT"* ]]; then exit 1; fi; mkdir -p build/{release,tsan,asan}'
  stub "$work/tools/ctest" 'while [ "$1" != --output-junit ]; do shift; done
    if [ -z "${NO_REPORT:-}" ]; then
      printf "<testsuite name=\"x\"\n\ttests=\"7\"\n\tfailures=\"%s\"\n\tdisabled=\"0\"\n\tskipped=\"%s\"\n>\n<testcase tests=\"99\"/><system-out>skipped: no &apos;torch&apos;\n</system-out>" \
        "${BAD:-0}" "${SKIPPED:-0}" >"$2"
    fi
    exit ${CTEST_STATUS:-0}'
}
# After every call of check, all is well again.
check() {
  run bash -c 'cd -- "$1" && exec "$2"' check "$work/elsewhere" "$tree/.ci/run"
  expect "$@"
  well
}
last_line() { [ "${output##*$'\n'}" = "$1" ] || { printf 'FAILED: last line is "%s", not "%s"\n' "${output##*$'\n'}" "$1"; failures=$((failures + 1)); }; }

well
check 'all is well' 0
last_line '28 passed, 0 failed'
export BAD=2 CTEST_STATUS=8
check 'two tests fail in each run' 1
last_line '20 passed, 8 failed'
export SKIPPED=1
check 'a test of each run does not run' 1 'did not run'
export SKIPPED=1
check 'the reason why tests are skipped' 1 "1 tests were skipped: no 'torch'"
last_line '24 passed, 3 failed, 1 skipped'
export CTEST_STATUS=8
check 'ctest fails without a failing test' 1 'ended with 8'
last_line '28 passed, 4 failed'
export NO_REPORT=1
check 'ctest leaves no report' 1 'left no report'
last_line '0 passed, 4 failed'
export FAIL_AT='--build build/release -j'
check 'the release build fails' 1 'FAILED: build/release'
last_line '14 passed, 1 failed'
export FAIL_AT='--preset tsan'
check 'configuring for the thread sanitizer fails' 1 'FAILED: build/tsan'
export FAIL_AT='--build build/asan'
check 'the build for the address sanitizer fails' 1 'FAILED: build/asan'
export FAIL_AT='--target docs'
check 'the documentation has warnings' 1 'the documentation'
last_line '28 passed, 1 failed'
export LAYERS=1
check 'an include against the arrows' 1 'FAILED: scripts/check_layers'
export INSTALL=1
check 'installing fails' 1 'FAILED: scripts/install-dependencies'
export INSTALL=2
check 'a system without apt-get' 0 'going on with what is there'
finish
