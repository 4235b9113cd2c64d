#include "simulator/smpi/timers.h"

#include <deque>
#include <map>
#include <vector>

#include "reference/core/error.h"
#include "simulator/engine/simgrid_shim.h"

namespace convoy {

struct RankTimers::State {
  MPI_Comm self = MPI_COMM_NULL;  ///< this rank alone
  sg::s4u::SemaphorePtr changed = sg::s4u::Semaphore::create(0);
  std::multimap<double, int> due;  ///< simulated time -> number of a prepared send, which is its tag too
  std::deque<MPI_Request> sends;   ///< by number
  std::vector<int> idle;           ///< those that can be used again
  bool over = false;
};

RankTimers::RankTimers() : state_(std::make_shared<State>()) {
  MPI_Comm_dup(MPI_COMM_SELF, &state_->self);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  sg::add_actor(*sg::s4u::Engine::get_instance(), cat("timers of rank ", rank), sg::s4u::this_actor::get_host(),
                [state = state_] { keep_time(*state); });
}

RankTimers::~RankTimers() {
  state_->over = true;
  state_->changed->release();
}

MPI_Request RankTimers::start(double time_s) {
  State& state = *state_;
  if (state.idle.empty()) {
    const int number = static_cast<int>(state.sends.size());
    MPI_Ssend_init(nullptr, 0, MPI_BYTE, 0, number, state.self, &state.sends.emplace_back(MPI_REQUEST_NULL));
    state.idle.push_back(number);
  }
  const int number = state.idle.back();
  state.idle.pop_back();
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Irecv(nullptr, 0, MPI_BYTE, 0, number, state.self, &request);
  state.due.emplace(sg::s4u::Engine::get_clock() + time_s, number);
  state.changed->release();
  return request;
}

/// The other actor. Of MPI it calls what SMPI allows an actor that is no rank: MPI_Startall and MPI_Waitall look at the requests
/// only, MPI_Start and MPI_Send at the caller's MPI_COMM_WORLD too.
void RankTimers::keep_time(State& state) {
  while (!state.over) {
    if (state.due.empty()) {
      state.changed->acquire();
      continue;
    }
    const auto next = state.due.begin();
    const double left_s = next->first - sg::s4u::Engine::get_clock();
    if (left_s > 0 && !state.changed->acquire_timeout(left_s)) continue;  // another one may be due before it
    const int number = next->second;
    state.due.erase(next);
    MPI_Request* send = &state.sends[static_cast<std::size_t>(number)];
    MPI_Startall(1, send);
    MPI_Waitall(1, send, MPI_STATUSES_IGNORE);
    state.idle.push_back(number);
  }
}

}  // namespace convoy
