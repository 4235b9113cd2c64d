#include "reference/schedule/serve_check.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/schedule/order.h"
#include "reference/schedule/region.h"

namespace convoy {
namespace {

/// An op and the region of it that travels to or from a server.
struct Part {
  int op;
  Region region;
};

/// The operand with this role; null when there is none.
const Operand* operand_of(const Compute& compute, Role role) {
  const auto found = std::ranges::find(compute.operands, role, &Operand::role);
  return found == compute.operands.end() ? nullptr : &*found;
}

/// Whether the parts are all of a buffer, and none twice.
bool divide(std::vector<Part> parts, const Buffer& buffer) {
  std::ranges::sort(parts, {}, [](const Part& part) { return part.region.slice.offset; });
  std::int64_t reached = 0;
  for (const Part& part : parts) {
    if (part.region.slice.count == 0) continue;
    if (part.region.slice.offset != reached) return false;
    reached = part.region.slice.end();
  }
  return reached == element_count(buffer);
}

class PushCheck {
 public:
  PushCheck(const Program& program, int rank, std::vector<Problem>& problems)
      : program_(program), rank_(rank), problems_(problems), order_(program) {}

  void run() {
    for (std::size_t b = 0; b < program_.buffers.size(); ++b) {
      if (program_.buffers[b].kind != BufferKind::gradients) continue;
      const std::vector<Part> pushed = parts_of(static_cast<int>(b), &Exchange::send);
      if (!divide(pushed, program_.buffers[b]))
        complain(pushed, cat("'", program_.buffers[b].name, "' is not pushed to servers whole, every element once"));
      for (const Part& part : pushed) check_complete(part);
      check_pulls(element_count(program_.buffers[b]));
    }
  }

 private:
  void complain(const std::vector<Part>& parts, const std::string& sentence) {
    problems_.push_back({rank_, parts.empty() ? -1 : parts.front().op, "unreduced gradient", sentence});
  }

  [[nodiscard]] std::vector<Part> parts_of(int buffer, std::optional<Message> Exchange::* direction) const {
    std::vector<Part> parts;
    for (std::size_t op = 0; op < program_.ops.size(); ++op)
      if (const auto* exchange = std::get_if<Exchange>(&program_.ops[op].action))
        if (const std::optional<Message>& message = exchange->*direction; message && message->peer.axis == kAnyRank) {
          const Part part = before_compression({static_cast<int>(op), message->region});
          if (part.region.buffer == buffer) parts.push_back(part);
        }
    return parts;
  }

  /// Of a payload, the op that made it and the gradients that went into it; else the part itself.
  [[nodiscard]] Part before_compression(const Part& part) const {
    for (std::size_t op = 0; op < program_.ops.size(); ++op) {
      const auto* compress = std::get_if<Compute>(&program_.ops[op].action);
      if (compress == nullptr || compress->kind != ComputeKind::compress) continue;
      const Operand *gradients = operand_of(*compress, Role::gradients), *payload = operand_of(*compress, Role::payload);
      if (gradients != nullptr && payload != nullptr && payload->region == part.region) return {static_cast<int>(op), gradients->region};
    }
    return part;
  }

  /// Some buffer of weights comes back.
  void check_pulls(std::int64_t count) {
    for (std::size_t b = 0; b < program_.buffers.size(); ++b)
      if (program_.buffers[b].kind == BufferKind::weights && element_count(program_.buffers[b]) == count &&
          divide(parts_of(static_cast<int>(b), &Exchange::recv), program_.buffers[b]))
        return;
    complain({}, "pushes gradients, and weights do not come back from servers whole, every element once");
  }

  void check_complete(const Part& part) {
    for (std::size_t op = 0; op < program_.ops.size(); ++op) {
      if (!std::holds_alternative<Compute>(program_.ops[op].action) || static_cast<int>(op) == part.op ||
          order_.before(static_cast<int>(op), part.op))
        continue;
      const std::vector<Region> writes = regions_of(program_.ops[op]).second;
      if (std::ranges::any_of(writes, [&](const Region& written) { return overlap(written, part.region); }))
        problems_.push_back({rank_, part.op, "unreduced gradient",
                             cat("pushes gradients that op ", op, " (", program_.ops[op].name, ") still changes")});
    }
  }

  const Program& program_;
  int rank_;
  std::vector<Problem>& problems_;
  ProgramOrder order_;
};

}  // namespace

void check_serve(const Program& program, const Op& op, const Serve& serve,
                 const std::function<void(const std::string&)>& complain) {
  for (const Op& other : program.ops)
    if (&other != &op && other.stream == op.stream) complain(cat("serves on the stream of '", other.name, "'; it needs its own"));
  if (std::ranges::find(serve_modes(), serve.rule.mode, &ServeMode::name) == serve_modes().end())
    return complain(cat("serves in mode '", serve.rule.mode, "', which does not exist"));
  if (const std::string reason = why_not(serve.rule); !reason.empty()) complain(reason);
  if (serve.pushes.size() != static_cast<std::size_t>(serve.rule.workers) || serve.pulls.size() != serve.pushes.size())
    return complain(cat("has ", serve.pushes.size(), " pushes and ", serve.pulls.size(), " pulls for ", serve.rule.workers,
                        " workers"));
  const Operand* kept = operand_of(serve.update, Role::weights);
  if (kept == nullptr) return complain("keeps no weights");
  for (std::size_t w = 0; w < serve.pushes.size(); ++w) {
    if (!serve.unpack && !(serve.pushes[w].region == serve.pulls[w].region))
      complain(cat("answers worker ", w, " from another place than it pushes to"));
    if (serve.unpack && serve.pushes[w].region.buffer == serve.pulls[w].region.buffer)
      complain(cat("has payloads of worker ", w, " where it puts weights"));
    if (serve.pulls[w].region.slice.count != kept->region.slice.count)
      complain(cat("has a place of ", serve.pulls[w].region.slice.count, " elements for worker ", w, " and ",
                   kept->region.slice.count, " weights"));
  }
  if (!serve.unpack || serve.pushes.empty()) return;
  const Operand *payload = operand_of(*serve.unpack, Role::payload), *gradients = operand_of(*serve.unpack, Role::gradients);
  if (payload == nullptr || gradients == nullptr || !(payload->region == serve.pushes.front().region) ||
      !(gradients->region == serve.pulls.front().region))
    complain("unpacks something else than the push of its first worker into its place");
}

void check_pushes(const Schedule& schedule, const Program& program, int rank, std::vector<Problem>& problems) {
  if (is_served(schedule)) PushCheck(program, rank, problems).run();
}

}  // namespace convoy
