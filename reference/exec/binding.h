/// Binding: where the threads of ranks run, and who goes first on a core.
#pragma once

namespace convoy {

/// Binds the calling thread, and the OpenMP threads it will start, to the cores of `rank`: those number rank*cores_per_rank and
/// following of the cores this process may use. All threads of a rank share its cores. Left alone, a scheduler moves a thread to
/// the core of the one that woke it, so that ranks take turns on one core or a message waits for a tick of 1 ms behind another
/// rank's compute op (seen: LeNet-5 on two ranks 3.0 to 5.7 ms a step free, 2.7 ms bound).
/// Returns false and does nothing when there are fewer than ranks*cores_per_rank cores, or the system refuses.
bool bind_to_cores(int rank, int ranks, int cores_per_rank);
/// Lets the calling thread run on all cores that this process may use, as before it was bound.
void unbind();
/// Cores that this process may use; 0 where the system does not say.
int usable_core_count();

/// Asks the scheduler to give the calling thread short turns, which it then gets soon. A communication thread has little to do
/// and others wait for it; without this, Linux since 6.6 may let it wait behind a compute thread for a whole turn of about 3 ms.
/// Where the system does not know this wish, nothing happens.
void ask_for_short_turns();

/// Asks the scheduler to let the calling thread run whenever it has something to do, before threads of the usual kind (SCHED_RR, which
/// takes a right that administrators have); where it may not, ask_for_short_turns(). Only for threads that sleep while they wait.
/// Short turns alone can end in a wait for the next tick, up to 4 ms: a thread that has just run is not yet entitled to another turn
/// when the next message comes (seen: scheme b of one_weird_trick, whose messages follow each other closely, 5.8 ms a step; so 4.1 ms).
void ask_to_go_first();

}  // namespace convoy
