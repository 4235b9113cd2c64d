/// Profile: measured times of compute ops on one rank, and of messages between ranks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reference/io/host.h"
#include "reference/model/model.h"
#include "reference/plans/plan.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// What tells how long a compute op takes, as far as profiles tell ops of one kind and node apart. Plans divide layers, so that
/// one node has ops of many shapes.
struct OpSize {
  std::string shape = "";  ///< of one image of x (or dx) and y (or dy) as the rank has them, "6x14x14>16x10x10"; "" for flat ops
  int batch = 0;           ///< images that the op works on; 0 for flat ops
  std::int64_t count = 0;  ///< of flat ops: elements; of copy and sum: bytes read and written. 0 else
  friend auto operator<=>(const OpSize&, const OpSize&) = default;
};
OpSize size_of(const Program& program, const Compute& compute);
/// The shape of an op on whole images: "1x28x28>6x28x28".
std::string whole_shape(const Model& model, int node);

/// The measured time of one kind of compute op.
struct ProfileEntry {
  std::string node;  ///< name of the node in the model; "" for ops of none
  ComputeKind kind = ComputeKind::forward;
  int batch = 0;           ///< see OpSize
  std::int64_t count = 0;  ///< see OpSize
  double time_s = 0;       ///< median
  double spread_s = 0;     ///< third quartile - first quartile
  int samples = 0;
  std::string shape = "";  ///< see OpSize; "" in old profiles, which mean whole images
  /// The time in single steps, as many as kKeptSteps or fewer. The k-th of all entries that were measured together is of the same
  /// step of the same rank, so that a step that was slow is slow in all of them. Empty in old profiles.
  std::vector<double> steps_s = {};
};
/// Measured steps of which a profile keeps the time of every op: enough to see how ranks scatter, few enough for a file.
inline constexpr int kKeptSteps = 32;

/// The measured transport between two ranks.
struct TransportProfile {
  std::string name;                  ///< "threads"
  double latency_s = 0;              ///< of a message of a few bytes, one way
  double bandwidth_bytes_per_s = 0;  ///< of large messages that are copied
  double add_s_per_byte = 0;         ///< extra time for large messages that are added instead of copied
  double communication_cores = 0;    ///< cores a rank keeps busy while it receives, as the executor states it
};

/// A measured accelerator.
struct DeviceProfile {
  std::string name;                        ///< as its driver says
  int chip = 0;                            ///< NVIDIA's compute capability times ten; 0: no GPU
  std::int64_t memory_bytes = 0;
  double launch_s = 0;                     ///< of a kernel that does nothing, in a row of many
  double upload_bytes_per_s = 0;           ///< from ordinary memory of the host, as images are
  double pinned_upload_bytes_per_s = 0;    ///< from memory that copies can read by themselves
  double pinned_download_bytes_per_s = 0;  ///< to such memory
  double flops_per_s = 0;                  ///< fp32 multiply-adds in registers, two FLOPs each
  double bytes_per_s = 0;                  ///< read and written when copying in its memory
  double stated_flops_per_s = 0;           ///< by clock and units, as data sheets work it out; 0: not known
  double stated_bytes_per_s = 0;           ///< by clock and width of its memory; 0: not known
};

struct Profile {
  std::string version = tool_version();
  std::string model;
  std::string data;  ///< images that were trained on: "fashion-mnist", "synthetic"; empty in profiles that do not say
  std::uint64_t seed = 1;
  std::string machine;  ///< processor, or the accelerator that computed
  std::string date;
  std::string command;
  int cores = 1;                            ///< of the machine
  std::int64_t memory_bytes = 0;            ///< of the machine
  double memory_bandwidth_bytes_per_s = 0;  ///< measured on one core, or the accelerator, copying: bytes read and written
  double peak_flops_per_s = 0;              ///< measured on one core: fastest forward pass of a large matrix product; of an accelerator: DeviceProfile
  int threads = 1;                          ///< of each rank
  int concurrent = 1;                       ///< ranks that ran at the same time while one was measured
  std::string precision = "fp32";
  Fusion fusion = Fusion::off;  ///< of the plan that was measured, as `layout`; what profiles that do not say were
  ActivationLayout layout = ActivationLayout::nchw;
  std::vector<ProfileEntry> entries;
  std::optional<TransportProfile> transport;  ///< when more than one rank was measured
  std::optional<DeviceProfile> device;        ///< when an accelerator computed; machine, memory and peaks above are then its own
};

/// JSON with the unit in the name of every field, and where the values come from: all of them are measured.
std::string to_json(const Profile& profile);
/// Reads a profile; version, host, data, seed and provenance may be missing. An InputError names the file, the field and what was
/// expected.
Profile parse_profile(const std::string& json, const std::string& file_name);

}  // namespace convoy
