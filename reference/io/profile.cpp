#include "reference/io/profile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reference/io/json_fields.h"

namespace convoy {
namespace {

using nlohmann::ordered_json;

ordered_json entry_json(const ProfileEntry& entry) {
  ordered_json json = {{"node", entry.node},         {"kind", to_string(entry.kind)}, {"shape", entry.shape},
                       {"batch", entry.batch},       {"count", entry.count},          {"time_s", entry.time_s},
                       {"spread_s", entry.spread_s}, {"samples", entry.samples}};
  if (!entry.steps_s.empty()) json["steps_s"] = entry.steps_s;
  return json;
}

ComputeKind parse_kind(JsonFields& fields) {
  const std::string word = fields.text("kind");
  std::string known;
  for (int k = 0; k < kComputeKindCount; ++k) {
    const auto kind = static_cast<ComputeKind>(k);
    if (word == to_string(kind)) return kind;
    known += cat(known.empty() ? "" : ", ", to_string(kind));
  }
  if (!word.empty()) fields.problem("kind", cat("is '", word, "', expected one of ", known));
  return ComputeKind::forward;
}

ProfileEntry parse_entry(JsonFields fields) {
  ProfileEntry entry{.node = fields.text("node"),
                     .kind = parse_kind(fields),
                     .batch = fields.small_integer("batch"),
                     .count = fields.integer("count"),
                     .time_s = fields.number("time_s"),
                     .spread_s = fields.number("spread_s"),
                     .samples = fields.small_integer("samples")};
  if (fields.has("shape")) entry.shape = fields.text("shape");
  if (fields.has("steps_s")) entry.steps_s = fields.numbers("steps_s");
  for (const double time_s : entry.steps_s)
    if (!(time_s >= 0)) fields.problem("steps_s", cat("has ", time_s, ", expected 0 or more"));
  if (std::ssize(entry.steps_s) > kKeptSteps)
    fields.problem("steps_s", cat("has ", entry.steps_s.size(), " times, expected ", kKeptSteps, " or fewer"));
  fields.require_all_known();
  return entry;
}

ordered_json transport_json(const TransportProfile& transport) {
  return {{"name", transport.name},
          {"latency_s", transport.latency_s},
          {"bandwidth_bytes_per_s", transport.bandwidth_bytes_per_s},
          {"add_s_per_byte", transport.add_s_per_byte},
          {"communication_cores", transport.communication_cores}};
}

TransportProfile parse_transport(JsonFields fields) {
  TransportProfile transport{.name = fields.text("name"),
                             .latency_s = fields.number("latency_s"),
                             .bandwidth_bytes_per_s = fields.positive_number("bandwidth_bytes_per_s"),
                             .add_s_per_byte = fields.number("add_s_per_byte"),
                             .communication_cores = fields.number("communication_cores")};
  fields.require_all_known();
  return transport;
}

ordered_json device_json(const DeviceProfile& device) {
  return {{"name", device.name},
          {"chip", device.chip},
          {"memory_bytes", device.memory_bytes},
          {"launch_s", device.launch_s},
          {"upload_bytes_per_s", device.upload_bytes_per_s},
          {"pinned_upload_bytes_per_s", device.pinned_upload_bytes_per_s},
          {"pinned_download_bytes_per_s", device.pinned_download_bytes_per_s},
          {"flops_per_s", device.flops_per_s},
          {"bytes_per_s", device.bytes_per_s},
          {"stated_flops_per_s", device.stated_flops_per_s},
          {"stated_bytes_per_s", device.stated_bytes_per_s}};
}

DeviceProfile parse_device(JsonFields fields) {
  DeviceProfile device{.name = fields.text("name"),
                       .chip = fields.small_integer("chip"),
                       .memory_bytes = fields.integer("memory_bytes"),
                       .launch_s = fields.number("launch_s"),
                       .upload_bytes_per_s = fields.number("upload_bytes_per_s"),
                       .pinned_upload_bytes_per_s = fields.number("pinned_upload_bytes_per_s"),
                       .pinned_download_bytes_per_s = fields.number("pinned_download_bytes_per_s"),
                       .flops_per_s = fields.number("flops_per_s"),
                       .bytes_per_s = fields.number("bytes_per_s"),
                       .stated_flops_per_s = fields.number("stated_flops_per_s"),
                       .stated_bytes_per_s = fields.number("stated_bytes_per_s")};
  fields.require_all_known();
  return device;
}

/// The fields that hold what was measured.
std::vector<std::string> measured_fields(const Profile& profile) {
  std::vector<std::string> names = {"memory_bandwidth_bytes_per_s", "peak_flops_per_s", "entries"};
  if (profile.transport) names.emplace_back("transport");
  if (profile.device) names.emplace_back("device");
  return names;
}

void parse_head(Profile& profile, JsonFields& fields) {
  if (fields.has("version")) profile.version = fields.text("version");
  if (fields.has("data")) profile.data = fields.text("data");
  if (fields.has("seed")) profile.seed = static_cast<std::uint64_t>(fields.integer("seed"));
  profile.model = fields.text("model");
  profile.machine = fields.text("machine");
  profile.date = fields.text("date");
  profile.command = fields.text("command");
  profile.cores = fields.small_integer("cores", 1);
  profile.memory_bytes = fields.integer("memory_bytes");
  profile.memory_bandwidth_bytes_per_s = fields.number("memory_bandwidth_bytes_per_s");
  profile.peak_flops_per_s = fields.number("peak_flops_per_s");
  profile.threads = fields.small_integer("threads", 1);
  profile.concurrent = fields.small_integer("concurrent", 1);
  profile.precision = fields.text("precision");
  parse_optional(fields, "fusion", [&](const std::string& word) { profile.fusion = parse_fusion(word); });
  parse_optional(fields, "layout", [&](const std::string& word) { profile.layout = parse_activation_layout(word); });
}

/// Checks the fields that say again what others say, for readers of any result of Convoy.
void check_common(JsonFields& fields) {
  if (fields.has("host")) {
    JsonFields host = fields.object("host");
    host.text("cpu_model");
    host.small_integer("cores", 1);
    host.integer("memory_bytes");
    host.require_all_known();
  }
  if (fields.has("provenance")) {
    JsonFields provenance = fields.object("provenance");
    for (const std::string& name : provenance.names())
      if (const std::string word = provenance.text(name); word != "measured")
        provenance.problem(name, cat("is '", word, "', expected measured"));
  }
}

/// "16x5x10": one image of a box, or "0" when there is none.
std::string image_of(const Box& box) {
  if (box.c.count == 0 || box.h.count == 0 || box.w.count == 0) return "0";
  return cat(box.c.count, "x", box.h.count, "x", box.w.count);
}

/// The boxes with this role, as many as there are: "8x4x4+8x4x4".
std::string images_of(const Compute& compute, Role role) {
  std::string text;
  for (const Operand& operand : compute.operands)
    if (operand.role == role) text += cat(text.empty() ? "" : "+", image_of(operand.box));
  return text;
}

bool has_images(const Operand& operand) {
  return operand.role == Role::x || operand.role == Role::dx || operand.role == Role::y || operand.role == Role::dy;
}

}  // namespace

OpSize size_of(const Program& program, const Compute& compute) {
  OpSize size;
  if (compute.kind == ComputeKind::copy || compute.kind == ComputeKind::sum || compute.kind == ComputeKind::repack) {
    size.count = static_cast<std::int64_t>(compute.work.bytes_read + compute.work.bytes_written);
    return size;
  }
  if (compute.kind != ComputeKind::convert) {
    std::int64_t images = -1;
    for (const Operand& operand : compute.operands)
      if (has_images(operand)) images = std::max(images, operand.box.n.count);
    if (images >= 0) {
      const std::string dx = images_of(compute, Role::dx), dy = images_of(compute, Role::dy);
      size.batch = static_cast<int>(images);
      size.shape = cat(dx.empty() ? images_of(compute, Role::x) : dx, ">", dy.empty() ? images_of(compute, Role::y) : dy);
      return size;
    }
  }
  for (const Operand& operand : compute.operands) {
    size.count = std::max(size.count, operand.region.slice.count);
    if (compute.kind != ComputeKind::convert) continue;
    const Buffer& buffer = program.buffers.at(static_cast<std::size_t>(operand.region.buffer));
    size.shape += cat(size.shape.empty() ? "" : ">", to_string(buffer.dtype));
  }
  return size;
}

std::string whole_shape(const Model& model, int node) {
  const std::vector<Shape> outputs = output_shapes(model, 1);
  std::string text;
  for (const int input : model.nodes.at(static_cast<std::size_t>(node)).inputs)
    text +=
        cat(text.empty() ? "" : "+", image_of(box_of(input == kImages ? model.image : outputs[static_cast<std::size_t>(input)])));
  return cat(text, ">", image_of(box_of(outputs[static_cast<std::size_t>(node)])));
}

std::string to_json(const Profile& profile) {
  ordered_json json = {
      {"version", profile.version},
      {"command", profile.command},
      {"date", profile.date},
      {"host", {{"cpu_model", profile.machine}, {"cores", profile.cores}, {"memory_bytes", profile.memory_bytes}}},
      {"model", profile.model},
      {"precision", profile.precision},
      {"fusion", to_string(profile.fusion)},
      {"layout", to_string(profile.layout)},
      {"data", profile.data},
      {"seed", profile.seed},
      {"threads", profile.threads},
      {"concurrent", profile.concurrent},
      {"machine", profile.machine},
      {"cores", profile.cores},
      {"memory_bytes", profile.memory_bytes},
      {"memory_bandwidth_bytes_per_s", profile.memory_bandwidth_bytes_per_s},
      {"peak_flops_per_s", profile.peak_flops_per_s},
      {"entries", ordered_json::array()}};
  if (profile.device) json.erase("host");  // machine and memory are the accelerator's
  for (const ProfileEntry& entry : profile.entries) json["entries"].push_back(entry_json(entry));
  if (profile.transport) json["transport"] = transport_json(*profile.transport);
  if (profile.device) json["device"] = device_json(*profile.device);
  for (const std::string& name : measured_fields(profile)) json["provenance"][name] = "measured";
  return json_text(json, 2) + "\n";
}

Profile parse_profile(const std::string& text, const std::string& file_name) {
  const nlohmann::json json = parse_json(text, file_name);
  JsonProblems problems(file_name);
  JsonFields fields(json, "", problems);
  Profile profile;
  parse_head(profile, fields);
  const nlohmann::json& entries = fields.array("entries");
  for (std::size_t i = 0; i < entries.size(); ++i)
    profile.entries.push_back(parse_entry(JsonFields(entries[i], cat("entries[", i, "]"), problems)));
  if (fields.has("transport")) profile.transport = parse_transport(fields.object("transport"));
  if (fields.has("device")) profile.device = parse_device(fields.object("device"));
  check_common(fields);
  fields.require_all_known();
  problems.require_none();
  return profile;
}

}  // namespace convoy
