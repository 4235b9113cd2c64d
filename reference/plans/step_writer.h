/// StepWriter: writes the program of one class of ranks for one step of training or evaluation. make_schedule() is its only user.
///
/// One class, in files by what they write: step_writer.cpp the order of everything, step_moves.cpp what is brought to where it is
/// computed with, step_forward.cpp, step_backward.cpp, step_gradients.cpp (buckets and the update), step_layouts.cpp (blocked
/// activations), step_pipeline.cpp and one_weird_tail.cpp.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "reference/plans/layout.h"
#include "reference/plans/program_writer.h"
#include "reference/plans/redistribute.h"
#include "reference/plans/stages.h"

namespace convoy {

/// A rank's part of one learned tensor or running statistic, and where it lies in the rank's flat buffer.
struct LocalParameter {
  const Parameter* parameter;
  Box box;
  Slice slice;
};

/// Elements of the flat buffer that holds them.
inline std::int64_t count_of(const std::vector<LocalParameter>& parts) { return parts.empty() ? 0 : parts.back().slice.end(); }

/// Gradients that are summed over ranks together: consecutive in the flat buffer, and over the same axes. A bucket ends with a
/// whole node and as soon as it holds at least Plan::bucket_bytes, or the stage of a pipeline does.
struct Bucket {
  Slice slice;
  int last_node = 0;  ///< the node whose backward_weights fills it up
  std::vector<int> axes;
};

/// Channels of the collectives that sum gradients. Those of auto are chosen with its algorithm.
int gradient_channels(const Plan& plan);

class StepWriter {
 public:
  StepWriter(const Model& model, const Plan& plan, Mode mode, int batch, std::vector<int> coordinates);
  Program write();

 private:
  /// The images that go through a part of the network together: all of the rank's share, or some of it (one_weird_trick).
  struct Flow {
    std::string suffix;  ///< of the names of ops and buffers
    Slice samples;       ///< of the share of the batch
    std::vector<PlacedTensor> outputs = {};
    std::vector<std::vector<PlacedTensor>> inputs = {};      ///< as the nodes read them
    std::vector<std::vector<PlacedTensor>> dy = {};          ///< gradients of the outputs, by reader
    std::vector<Region> sums = {};                           ///< statistics of BatchNorm2d nodes
    std::map<std::pair<int, int>, PlacedTensor> moved = {};  ///< (node, number of its placement) -> the output there
    PlacedTensor images = {};
    int first_node = 0;  ///< gradients for nodes before it stay terms of a sum, for hand_back()
    bool again = false;  ///< forward is done again, see PipelineSteps: statistics are there and running ones were followed
  };

  // forward
  void load(Flow& flow);
  void load_pieces(Flow& flow);
  void hand_out_weights();
  void share_statistics();
  void forward(Flow& flow, int node);
  PlacedTensor input(Flow& flow, int node, std::size_t j);
  void forward_product(Flow& flow, int node, const PlacedTensor& x);
  [[nodiscard]] int norm_summed_by(const Flow& flow, int node) const;
  void statistics(Flow& flow, int node, const PlacedTensor& x);
  bool forward_while_halos_travel(Flow& flow, int node);
  void forward_norm(Flow& flow, int node, const PlacedTensor& x);
  void forward_simple(Flow& flow, int node);
  void finish(Flow& flow, int node, const PlacedTensor& made);
  void add_up(const std::string& name, int node, const Region& sums);

  // backward
  void backward(Flow& flow, int node);
  PlacedTensor gradient_of(Flow& flow, int node);
  void backward_input(Flow& flow, int node, const PlacedTensor& dy);
  void backward_weights(Flow& flow, int node, const PlacedTensor& dy);
  void backward_norm(Flow& flow, int node, const PlacedTensor& dy);
  void backward_add(Flow& flow, int node, const PlacedTensor& dy);
  void backward_scale(Flow& flow, int node, const PlacedTensor& dy);
  void add_mask(std::vector<Operand>& operands, const Flow& flow, int node) const;
  void pass_on(Flow& flow, int node, std::size_t j, PlacedTensor dx);
  [[nodiscard]] bool wants_input_gradient(int node, std::size_t j) const;

  // the linear part of one_weird_trick, schemes b and c
  [[nodiscard]] int first_of_tail() const;
  void run_tail(Flow& main, int first);
  PlacedTensor hand_over(Flow& main, int boundary, int piece, const Flow& tail);
  void hand_back(int boundary, int piece, const Flow& tail, PlacedTensor& dy);
  [[nodiscard]] Slice tail_samples(int piece) const;
  [[nodiscard]] std::vector<Slice> samples_of_ranks(int piece) const;

  // a pipeline
  class PipelineSteps;
  void begin();
  void run_pipeline();
  [[nodiscard]] std::vector<bool> gradients_through() const;

  // gradients
  void make_buckets();
  void prepare_gradients();
  void zero_gradients();
  void bucket_may_be_full(int node);
  void reduce(std::size_t bucket);
  void update();
  void update_with_norms();
  Region norms_of(const LocalParameter& part);
  [[nodiscard]] bool adapts(const LocalParameter& part) const;
  void update_slice(const std::string& name, const Slice& slice, const std::vector<int>& axes, const Region& norms,
                    std::vector<int> after);
  Flow next_flow(int part);
  void run_in_parts();
  void require_whole_images(const char* instead) const;
  [[nodiscard]] bool updates() const;
  [[nodiscard]] int parts() const { return train_ ? plan_.accumulate : 1; }

  // names and places
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] const Node& node(int i) const { return model_.nodes[static_cast<std::size_t>(i)]; }
  [[nodiscard]] const NodeLayout& layout(int i) const { return layout_.nodes[static_cast<std::size_t>(i)]; }
  [[nodiscard]] int node_count() const { return static_cast<int>(model_.nodes.size()); }
  [[nodiscard]] std::string name(const Flow& flow, int i, const std::string& what) const;
  [[nodiscard]] Box whole_output(const Flow& flow, int i) const;
  [[nodiscard]] Box whole_input(const Flow& flow, int i, std::size_t j) const;
  PlacedTensor make(const std::string& name, BufferKind kind, const Box& whole, const State& state,
                    BufferLayout layout = BufferLayout::nchw);
  PlacedTensor make_output(const Flow& flow, int node);
  PlacedTensor bring(const PlacedTensor& tensor, const State& state, BufferLayout layout, const Box& whole,
                     const RedistributeSettings& settings);
  void choose_layouts();
  [[nodiscard]] bool may_be_blocked(int node) const;
  Flow new_flow(std::string suffix, Slice samples) const;
  [[nodiscard]] bool only_looks(const Layer& layer) const;
  [[nodiscard]] std::vector<LocalParameter> local_parts(const std::vector<Parameter>& all) const;
  void add_learned(std::vector<Operand>& operands, int node, Access access, bool with_bias = true) const;
  void add_running(std::vector<Operand>& operands, int node, Access access) const;
  [[nodiscard]] Work work(int node, const Box& x, const Box& y, Pass pass) const;
  [[nodiscard]] bool has_partial_output(int node) const;
  /// Whether a node belongs to the step: in evaluation, auxiliary heads do not.
  [[nodiscard]] bool runs(int node) const;
  /// Whether it is at this rank; without a pipeline, all are.
  [[nodiscard]] bool is_mine(int i) const {
    return pipeline_axis_ < 0 || shape_.rank_of(stages_[index(i)]) == writer_.coordinate(pipeline_axis_);
  }

  const Model& model_;
  const Plan& plan_;
  bool train_;
  int batch_;
  Layout layout_;
  ProgramWriter writer_;
  int pipeline_axis_;        ///< -1: none
  PipelineShape shape_;
  std::vector<int> stages_;  ///< by node
  std::vector<Parameter> parameters_, states_;
  std::vector<bool> needed_;  ///< for answers
  std::vector<LocalParameter> learned_, running_;
  std::set<int> learning_nodes_;
  std::vector<bool> computes_blocked_;  ///< by node: its kernels read and write blocked tensors, see choose_layouts()
  std::vector<bool> learns_before_;  ///< whether a node, or anything before it, learns
  Region weights_, gradients_, momentum_, statistics_;
  std::vector<Bucket> buckets_;
  std::set<std::size_t> full_buckets_;
  bool last_part_ = true;  ///< of the images: gradients are complete after it
  std::map<std::size_t, int> reductions_;    ///< bucket -> its last reduction
  std::map<std::size_t, Region> converted_;  ///< bucket -> its gradients in 16 bits
};

}  // namespace convoy
