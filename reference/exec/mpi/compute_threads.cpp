#include "reference/exec/mpi/compute_threads.h"

#include <algorithm>
#include <variant>

#include "reference/exec/mpi/supervisor.h"

namespace convoy {
namespace {

bool is_compute(const Op& op) { return std::holds_alternative<Compute>(op.action); }

}  // namespace

/// A thread that runs body(OpRun& at, intervals), where `at` says what it was at when it failed.
template <class Body>
void ComputeThreads::add(Body body) {
  Worker& worker = workers_.emplace_back();
  worker.thread = std::thread([this, body, &worker] {
    OpRun at;
    try {
      body(at, worker.intervals);
    } catch (const std::exception& error) {
      worker.failure = std::make_exception_ptr(run_.failure_of(at, error.what()));
      run_.streams.stop();
    }
  });
}

void ComputeThreads::start() {
  const Streams& streams = run_.streams;
  for (int s = 0; s < streams.count(); ++s) {
    const auto computes = [&](int op) { return is_compute(run_.program.ops[static_cast<std::size_t>(op)]); };
    if (s != kComputeStream && std::ranges::none_of(streams.ops_of(s), computes)) continue;
    add([this, s](OpRun& at, std::vector<Interval>& intervals) { run_stream(s, at, intervals); });
  }
  if (serving_ != nullptr)
    add([this](OpRun& at, std::vector<Interval>&) {
      run_.prepare_thread(serving_->stream());
      serving_->work(at);
    });
}

void ComputeThreads::join() {
  for (Worker& worker : workers_) worker.thread.join();
  for (const Worker& worker : workers_)
    if (worker.failure) std::rethrow_exception(worker.failure);
}

void ComputeThreads::add_intervals(std::vector<Interval>& intervals) const {
  for (const Worker& worker : workers_) intervals.insert(intervals.end(), worker.intervals.begin(), worker.intervals.end());
}

void ComputeThreads::run_stream(int stream, OpRun& at, std::vector<Interval>& intervals) {
  Streams& streams = run_.streams;
  const bool reports = stream == kComputeStream;
  run_.prepare_thread(stream);
  while (!streams.at_end(stream) && !streams.stopped()) {
    at = streams.head(stream);
    if (is_compute(run_.op_of(at)))
      run_compute(at, intervals);
    else
      streams.wait([&] {
        return streams.at_end(stream) || is_compute(run_.op_of(streams.head(stream))) || (reports && run_.has_steps_to_report());
      });
    if (reports) run_.report_steps();
  }
  if (reports && !streams.stopped()) run_.report_steps();
}

void ComputeThreads::run_compute(const OpRun& at, std::vector<Interval>& intervals) {
  run_.streams.wait([&] { return run_.streams.is_ready(at); });
  if (run_.streams.stopped()) return;
  const double start_s = run_.now_s();
  const Op& op = run_.op_of(at);
  const bool is_noted = op.stream == kComputeStream;
  ++run_.computing;
  if (is_noted) rank_note().computing.begin(at.iteration, at.op, op.name);
  run_.compute({run_.schedule, run_.rank, at.iteration, op, std::get<Compute>(op.action), run_.memory});
  if (is_noted) rank_note().computing.end();
  --run_.computing;
  run_.end_op(at, start_s, intervals);
}

}  // namespace convoy
