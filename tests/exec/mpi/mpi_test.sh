#!/usr/bin/env bash
# The executor on MPI, on 1 to 4 ranks: what ends well, over shared memory and over TCP, and what must not.
#
#   mpi_test.sh <mpirun> <mpi_ranks>
set -euo pipefail

mpirun=$1
ranks=$2
failures=0
longest=600   # seconds after which a start counts as hanging, on however slow and busy a machine
flags=()
if "$mpirun" --version 2>&1 | grep -qE 'Open ?(MPI|RTE)'; then flags+=(--oversubscribe --bind-to none); fi
if [ "${#flags[@]}" -ne 0 ] && [ "$(id -u)" -eq 0 ]; then flags+=(--allow-run-as-root); fi

# start <ranks> <case>: keeps what is printed in $output and how it ends in $status; 124: it had to be ended.
start() {
  status=0
  output=$(timeout "$longest" "$mpirun" "${flags[@]}" -n "$1" "$ranks" "$2" 2>&1 </dev/null) || status=$?
}

# start_until <ranks> <case> <word>: the same, but ten seconds after the word was printed it is ended, with status 0.
start_until() {
  local printed
  printed=$(mktemp)
  "$mpirun" "${flags[@]}" -n "$1" "$ranks" "$2" >"$printed" 2>&1 </dev/null &
  local launcher=$! left=$longest
  status=0
  while kill -0 "$launcher" 2>/dev/null && [ "$left" -gt 0 ]; do
    if [ "$left" -gt 10 ] && grep -q "$3" "$printed"; then left=10; fi
    sleep 1
    left=$((left - 1))
  done
  if kill "$launcher" 2>/dev/null; then
    echo 'note: it did not end by itself'
    wait "$launcher" || true
    grep -q "$3" "$printed" || status=124
  else
    wait "$launcher" || status=$?
  fi
  output=$(cat "$printed")
  rm -f "$printed"
}

# expect <what> <wanted status, or !0> <text>...: of the last start, which has ended by itself.
expect() {
  local what=$1 wanted=$2 text bad=''
  shift 2
  if [ "$wanted" = '!0' ]; then [ "$status" -ne 0 ] || bad='ended with 0'; else [ "$status" -eq "$wanted" ] || bad="ended with $status, not $wanted"; fi
  [ "$status" -ne 124 ] || bad+=" since it did not end in $longest s,"
  for text in "$@"; do [[ $output == *"$text"* ]] || bad+=" without saying '$text'"; done
  if [ -n "$bad" ]; then
    printf 'FAILED: %s: %s; it printed:\n%s\n' "$what" "$bad" "$output"
    failures=$((failures + 1))
  fi
}

for n in 1 2 3 4; do
  start "$n" all
  expect "all cases on $n ranks" 0 "$n ranks, 0 failed"
done

# Without MPI's own shared memory, then over TCP alone, as between hosts. MPICH 4.0.2 on UCX 1.13 (Debian 12) sometimes does not come
# back from MPI_Finalize on TCP, in a program of ten lines too, so there the last word of rank 0, printed before it, is what counts.
export MPIR_CVAR_NOLOCAL=1 OMPI_MCA_btl=self,tcp OMPI_MCA_pml=ob1
start 3 quick
expect 'the quick cases on 3 ranks without shared memory' 0 '3 ranks, 0 failed'
export UCX_TLS=self,tcp
start_until 3 quick 'ranks, [0-9]* failed'
expect 'the quick cases on 3 ranks over TCP' 0 '3 ranks, 0 failed'
unset MPIR_CVAR_NOLOCAL OMPI_MCA_btl OMPI_MCA_pml UCX_TLS

start 3 throw
expect 'a compute op that throws' 1 'rank 1, iteration 2, op 0 (work): out of luck'
start 3 silent
expect 'a message that does not come' 1 'op 0 (shift): waited 2 s for rank 1 to '
start 2 pushless
expect 'a push that does not come' 1 '(serve0): waited 2 s for rank 0 to push'
start 3 disagree
expect 'ranks with different plans' 2 'rank 1 and rank 0 do not agree about the plan'
start 3 smaller
expect 'a schedule for fewer ranks' 1 'the schedule is for 2 ranks, and there are 3'
start 3 sum16
expect '16-bit sums by the library' 2 'MPI cannot add elements of type f16' 'use --collectives ours'
start 3 die
# The rank that waits for it says op and peer, and its supervisor signal and op, before the launcher ends them all.
expect 'a rank that is killed' '!0' 'rank 1 was killed by signal 9 (Killed), computing in iteration 2, op 0 (work)' \
  'iteration 2, op 1 (all_reduce): waits for rank 1 to ' ', but the process of rank 1 has ended'

if [ "$failures" -ne 0 ]; then
  echo "$failures starts went wrong"
  exit 1
fi
echo 'all starts went as they should'
