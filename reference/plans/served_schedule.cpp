#include "reference/plans/served_schedule.h"

#include <algorithm>
#include <map>

#include "reference/core/error.h"
#include "reference/plans/compress_ops.h"
#include "reference/plans/program_copy.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

/// Streams of a worker that talks to servers: one for each, behind those of all other plans.
constexpr int kFirstServerStream = kActivationStream + 1;

int push_id(int server) { return 2 * server; }
int pull_id(int server) { return 2 * server + 1; }

bool compresses(const Plan& plan) { return plan.compression.method != "none"; }

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// Makes a worker's program of that of a rank which trains alone.
class WorkerProgram {
 public:
  WorkerProgram(Program alone, const Plan& plan)
      : alone_(std::move(alone)),
        plan_(plan),
        weights_(buffer_named(alone_, "weights")),
        gradients_(buffer_named(alone_, "gradients")) {}

  Program write() {
    if (gradients_ < 0) return std::move(alone_);  // nothing is learned: evaluation, or a network without weights
    const std::vector<int> push_behind = ops_behind(true);
    const std::vector<int> pull_behind = ops_behind(false);
    made_.batch = alone_.batch;
    add_buffers();
    std::map<int, int> new_id;
    for (int op = 0; op < static_cast<int>(alone_.ops.size()); ++op) {
      if (is_kept(alone_.ops[index(op)])) {
        Op kept = alone_.ops[index(op)];
        std::erase_if(kept.after, [&](int earlier) { return !new_id.contains(earlier); });
        for (int& earlier : kept.after) earlier = new_id.at(earlier);
        new_id[op] = static_cast<int>(made_.ops.size());
        made_.ops.push_back(std::move(kept));
      }
      for (int server = 0; server < plan_.servers.count; ++server)
        if (push_behind[index(server)] == op) push(server, new_id.at(op));
    }
    std::vector<int> pulls;
    for (int server = 0; server < plan_.servers.count; ++server) {
      const Message weights{server_peer(server), {weights_, part(server)}, pull_id(server)};
      pulls.push_back(exchange(cat("pull", server), server, {.send = {}, .recv = weights}, new_id.at(pull_behind[index(server)])));
    }
    made_.ops.push_back({"end", kComputeStream, pulls, Compute{ComputeKind::join, -1, {}, {}}});
    drop_buffer(buffer_named(made_, "momentum"));
    return std::move(made_);
  }

 private:
  /// Updates are the servers' business, and so is what waits for them at the end.
  static bool is_kept(const Op& op) {
    const auto* compute = std::get_if<Compute>(&op.action);
    return compute != nullptr && compute->kind != ComputeKind::update && compute->kind != ComputeKind::join;
  }

  [[nodiscard]] Slice part(int server) const {
    return shard(element_count(alone_.buffers[index(gradients_)]), plan_.servers.count, server);
  }

  /// For each server the last op that writes gradients of its part, or that reads its weights. Without overlap, of all parts.
  [[nodiscard]] std::vector<int> ops_behind(bool gradients) const {
    std::vector<int> last(index(plan_.servers.count), 0);
    for (int op = 0; op < static_cast<int>(alone_.ops.size()); ++op) {
      if (!is_kept(alone_.ops[index(op)])) continue;
      const auto [reads, writes] = regions_of(alone_.ops[index(op)]);
      for (const Region& region : gradients ? writes : reads) {
        if (region.buffer != (gradients ? gradients_ : weights_)) continue;
        for (int server = 0; server < plan_.servers.count; ++server) {
          const Slice mine = part(server);
          if (!plan_.overlap || (mine.offset < region.slice.end() && region.slice.offset < mine.end())) last[index(server)] = op;
        }
      }
    }
    return last;
  }

  /// Those of the rank that trains alone; where pushes are compressed a payload for each server, and the errors that they leave.
  void add_buffers() {
    ProgramWriter writer(plan_.mesh, {0}, plan_.dtype);
    writer.program().buffers = alone_.buffers;
    if (compresses(plan_)) {
      for (int server = 0; server < plan_.servers.count; ++server)
        payloads_.push_back(writer.add_flat(cat("payload", server), BufferKind::workspace,
                                            payload_words(plan_.compression, part(server).count), DType::f32));
      if (leaves_errors(plan_.compression))
        error_ = writer.add_flat(kCompressionError, BufferKind::optimizer, element_count(alone_.buffers[index(gradients_)])).buffer;
    }
    made_.buffers = std::move(writer.program().buffers);
  }

  /// Gradients that are complete behind an op, to their server.
  void push(int server, int behind) {
    Region pushed{gradients_, part(server)};
    if (compresses(plan_)) {
      const Region payload = payloads_[index(server)];
      made_.ops.push_back({cat("compress", server), kComputeStream, {},
                           compress_op(plan_.compression, made_, pushed, payload, {error_, pushed.slice})});
      behind = static_cast<int>(made_.ops.size()) - 1;
      pushed = payload;
    }
    exchange(cat("push", server), server, {.send = Message{server_peer(server), pushed, push_id(server)}, .recv = {}}, behind);
  }

  [[nodiscard]] Peer server_peer(int server) const { return {kAnyRank, server_rank(plan_, server)}; }

  int exchange(std::string name, int server, Exchange exchange, int behind) {
    made_.ops.push_back({std::move(name), kFirstServerStream + server, {behind}, std::move(exchange)});
    return static_cast<int>(made_.ops.size()) - 1;
  }

  void drop_buffer(int dropped) {
    if (dropped < 0) return;
    made_.buffers.erase(made_.buffers.begin() + dropped);
    const auto renumber = [&](Region& region) { region.buffer -= region.buffer > dropped ? 1 : 0; };
    for (Op& op : made_.ops) {
      if (auto* compute = std::get_if<Compute>(&op.action))
        for (Operand& operand : compute->operands) renumber(operand.region);
      if (auto* exchange = std::get_if<Exchange>(&op.action))
        for (std::optional<Message>* message : {&exchange->send, &exchange->recv})
          if (*message) renumber((*message)->region);
    }
  }

  Program alone_;
  const Plan& plan_;
  int weights_, gradients_;
  std::vector<Region> payloads_;  ///< by server, where pushes are compressed
  int error_ = 0;
  Program made_;
};

/// Adds what a server needs to a program, which may be a worker's.
void add_server(Program& program, const Plan& plan, int server, std::int64_t weights) {
  const Slice part = shard(weights, plan.servers.count, server);
  const int workers = worker_count(plan);
  ProgramWriter writer(plan.mesh, {0}, plan.dtype);
  writer.program() = std::move(program);
  const Region kept = writer.add_flat(kServerWeights, BufferKind::weights, part.count);
  const Region momentum = writer.add_flat(kServerMomentum, BufferKind::optimizer, part.count);
  const Region desk = writer.add_flat(kDesk, BufferKind::workspace, part.count * workers);
  const auto place = [&](int worker) { return Region{desk.buffer, {part.count * worker, part.count}}; };
  const std::int64_t words = compresses(plan) ? payload_words(plan.compression, part.count) : 0;
  const Region inbox = compresses(plan) ? writer.add_flat(kInbox, BufferKind::workspace, words * workers, DType::f32) : desk;
  const auto landing = [&](int worker) { return compresses(plan) ? Region{inbox.buffer, {words * worker, words}} : place(worker); };
  Serve serve{.rule = {plan.servers.mode, workers, plan.servers.accept, plan.servers.bound},
              .pushes = {},
              .pulls = {},
              .add = {},
              .update = {},
              .first = part.offset};
  for (int worker = 0; worker < workers; ++worker) {
    serve.pushes.push_back({{kAnyRank, worker}, landing(worker), push_id(server)});
    serve.pulls.push_back({{kAnyRank, worker}, place(worker), pull_id(server)});
  }
  const double n = static_cast<double>(part.count);
  const double bytes = n * static_cast<double>(size_bytes(plan.dtype));
  serve.add = {ComputeKind::sum,
               -1,
               {{Role::x, Access::read, place(workers > 1 ? 1 : 0)}, {Role::y, Access::update, place(0)}},
               {n, 2 * bytes, bytes}};
  serve.update = {ComputeKind::update,
                  -1,
                  {{Role::weights, Access::update, kept},
                   {Role::gradients, Access::read, place(0)},
                   {Role::momentum, Access::update, momentum}},
                  {6 * n, 3 * bytes, 2 * bytes}};
  if (compresses(plan))
    serve.unpack = decompress_op(writer.program(), landing(0), place(0), payload_elements(plan.compression, part.count));
  program = writer.take();
  program.ops.push_back({cat("serve", server), kFirstServerStream + plan.servers.count, {}, std::move(serve)});
}

/// What servers do not go with.
void check_settings(const Model& model, const Plan& plan) {
  const auto refuse = [](bool wrong, const char* what) {
    if (wrong) throw InputError(cat("plan 'parameter_server' ", what));
  };
  refuse(plan.optimiser != Optimiser::sgd,
         "updates parts of tensors on servers, and LARS needs norms of whole ones; use --optimiser sgd, or --plan data");
  refuse(plan.gradient_dtype.has_value(), "sums gradients on servers, as they are; use --gradients f32, or --plan data");
  refuse(plan.synchronised_statistics && !states(model).empty(),
         "has workers that do not wait for each other in forward; use --statistics local, or --plan data");
  refuse(plan.mesh.axes.size() != 1 || plan.batch_axis != 0,
         "has one axis, which divides the images; write mesh: [{axis: data, ranks: 4, strategy: parameter_server}]");
  check_compression(plan.compression);
  refuse(plan.zero != 0, "has divided the state of the optimiser among servers already; leave --zero out");
  if (parameter_count(model) < plan.servers.count)
    throw InputError(cat("plan 'parameter_server' divides the weights among ", plan.servers.count, " servers, and ", model.name, " learns ",
                         parameter_count(model), " values; use fewer --servers, or --plan data"));
  refuse(!plan.overrides.empty(), "has the whole network on every worker, so no node has a rule of its own; leave overrides out");
}

}  // namespace

int worker_count(const Plan& plan) {
  return plan.mesh.world_size() - (plan.servers.own_ranks ? plan.servers.count : 0);
}

int server_rank(const Plan& plan, int server) {
  const int workers = worker_count(plan);
  return plan.servers.own_ranks ? workers + server : server * workers / plan.servers.count;
}

void add_served_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode) {
  check_settings(model, plan);
  schedule.servers = plan.servers.own_ranks ? plan.servers.count : 0;
  schedule.class_of.resize(index(plan.mesh.world_size()));
  std::vector<int> server_at(schedule.class_of.size(), -1);
  for (int server = 0; mode == Mode::train && server < plan.servers.count; ++server)
    server_at[index(server_rank(plan, server))] = server;

  Plan alone = plan;  // one worker
  alone.mesh = {{{plan.mesh.axes.front().name, 1}}};
  alone.servers = {};
  alone.strategies = {"data"};
  std::map<std::pair<int, int>, int> classes;  // images, server
  for (int rank = 0; rank < schedule.world_size(); ++rank) {
    const bool works = rank < worker_count(plan);
    const std::pair key{works ? static_cast<int>(schedule.samples(rank).count) : -1, server_at[index(rank)]};
    const auto [found, fresh] = classes.try_emplace(key, static_cast<int>(schedule.programs.size()));
    schedule.class_of[index(rank)] = found->second;
    if (!fresh) continue;
    Program program;
    if (works) program = WorkerProgram(StepWriter(model, alone, mode, key.first, {0}).write(), plan).write();
    if (key.second >= 0) add_server(program, plan, key.second, parameter_count(model));
    schedule.programs.push_back(std::move(program));
  }
}

}  // namespace convoy
