#!/usr/bin/env bash
# Every plan with 2, 3 and 4 ranks as processes, one start each.
#
#   mpi_plans_test.sh <mpirun> <mpi_plans>
set -euo pipefail

mpirun=$1
plans=$2
flags=()
if "$mpirun" --version 2>&1 | grep -qE 'Open ?(MPI|RTE)'; then flags+=(--oversubscribe --bind-to none); fi
if [ "${#flags[@]}" -ne 0 ] && [ "$(id -u)" -eq 0 ]; then flags+=(--allow-run-as-root); fi

for n in 2 3 4; do
  timeout 1800 "$mpirun" "${flags[@]}" -n "$n" "$plans" </dev/null
done
