#!/usr/bin/env bash
# check_layers accepts this repository and a small tree of its kind, and rejects every include against the arrows.
# shellcheck source-path=SCRIPTDIR
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

tree="$work/tree"
put() { mkdir -p "$tree/$(dirname -- "$1")" && printf '%s\n' "${@:2}" >"$tree/$1"; }

# reject <file> <include> <text>: with this include planted in line 2 of a file, check_layers names file, line and rule.
reject() {
  put "$1" '// planted' "$2"
  run "$repository/scripts/check_layers" "$tree"
  expect "$2 in $1" 1 "$1:2: " "$3" 'check_layers: 1 broken rules'
  rm "$tree/$1"
}
accept() {
  put "$1" '// allowed' "$2"
  run "$repository/scripts/check_layers" "$tree"
  expect "$2 in $1" 0 'every #include follows the arrows'
  rm "$tree/$1"
}

run "$repository/scripts/check_layers"
expect 'this repository' 0 'every #include follows the arrows'

put reference/core/shape.h '#include <cstdint>'
put reference/model/layer.h '#include <vector>' '#include "reference/core/shape.h"'
put simulator/engine/simulate.cpp '#include <simgrid/s4u.hpp>' '#include "reference/io/profile.h"'
run "$repository/scripts/check_layers" "$tree"
expect 'a small tree' 0 '3 files'

# Against the arrows.
reject reference/core/a.h '#include "reference/model/layer.h"' 'reference/core must not include reference/model'
reject reference/collectives/a.cpp '#include "reference/model/layer.h"' 'reference/collectives must not include reference/model'
reject reference/model/a.cpp '  #  include "reference/schedule/schedule.h"' 'reference/model must not include reference/schedule'
reject reference/schedule/a.h '#include "reference/plans/plan.h"' 'reference/schedule must not include reference/plans'
reject reference/exec/a.h '#include "reference/plans/plan.h"' 'reference/exec must not include reference/plans'
reject reference/cpu/deep/er/a.h '#include "reference/schedule/schedule.h"' 'reference/cpu must not include reference/schedule'
reject reference/data/a.h '#include "reference/model/model.h"' 'reference/data must not include reference/model'
reject simulator/platform/a.h '#include "simulator/engine/simulate.h"' 'simulator/platform must not include simulator/engine'
reject simulator/report/a.h '#include "simulator/platform/cluster.h"' 'simulator/report must not include simulator/platform'
for part in cpu cuda exec data train; do
  reject simulator/apps/a.cpp "#include \"reference/$part/a.h\"" "simulator/apps must not include reference/$part"
done
reject reference/train/a.cpp '#include "simulator/cost/cost.h"' 'reference/train must not include simulator/cost'
reject reference/core/a.cpp '#include "tests/catch.h"' 'reference/core must not include tests'
accept reference/schedule/a.cpp '#include "reference/collectives/collective.h"'
accept simulator/apps/a.cpp '#include "reference/io/profile.h"'
accept tests/plans/a.cpp '#include "simulator/engine/simulate.h"'

# Outside libraries.
for folder in core model collectives schedule plans; do
  reject "reference/$folder/a.h" '#include <fmt/format.h>' "reference/$folder must not include <fmt/format.h>"
  reject "reference/$folder/a.h" '#include <unistd.h>' "reference/$folder must not include <unistd.h>"
done
reject reference/exec/a.cpp '#include <mpi.h>' 'reference/exec must not include <mpi.h>'
reject reference/exec/a.cpp '#include "reference/exec/mpi/world.h"' 'reference/exec must not include reference/exec/mpi'
reject reference/train/a.cpp '#include "reference/exec/mpi/world.h"' 'reference/train must not include reference/exec/mpi'
reject reference/apps/a.cpp '#include <mpi.h>' 'reference/apps must not include <mpi.h>'
reject tests/apps/a.cpp '#include <mpi.h>' 'tests must not include <mpi.h>'
accept reference/exec/mpi/a.cpp '#include <mpi.h>'
accept reference/apps/a.cpp '#include "reference/exec/mpi/world.h"'
reject reference/exec/a.cpp '#include <Eigen/Core>' 'reference/exec must not include <Eigen/Core>'
reject reference/exec/a.cpp '#include "mpi.h"' 'write the path from the root'
reject simulator/apps/a.cpp '#include <mpi.h>' 'simulator/apps must not include <mpi.h>'
reject simulator/platform/a.cpp '#include <simgrid/s4u.hpp>' 'simulator/platform must not include <simgrid/s4u.hpp>'
reject reference/apps/a.cpp '#include "simgrid/s4u.hpp"' 'reference/apps must not include <simgrid/s4u.hpp>'
reject tests/report/a.cpp '#include <simgrid/s4u.hpp>' 'tests must not include <simgrid/s4u.hpp>'
accept tests/engine/a.cpp '#include <simgrid/s4u.hpp>'
accept reference/cpu/a.cpp '#include <Eigen/Core>'
accept reference/exec/a.cpp '#include <sys/resource.h>'

# Ways around the rules.
reject reference/core/a.h '#include "../model/layer.h"' 'write the path from the root'
reject reference/core/a.h '#include "shape.h"' 'write the path from the root'
reject reference/core/a.h '#include "reference/core/../model/layer.h"' 'write the path from the root'
reject reference/core/a.h '#include <reference/model/layer.h>' 'write our own headers in quotes'
reject reference/core/a.h '#include HEADER' 'an #include that names no file'
reject reference/core/a.h '#include "reference/extra/a.h"' 'is in no known folder'

# Folders that the table does not know.
put reference/extra/a.h '#include <vector>'
run "$repository/scripts/check_layers" "$tree"
expect 'an unknown folder' 1 'reference/extra/a.h:1: ' 'does not know'
rm -r "$tree/reference/extra"
put simulator/a.cpp '#include <vector>'
run "$repository/scripts/check_layers" "$tree"
expect 'a file beside the folders' 1 'simulator/a.cpp:1: ' 'does not know'

run "$repository/scripts/check_layers" "$work"
expect 'a folder without sources' 2 'has no reference/ and simulator/'
finish
