/// Schedule: for every rank, what it computes and what it sends in one training step, in which order, and on which memory.
///
/// One schedule, many executors: threads run it with data and read a real clock, the simulator runs it with SimGrid and reads
/// a simulated one. The rules that make it mean the same everywhere:
///
///  1. Ops on one stream of a rank run in list order, iteration after iteration. `after` names earlier ops of the same rank.
///     Nothing else orders the ops of a rank.
///  2. An Exchange is a rendezvous: it ends when both of its messages have moved.
///  3. Messages match by message id and iteration; collectives of a group stand in the same order on all members, per stream.
///  4. Sizes are elements in regions and bytes in costs.
///  5. An executor adds, drops and reorders nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reference/collectives/collective.h"
#include "reference/core/box.h"
#include "reference/core/dtype.h"
#include "reference/core/shape.h"
#include "reference/model/layer.h"
#include "reference/schedule/mesh.h"
#include "reference/schedule/serve_policy.h"

namespace convoy {

/// What a buffer is for; memory is reported by kind. Weights and optimizer state live from iteration to iteration, all
/// other buffers hold nothing when an iteration begins.
enum class BufferKind : std::uint8_t { weights, optimizer, gradients, input, activation, activation_gradient, workspace };
std::string_view to_string(BufferKind kind);
/// Whether the contents survive from one iteration to the next.
bool is_persistent(BufferKind kind);

/// How the elements of an activation lie in memory. nchw16c is [N][ceil(C/16)][H][W][16]: sixteen channels of a pixel lie together,
/// so that they are one vector of the processor; lanes behind the last channel are 0. Kernels for it are those of reference/cpu/
/// blocked; whatever travels, is sliced or is flattened is nchw.
enum class BufferLayout : std::uint8_t { nchw, nchw16c };
std::string_view to_string(BufferLayout layout);
/// Channels that lie together.
inline constexpr int kChannelBlock = 16;
/// Elements in memory of a tensor with this shape, lanes of padding included.
std::int64_t element_count(const Shape& shape, BufferLayout layout);

/// A piece of memory of a rank. Its place in the rank's arena follows from plan_memory().
struct Buffer {
  std::string name;  ///< "weights", "conv1.y", "conv1.dy"
  BufferKind kind = BufferKind::activation;
  DType dtype = DType::f32;
  Shape shape;  ///< of this rank's part; flat buffers are [1,count,1,1] or, above 2^31 elements, spread over c, h and w
  BufferLayout layout = BufferLayout::nchw;
  friend bool operator==(const Buffer&, const Buffer&) = default;
};

/// Elements of a buffer, lanes of padding included.
inline std::int64_t element_count(const Buffer& buffer) { return element_count(buffer.shape, buffer.layout); }

/// Consecutive elements of a buffer, by the buffer's index in its program.
struct Region {
  int buffer = 0;
  Slice slice;
  friend bool operator==(const Region&, const Region&) = default;
};

/// The part an operand plays in a compute op. Kernels look operands up by role.
enum class Role : std::uint8_t {
  x,
  y,
  dx,
  dy,
  weight,
  bias,
  weight_gradient,
  bias_gradient,
  weights,
  gradients,
  momentum,
  sums,           ///< of BatchNorm2d's x: sum of x, sum of x^2 and number of values, in f64
  gradient_sums,  ///< of BatchNorm2d's dy: sum of dy and of dy xhat, in f64
  running_mean,
  running_var,
  norms,  ///< of learned tensors, in f64: for each the sums of w^2 and of dw^2
  payload,  ///< compressed gradients, in words of 32 bits: core/payload.h
  error,    ///< what compression has left behind so far
};
inline constexpr int kRoleCount = 18;
std::string_view to_string(Role role);

enum class Access : std::uint8_t { read, write, update };  ///< update: reads and writes
std::string_view to_string(Access access);

/// A region and what it holds. `box` says which part of its tensor that is: of an activation in the coordinates of the rank's
/// share of the batch (Schedule::samples) and of the whole channels, rows and columns; of a learned tensor in those of the
/// whole tensor. Flat operands (of load, zero, update, convert and statistics) have none.
struct Operand {
  Role role = Role::x;
  Access access = Access::read;
  Region region;
  Box box = {};
  friend bool operator==(const Operand&, const Operand&) = default;
};

/// What a compute op does.
enum class ComputeKind : std::uint8_t {
  load,                 ///< brings this rank's images of the batch into y (labels stay with the loader)
  zero,                 ///< gradients = 0
  forward,              ///< one node
  backward_input,       ///< one node, dx from dy
  backward_weights,     ///< one node, dw and db from dy
  update,               ///< optimiser step on a slice of weights, gradients and momentum
  statistics,           ///< BatchNorm2d: sums over this rank's part of x
  gradient_statistics,  ///< BatchNorm2d: sums over this rank's part of dy
  bias,                 ///< y += bias, where the products were summed over ranks first
  copy,                 ///< every element of every y from the x that has it, by boxes: packing, unpacking, slicing
  sum,                  ///< y = sum of all x, each where its box meets that of y
  convert,              ///< y = x in the type of y
  join,                 ///< nothing; orders what comes after it behind other streams
  repack,               ///< y = x in the layout of y's buffer
  norms,                ///< sums of squares of a node's weights and of their gradients, of this rank's part
  compress,             ///< payload = gradients; with an error, the largest of error + gradients, and the error is what is left
  decompress,           ///< gradients = sum of all payloads
  weigh,                ///< weights, and momentum, *= the share of the iteration's images that the rank has: its term of their mean
};
inline constexpr int kComputeKindCount = 18;
std::string_view to_string(ComputeKind kind);

/// Work on this rank's own memory.
struct Compute {
  ComputeKind kind = ComputeKind::forward;
  int node = -1;  ///< of the model, -1 for load, zero and update
  std::vector<Operand> operands;
  Work work;
  std::vector<int> summed_over = {};  ///< update: axes of the mesh over which its gradients must have been summed, once each
  friend bool operator==(const Compute&, const Compute&) = default;
};

/// A rank named relative to the one that runs the op: this many steps along an axis of the mesh, wrapping around; or, with the
/// axis kAnyRank, by its number.
struct Peer {
  int axis = 0;
  int offset = 1;
  friend bool operator==(const Peer&, const Peer&) = default;
};

/// Half of a point-to-point message. Its other half stands at the peer, with the same id and as many bytes.
struct Message {
  Peer peer;
  Region region;
  int id = 0;
  friend bool operator==(const Message&, const Message&) = default;
};

/// At most one message out and one message in, moving at the same time.
struct Exchange {
  std::optional<Message> send;
  std::optional<Message> recv;
  friend bool operator==(const Exchange&, const Exchange&) = default;
};

/// A collective over all ranks that differ along one axis only, on a region that every member has in the same size.
/// `bounds` divides the region among the members: member k's shard is [bounds[k], bounds[k+1]). Empty: as shard() does.
/// The algorithm "auto" stands for one that is still to be chosen (collectives/choose.h); no executor takes it.
struct Collective {
  CollectiveKind kind = CollectiveKind::all_reduce;
  std::string algorithm = "ring";
  int axis = 0;
  int id = 0;    ///< equal on all members, unique within an iteration
  int root = 0;  ///< coordinate along the axis; broadcast and reduce only
  int chunks = 1;
  Region region;
  std::vector<std::int64_t> bounds = {};
  int channels = 1;        ///< of the algorithm, running at the same time
  int ranks_per_node = 0;  ///< members that share a node, consecutive ones along the axis; 0: unknown
  friend bool operator==(const Collective&, const Collective&) = default;
};

/// Keeps a part of the weights for workers: takes what they push, makes updates of it and hands out weights, as its rule says. All
/// of it is under way at the same time, but for updates. Over when the pushes of all workers of this iteration have been taken and
/// answered; those of later ones may come before that. An op of this kind has a stream of its own.
struct Serve {
  ServeRule rule;
  std::vector<Message> pushes;  ///< by worker: from whom, and where it is put: its place, or with `unpack` one for payloads
  std::vector<Message> pulls;   ///< by worker: to whom, from its place, which then holds the weights as they are
  Compute add;                  ///< of one push to another; its Work is of that, the regions are those of the first two places
  Compute update;               ///< on the weights and momentum kept here; its gradients stand for the place of the sum
  std::int64_t first = 0;       ///< place of the weights kept here among all of the model
  /// Of a compressed push into the worker's place, before it is added or used; the regions are those of the first worker.
  std::optional<Compute> unpack = {};
  friend bool operator==(const Serve&, const Serve&) = default;
};

/// One thing that a rank does. Its id is its index in the program.
struct Op {
  std::string name;        ///< "forward conv1", for people
  int stream = 0;          ///< see kComputeStream, kCommunicationStream
  std::vector<int> after;  ///< ids of earlier ops of this program
  std::variant<Compute, Exchange, Collective, Serve> action;
  int node = -1;  ///< of a communication op: the node whose data moves, -1 for gradients and weights
  friend bool operator==(const Op&, const Op&) = default;
};

inline constexpr int kComputeStream = 0;
inline constexpr int kCommunicationStream = 1;  ///< of gradients and weights
inline constexpr int kActivationStream = 2;     ///< of everything between layers

/// The ops and buffers of one class of ranks. Peers and groups are relative to the mesh, so that thousands of ranks that do
/// the same share one program.
struct Program {
  int batch = 0;  ///< images in Schedule::samples() of a rank of this class
  std::vector<Buffer> buffers;
  std::vector<Op> ops;
  /// Where ranks with the same images divide the state of the optimiser: the parts of the model's flat weights that this one keeps
  /// in "momentum", one after the other, and in "weights" too when that has as many elements.
  std::vector<Slice> owned = {};
  [[nodiscard]] int stream_count() const;
  friend bool operator==(const Program&, const Program&) = default;
};

/// One step of all ranks; of local SGD a round, which is several steps.
struct Schedule {
  std::string model;
  std::string plan;
  std::string mode = "train";      ///< or "evaluate"
  std::string precision = "fp32";  ///< arithmetic of the compute ops, a matter of cost: fp32, tf32, fp16, bf16, fp64
  int global_batch = 0;            ///< images of an iteration
  int batch_axis = 0;  ///< axis along which all of the step is divided by images, -1: there is none
  int servers = 0;     ///< ranks at the end of that axis that have no images, since all they do is serve
  /// Local SGD: updates that a rank makes by itself in an iteration, each of its part of its images, before the weights of all
  /// ranks become their mean. 0: gradients are summed over ranks, and an iteration is one step.
  int local_steps = 0;
  Mesh mesh;
  std::vector<Program> programs;
  std::vector<int> class_of;  ///< program of every rank

  [[nodiscard]] int world_size() const { return static_cast<int>(class_of.size()); }
  [[nodiscard]] const Program& program(int rank) const;
  /// The images of the global batch that a rank, and all that differ from it along other axes than batch_axis, work on:
  /// shard(global_batch, extent of the batch axis less the servers, coordinate); all of them without a batch axis.
  [[nodiscard]] Slice samples(int rank) const;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

/// Training steps in an iteration: 1, but of local SGD.
int steps_of_iteration(const Schedule& schedule);
/// The images over which the loss of some of a rank's samples (relative to Schedule::samples()) is a mean: those of the iteration,
/// of local SGD those of the local step that they belong to.
std::int64_t images_of_mean(const Schedule& schedule, int rank, const Slice& samples);
/// The images, in the global batch, whose loss a rank computes and counts. Ranks that compute the same loss again count none, so
/// that every image is counted once. `loss`: the node of a loss, by default the last one.
Slice counted_samples(const Schedule& schedule, int rank, int loss = -1);
/// What a collective op asks of one rank, on channel 0.
CollectiveRequest request_of(const Schedule& schedule, int rank, const Collective& collective);
/// The Serve op of a program; null when it has none.
const Serve* serve_of(const Program& program);
/// Whether any rank serves.
bool is_served(const Schedule& schedule);
/// Bytes of a region in a program.
std::int64_t region_bytes(const Program& program, const Region& region);
/// The regions an op reads (first) and writes (second); an operand that is updated is in both. A collective updates its region.
std::pair<std::vector<Region>, std::vector<Region>> regions_of(const Op& op);

}  // namespace convoy
