// A step of a rank in a pipeline: its row of the order's table, with what it takes in and sends on around every entry.

#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/pipeline_traffic.h"
#include "reference/plans/step_writer.h"

namespace convoy {

class StepWriter::PipelineSteps {
 public:
  explicit PipelineSteps(StepWriter& step)
      : step_(step),
        rank_(step.writer_.coordinate(step.pipeline_axis_)),
        table_(step.train_ ? table_of(step.plan_.pipeline, step.shape_.ranks) : forward_table(step.shape_)),
        edges_(pipeline_edges(step.model_, step.stages_, step.shape_, running(), step.gradients_through())),
        traffic_(traffic_of(table_, step.shape_, edges_)),
        backwards_left_(static_cast<std::size_t>(step.shape_.stages()), step.shape_.micro_batches) {
    for (int m = 0; m < step.shape_.micro_batches; ++m)
      flows_.push_back(step.new_flow(cat(".mb", m), shard(step.batch_, step.shape_.micro_batches, m)));
    arrived_.resize(flows_.size());
    for (const auto& [lane, messages] : traffic_.lanes) {
      const auto& [from, to, backward] = lane;
      if (from == rank_) leaving_.push_back({to, backward, next_stream_++, messages});
      if (to == rank_) coming_.push_back({from, backward, next_stream_++, messages, deadlines(messages)});
    }
  }

  void run() {
    begin();
    const auto entries = static_cast<int>(row().size());
    for (int place = 0; place < entries; ++place) {
      if (place == 0 || !step_.plan_.overlap) take_in_for(place);
      // One entry ahead, so that what comes next travels while this is computed.
      if (step_.plan_.overlap && place + 1 < entries) take_in_for(place + 1);
      step_.writer_.await(ended_for_sure(place));
      const PipelineAction& action = row()[index(place)];
      if (action.backward) {
        backward(action);
      } else {
        forward(action);
      }
      send_behind(place);
    }
  }

 private:
  struct Coming {
    int from = 0;
    bool backward = false;
    int stream = 0;
    const std::vector<PipelineMessage>& messages;
    std::vector<int> deadlines;  ///< by message: the entry of the row before which it must be taken in
    std::size_t next = 0;
  };
  struct Leaving {
    int to = 0;
    bool backward = false;
    int stream = 0;
    const std::vector<PipelineMessage>& messages;
    std::size_t next = 0;       ///< message to be sent
    std::vector<int> ops = {};  ///< of the messages sent; -1: it had nothing in it
    std::size_t ended = 0;      ///< messages that the rank is known to have heard of
  };

  /// Something for the first messages to come after, so that they do not overtake the step before. A rank that has to wait for its
  /// first input sets its gradients to 0 meanwhile. In evaluation, write() has begun.
  void begin() {
    if (coming_.empty() || !step_.train_) return;
    const bool waits = std::any_of(coming_.begin(), coming_.end(), [](const Coming& lane) { return lane.deadlines.front() == 0; });
    if (waits && !step_.learned_.empty()) {
      zero_gradients();
    } else {
      step_.begin();
    }
  }
  void zero_gradients() {
    if (!zeroed_ && !step_.learned_.empty()) step_.zero_gradients();
    zeroed_ = true;
  }

  [[nodiscard]] const std::vector<PipelineAction>& row() const { return table_[index(rank_)]; }
  [[nodiscard]] std::vector<bool> running() const {
    std::vector<bool> running;
    for (int i = 0; i < step_.node_count(); ++i) running.push_back(step_.runs(i));
    return running;
  }

  /// Everything before a message in its lane is taken in before it: Note [order of receiving].
  static std::vector<int> deadlines(const std::vector<PipelineMessage>& messages) {
    std::vector<int> places(messages.size());
    for (std::size_t i = messages.size(); i-- > 0;)
      places[i] = i + 1 < messages.size() ? std::min(messages[i].to_place, places[i + 1]) : messages[i].to_place;
    return places;
  }

  void take_in_for(int place) {
    for (Coming& lane : coming_)
      for (; lane.next < lane.messages.size() && lane.deadlines[lane.next] <= place; ++lane.next)
        take_in(lane, lane.messages[lane.next]);
  }

  /// "conv2.y.to1.mb0", "conv2.dy.from1.mb0": equal at both ends.
  [[nodiscard]] std::string name_of(const PipelineMessage& message) const {
    const PipelineEdge& edge = edges_[index(message.edge)];
    return step_.name(flows_[index(message.micro_batch)], edge.node, cat(message.backward ? "dy.from" : "y.to", edge.to));
  }
  /// Numbers of their own, since ranks do not write the same ops.
  [[nodiscard]] int id_of(const PipelineMessage& message) const {
    constexpr int first = 2'000'000;
    const int which = edges_[index(message.edge)].node + (message.backward ? step_.node_count() : 0);
    return first + which * step_.shape_.micro_batches + message.micro_batch;
  }
  [[nodiscard]] Message half(const PipelineMessage& message, int peer, const Region& region) const {
    return {{step_.pipeline_axis_, peer - rank_}, region, id_of(message)};
  }

  void take_in(const Coming& lane, const PipelineMessage& message) {
    const int node = edges_[index(message.edge)].node;
    Flow& flow = flows_[index(message.micro_batch)];
    const PlacedTensor tensor =
        step_.make(name_of(message), lane.backward ? BufferKind::activation_gradient : BufferKind::activation,
                   step_.whole_output(flow, node), step_.layout(node).output);
    if (tensor.region.slice.count > 0)
      step_.writer_.communicate(name_of(message), lane.stream, node, Exchange{{}, half(message, lane.from, tensor.region)});
    if (lane.backward) {
      arrived_[index(message.micro_batch)].emplace_back(node, tensor);
    } else {
      flow.outputs[index(node)] = tensor;
    }
  }

  /// What travels is in the plain layout.
  void send_behind(int place) {
    for (Leaving& lane : leaving_)
      for (; lane.next < lane.messages.size() && lane.messages[lane.next].from_place == place; ++lane.next) {
        const PipelineMessage& message = lane.messages[lane.next];
        const int node = edges_[index(message.edge)].node;
        Flow& flow = flows_[index(message.micro_batch)];
        const BufferKind kind = lane.backward ? BufferKind::activation_gradient : BufferKind::activation;
        const PlacedTensor& whole = lane.backward ? gradient_to_send(flow, node) : sent_outputs_.at(node);
        const PlacedTensor tensor = step_.writer_.in_layout(name_of(message) + ".nchw", kind, whole, BufferLayout::nchw);
        lane.ops.push_back(tensor.region.slice.count == 0
                               ? -1
                               : step_.writer_.communicate(name_of(message), lane.stream, node,
                                                           Exchange{half(message, lane.to, tensor.region), {}}));
      }
  }

  PlacedTensor& gradient_to_send(Flow& flow, int node) {
    std::vector<PlacedTensor>& terms = flow.dy[index(node)];
    require(!terms.empty(), "make_schedule", "nobody has a gradient of node '", step_.node(node).name, "' to send");
    terms = {step_.gradient_of(flow, node)};
    return terms.front();
  }

  /// The last op of every lane that has been taken in for sure: Note [sends that are sure to have ended].
  std::vector<int> ended_for_sure(int place) {
    std::vector<int> ops;
    for (Leaving& lane : leaving_) {
      const int known = traffic_.known[index(rank_)][index(place)][index(lane.to)];
      int last = -1;
      for (std::size_t i = lane.ended; i < lane.ops.size(); ++i)
        if (lane.messages[i].to_place < known) {
          lane.ended = i + 1;
          last = std::max(last, lane.ops[i]);
        }
      if (last >= 0) ops.push_back(last);
    }
    return ops;
  }

  [[nodiscard]] bool is_of(int node, int stage) const { return step_.stages_[index(node)] == stage && step_.runs(node); }
  [[nodiscard]] bool recomputes(int stage) const {
    const std::vector<int>& all = step_.plan_.pipeline.recompute;
    return step_.train_ && std::find(all.begin(), all.end(), stage) != all.end();
  }

  void forward(const PipelineAction& action) {
    Flow& flow = flows_[index(action.micro_batch)];
    bool reads_images = false;
    for (int i = 0; i < step_.node_count(); ++i)
      if (is_of(i, action.stage))
        for (const int input : step_.node(i).inputs) reads_images = reads_images || input == kImages;
    if (reads_images && flow.images.state.empty()) step_.load(flow);
    if (recomputes(action.stage)) {
      forward_and_forget(flow, action.stage);
    } else {
      for (int i = 0; i < step_.node_count(); ++i)
        if (is_of(i, action.stage)) step_.forward(flow, i);
      keep_for_sending(flow, action.stage);
    }
  }

  void keep_for_sending(const Flow& flow, int stage) {
    sent_outputs_.clear();
    for (int i = 0; i < step_.node_count(); ++i)
      if (is_of(i, stage)) sent_outputs_[i] = flow.outputs[index(i)];
  }

  /// Forward with buffers that nothing reads later but what is sent, and what a later stage of this rank reads. Kept are the sums of
  /// BatchNorm2d and the losses' probabilities, which are small: sums need not travel again, and losses are counted once.
  void forward_and_forget(Flow& flow, int stage) {
    Flow once = flow;
    once.suffix += ".once";
    for (int i = 0; i < step_.node_count(); ++i)
      if (is_of(i, stage)) step_.forward(once, i);
    keep_for_sending(once, stage);
    for (int i = 0; i < step_.node_count(); ++i) {
      if (!is_of(i, stage)) continue;
      flow.outputs[index(i)] = once.outputs[index(i)];
      flow.sums[index(i)] = once.sums[index(i)];
      if (std::holds_alternative<SoftmaxCrossEntropy>(step_.node(i).layer)) flow.inputs[index(i)] = once.inputs[index(i)];
    }
  }

  void forward_again(Flow& flow, int stage) {
    flow.again = true;
    std::erase_if(flow.moved, [&](const auto& entry) { return entry.first.first >= 0 && is_of(entry.first.first, stage); });
    for (int i = 0; i < step_.node_count(); ++i)
      if (is_of(i, stage) && !std::holds_alternative<SoftmaxCrossEntropy>(step_.node(i).layer)) step_.forward(flow, i);
    flow.again = false;
  }

  void backward(const PipelineAction& action) {
    Flow& flow = flows_[index(action.micro_batch)];
    zero_gradients();
    if (recomputes(action.stage)) forward_again(flow, action.stage);
    for (const auto& [node, tensor] : arrived_[index(action.micro_batch)])
      if (step_.stages_[index(node)] == action.stage) {
        std::vector<PlacedTensor>& terms = flow.dy[index(node)];
        const BufferLayout layout = flow.outputs[index(node)].layout;
        terms.push_back(step_.writer_.in_layout(step_.name(flow, node, cat("dy", terms.size(), ".", to_string(layout))),
                                                BufferKind::activation_gradient, tensor, layout));
      }
    step_.last_part_ = --backwards_left_[index(action.stage)] == 0;
    for (int i = step_.node_count() - 1; i >= 0; --i) {
      if (!is_of(i, action.stage)) continue;
      step_.backward(flow, i);
      if (step_.last_part_) step_.bucket_may_be_full(i);
    }
  }

  StepWriter& step_;
  int rank_;
  PipelineTable table_;
  std::vector<PipelineEdge> edges_;
  PipelineTraffic traffic_;
  std::vector<int> backwards_left_;  ///< by stage
  std::vector<Flow> flows_;          ///< by micro-batch
  std::vector<std::vector<std::pair<int, PlacedTensor>>> arrived_;  ///< by micro-batch: gradients of these nodes' outputs
  std::map<int, PlacedTensor> sent_outputs_;                        ///< of the stage that went forward just now
  std::vector<Coming> coming_;
  std::vector<Leaving> leaving_;
  int next_stream_ = kActivationStream + 1;
  bool zeroed_ = false;
};

void StepWriter::begin() { writer_.compute("begin", {ComputeKind::join, -1, {}, {}}); }

void StepWriter::run_pipeline() {
  require_whole_images("no pipeline");
  if (train_) {
    prepare_gradients();
  } else {
    begin();
    share_statistics();
  }
  PipelineSteps(*this).run();
}

/// Nodes through which gradients come: those that learn, or read something that does, and from which a loss can be reached.
std::vector<bool> StepWriter::gradients_through() const {
  std::vector<bool> through(model_.nodes.size(), false);
  for (int i = node_count() - 1; train_ && i >= 0; --i) {
    bool read = std::holds_alternative<SoftmaxCrossEntropy>(node(i).layer);
    for (int reader = i + 1; reader < node_count(); ++reader)
      for (const int input : node(reader).inputs) read = read || (input == i && through[index(reader)]);
    through[index(i)] = read && learns_before_[index(i)];
  }
  return through;
}

}  // namespace convoy
