#include "reference/schedule/text.h"

#include <array>
#include <charconv>
#include <sstream>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::string number(double value) {
  std::array<char, 32> text{};
  const auto [end, status] = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), status == std::errc{} ? end : text.data()};
}

std::string region_text(const Program& program, const Region& region) {
  return cat(program.buffers.at(static_cast<std::size_t>(region.buffer)).name, "[", region.slice.offset, "+", region.slice.count,
             "]");
}

/// "@0+8,3+3,0+14,0+14"; nothing for an operand without a box.
std::string box_text(const Box& box) {
  if (box == Box{}) return "";
  std::string text = "@";
  for (const Slice* slice : {&box.n, &box.c, &box.h, &box.w})
    text += cat(text.size() > 1 ? "," : "", slice->offset, "+", slice->count);
  return text;
}

std::string message_text(const Program& program, const char* direction, const Message& message) {
  return cat(" ", direction, "=", region_text(program, message.region), " axis=", message.peer.axis,
             " offset=", message.peer.offset, " id=", message.id);
}

std::string compute_text(const Program& program, const Compute& compute) {
  std::string text = cat(to_string(compute.kind), " node=", compute.node);
  for (const Operand& operand : compute.operands)
    text += cat(" ", to_string(operand.access), ":", to_string(operand.role), "=", region_text(program, operand.region),
                box_text(operand.box));
  for (const int axis : compute.summed_over) text += cat(" summed_over=", axis);
  return cat(text, " flops=", number(compute.work.flops), " bytes_read=", number(compute.work.bytes_read),
             " bytes_written=", number(compute.work.bytes_written));
}

void write_op(std::ostream& out, const Program& program, std::size_t id) {
  const Op& op = program.ops[id];
  out << "op " << id << " " << op.name << " stream " << op.stream;
  for (const int earlier : op.after) out << " after=" << earlier;
  if (const auto* compute = std::get_if<Compute>(&op.action)) {
    out << " compute " << compute_text(program, *compute);
  } else if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
    out << " exchange node=" << op.node;
    if (exchange->send) out << message_text(program, "send", *exchange->send);
    if (exchange->recv) out << message_text(program, "recv", *exchange->recv);
  } else if (const auto* serve = std::get_if<Serve>(&op.action)) {
    out << " serve " << serve->rule.mode << " accept=" << serve->rule.accept << " bound=" << serve->rule.bound
        << " first=" << serve->first;
    for (std::size_t w = 0; w < serve->pushes.size(); ++w)
      out << message_text(program, "push", serve->pushes[w]) << message_text(program, "pull", serve->pulls.at(w));
    out << " add " << compute_text(program, serve->add) << " update " << compute_text(program, serve->update);
    if (serve->unpack) out << " unpack " << compute_text(program, *serve->unpack);
  } else {
    const auto& collective = std::get<Collective>(op.action);
    out << " collective " << to_string(collective.kind) << " " << collective.algorithm << " node=" << op.node
        << " axis=" << collective.axis << " id=" << collective.id << " root=" << collective.root
        << " chunks=" << collective.chunks << " on=" << region_text(program, collective.region);
    if (collective.channels != 1) out << " channels=" << collective.channels;
    if (collective.ranks_per_node != 0) out << " ranks_per_node=" << collective.ranks_per_node;
    for (const std::int64_t bound : collective.bounds) out << " bound=" << bound;
  }
  out << "\n";
}

/// "0-3,8" for {0,1,2,3,8}.
std::string ranks_text(const std::vector<int>& class_of, int wanted) {
  std::string text;
  for (std::size_t r = 0; r < class_of.size(); ++r) {
    if (class_of[r] != wanted) continue;
    std::size_t last = r;
    while (last + 1 < class_of.size() && class_of[last + 1] == wanted) ++last;
    text += cat(text.empty() ? "" : ",", r);
    if (last > r) text += cat("-", last);
    r = last;
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string to_text(const Schedule& schedule) {
  std::ostringstream out;
  out << "schedule model=" << schedule.model << " plan=" << schedule.plan << " mode=" << schedule.mode
      << " precision=" << schedule.precision << " batch=" << schedule.global_batch << " batch_axis=" << schedule.batch_axis
      << (schedule.servers > 0 ? cat(" servers=", schedule.servers) : "")
      << (schedule.local_steps > 0 ? cat(" local_steps=", schedule.local_steps) : "") << "\nmesh";
  for (const Axis& axis : schedule.mesh.axes) out << " " << axis.name << "=" << axis.extent;
  out << "\n";
  for (std::size_t c = 0; c < schedule.programs.size(); ++c) {
    const Program& program = schedule.programs[c];
    out << "\nclass " << c << " batch=" << program.batch << " ranks=" << ranks_text(schedule.class_of, static_cast<int>(c));
    for (const Slice& part : program.owned) out << " owned=" << part.offset << "+" << part.count;
    out << "\n";
    for (const Buffer& buffer : program.buffers)
      out << "buffer " << buffer.name << " " << to_string(buffer.kind) << " " << to_string(buffer.dtype) << " "
          << to_string(buffer.shape) << (buffer.layout == BufferLayout::nchw ? "" : cat(" ", to_string(buffer.layout))) << "\n";
    for (std::size_t op = 0; op < program.ops.size(); ++op) write_op(out, program, op);
  }
  return out.str();
}

}  // namespace convoy
