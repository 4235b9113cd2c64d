#include "reference/exec/mpi/op_starter.h"

#include <algorithm>
#include <set>
#include <variant>

namespace convoy {
namespace {

/// All ranks make the communicators of all groups, in the same order.
void make_groups(const RankRun& run) {
  std::set<std::pair<int, int>> wanted;
  for (const Program& program : run.schedule.programs)
    for (const Op& op : program.ops)
      if (const auto* collective = std::get_if<Collective>(&op.action)) wanted.insert({collective->axis, op.stream});
  for (const auto& [axis, stream] : wanted) run.world.group(run.schedule.mesh, axis, stream);
}

}  // namespace

OpStarter::OpStarter(RankRun& run) : run_(run) {
  if (run.options.collectives == CollectivesBy::library) make_groups(run);
  for (std::size_t op = 0; op < run.program.ops.size(); ++op)
    if (std::holds_alternative<Serve>(run.program.ops[op].action))
      serving_ = std::make_unique<Serving>(run, static_cast<int>(op));
}

std::unique_ptr<UnderWay> OpStarter::start(const OpRun& at) {
  const Op& op = run_.op_of(at);
  if (const auto* compute = std::get_if<Compute>(&op.action)) return start_compute(at, *compute);
  if (const auto* exchange = std::get_if<Exchange>(&op.action)) return start_exchange(at, *exchange);
  if (std::holds_alternative<Serve>(op.action))
    return std::make_unique<UnderWay>(at, run_.now_s(), std::in_place_type<ServingTurn>,
                                      ServingTurn{serving_.get(), at.iteration});
  const auto& collective = std::get<Collective>(op.action);
  const bool by_library = run_.options.collectives == CollectivesBy::library;
  return by_library ? start_library_call(at, collective) : start_collective(at, collective);
}

std::unique_ptr<UnderWay> OpStarter::start_compute(const OpRun& at, const Compute& compute) const {
  const Op& op = run_.op_of(at);
  const double start_s = run_.now_s();
  run_.compute({run_.schedule, run_.rank, at.iteration, op, compute, run_.memory});
  return std::make_unique<UnderWay>(at, start_s, std::in_place_type<Timed>,
                                    run_.simulated->compute_s(run_.program, run_.rank, at.iteration, op, compute));
}

std::unique_ptr<UnderWay> OpStarter::start_exchange(const OpRun& at, const Exchange& exchange) const {
  const auto half = [&](const std::optional<Message>& message) -> std::optional<Half> {
    if (!message) return std::nullopt;
    return run_.half_of(run_.schedule.mesh.neighbour(run_.rank, message->peer.axis, message->peer.offset), message->region);
  };
  const Step step{.send = half(exchange.send), .recv = half(exchange.recv)};
  const auto& any = exchange.send ? exchange.send : exchange.recv;
  auto made = std::make_unique<UnderWay>(at, run_.now_s(), std::in_place_type<Channels>);
  if (!any) return made;
  const int tag = exchange.send ? run_.tags.of_message(exchange.send->id) : 0;
  const int recv_tag = exchange.recv ? run_.tags.of_message(exchange.recv->id) : 0;
  std::get<Channels>(made->what).add(run_.rendezvous(any->region, tag, recv_tag), 1, [step](std::int64_t) { return step; });
  return made;
}

std::unique_ptr<UnderWay> OpStarter::start_collective(const OpRun& at, const Collective& collective) const {
  const DType dtype = run_.dtype_of(collective.region);
  CollectiveRequest request = request_of(run_.schedule, run_.rank, collective);
  auto made = std::make_unique<UnderWay>(at, run_.now_s(), std::in_place_type<Channels>);
  for (; request.channel < request.channels; ++request.channel) {
    const Rounds rounds = collective_algorithm(collective.kind, collective.algorithm).rounds(request);
    std::get<Channels>(made->what)
        .add({.comm = run_.world.messages,
              .tag = run_.tags.of_collective(collective.axis, collective.id, request.channel),
              .dtype = dtype,
              .piece_bytes = piece_bytes(dtype)},
             rounds.count, steps_of(rounds, collective));
  }
  return made;
}

std::unique_ptr<UnderWay> OpStarter::start_library_call(const OpRun& at, const Collective& collective) const {
  const Op& op = run_.op_of(at);
  return std::make_unique<UnderWay>(at, run_.now_s(), std::in_place_type<LibraryCall>,
                                    request_of(run_.schedule, run_.rank, collective), collective.kind,
                                    LibraryOperand{.group = run_.world.group(run_.schedule.mesh, collective.axis, op.stream),
                                                   .dtype = run_.dtype_of(collective.region),
                                                   .data = run_.memory.bytes_at(collective.region),
                                                   .largest_count = run_.options.largest_count});
}

/// The rounds of a collective with ranks of the world and memory of this rank.
std::function<Step(std::int64_t)> OpStarter::steps_of(const Rounds& rounds, const Collective& collective) const {
  return [&run = run_, rounds, group = run_.schedule.mesh.group(run_.rank, collective.axis),
          region = collective.region](std::int64_t i) {
    const Round round = rounds.at(i);
    const auto half = [&](const std::optional<Transfer>& transfer) -> std::optional<Half> {
      if (!transfer) return std::nullopt;
      const Region part{region.buffer, {region.slice.offset + transfer->slice.offset, transfer->slice.count}};
      return run.half_of(group.at(static_cast<std::size_t>(transfer->peer)), part);
    };
    return Step{half(round.send), half(round.recv), round.on_receive, is_in_place(round)};
  };
}

/// Whole elements, and no more than a count of MPI can hold.
std::int64_t OpStarter::piece_bytes(DType dtype) const {
  const std::int64_t element = size_bytes(dtype), largest = run_.options.largest_count;
  if (run_.simulated != nullptr) return largest / element * element;  // adding takes no simulated time
  return std::max<std::int64_t>(1, std::min(run_.options.piece_bytes, largest) / element) * element;
}

}  // namespace convoy
