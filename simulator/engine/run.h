/// Run: all streams of all ranks of a schedule on a simulated machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <unordered_map>
#include <vector>

#include "reference/schedule/ideal.h"
#include "reference/schedule/schedule.h"
#include "reference/schedule/timeline.h"
#include "simulator/engine/fidelity.h"
#include "simulator/engine/machine.h"
#include "simulator/engine/program_facts.h"

namespace convoy {

/// What Run does with what it is given.
struct RunSettings {
  Fidelity fidelity = Fidelity::steps;  ///< not automatic
  Sharing sharing = Sharing::meeting;
  bool by_class = false;                    ///< one rank of every class and kind of node stands for all; see classes_suffice()
  int blocks = 1;                           ///< in which a stretch is cut, if it has as many rounds
  std::vector<int> placement = {};          ///< device, or host, of every rank; empty: rank r on device r
  std::vector<CostModel> other_costs = {};  ///< by kind of Cluster::others; empty: as on the first
  std::vector<CostModel> host_costs = {};   ///< of ranks that are hosts, by kind of nodes; empty: as on the first kind of devices
  /// Of the times of compute ops; empty: 1. Not with by_class.
  std::function<double(int rank, int iteration, int op)> compute_factor = {};
  std::function<double(CollectiveKind, double bytes, const std::vector<int>& devices)> collective_s =
      {};  ///< see SimulationOptions
  double communication_share = 0;  ///< of a device, see SimulationOptions
  /// Whether a collective is one wait of its group.
  [[nodiscard]] bool whole_collectives() const { return fidelity == Fidelity::formula || collective_s; }
};

/// Ops start by the rules of schedule.h. A rank that runs, or one that stands for its class, has a cursor for each of its
/// streams; what a cursor waits for (an op, a message, a round, a ring) calls it back.
class Run {
 public:
  Run(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost, const RunSettings& settings);
  /// Once.
  Timeline run();

 private:
  enum class State : std::uint8_t {
    between_ops,
    computing,
    moving,      ///< messages of an Exchange or of a round
    placing,     ///< adding or copying what arrived in a round
    gathering,   ///< a stretch, or by formula a collective: waits for the others of its ring, then for all flows
    round_over,  ///< the next round, or block of a stretch, may begin
    op_over,
    serving,  ///< a server: pushes come and answers go
    at_rest,  ///< a helper that nobody has called
  };
  struct Agent {
    int rank = 0;
    const Program* program = nullptr;
    const ProgramFacts* facts = nullptr;
    std::uint32_t first_cursor = 0;  ///< of its streams; the helpers of a stream follow all streams, `helpers` for each
    int helpers = 0;
    std::size_t first_interval = 0;
    std::size_t first_count = 0;  ///< into ended_
  };
  struct Cursor {
    std::uint32_t agent = 0;
    const std::vector<int>* ops = nullptr;
    std::size_t next = 0;
    int iteration = 0;
    State state = State::between_ops;
    double start_s = 0;
    int pending = 0;  ///< halves of messages that have not moved
    // Channels of a collective go on at the same time: the first on the cursor of the stream, each other on a helper of it.
    std::uint32_t leader = 0;  ///< of a helper; of others itself
    int channel = 0;
    int channels_left = 0;  ///< of a leader: that have rounds left
    // of a collective
    int first_rank = 0;  ///< of the group
    int rank_stride = 0;
    std::int64_t round = 0;  ///< or block of a stretch
    std::int64_t round_count = 0;
    std::size_t stretch = 0;
    Round current;
    Rounds rounds;
  };
  /// Names a message; two of the same name are never under way at the same time.
  struct Tag {
    std::uint64_t ranks = 0;
    std::uint64_t what = 0;
    friend bool operator==(const Tag&, const Tag&) = default;
  };
  struct HashTag {
    std::size_t operator()(const Tag& tag) const;
  };
  struct InFlight {
    std::uint32_t sender = 0;  ///< cursor, or of a flow of a ring the gathering
    std::uint32_t receiver = 0;
    bool of_ring = false;
  };
  /// A ring, or by formula a group, on its way through one collective.
  struct Gathering {
    std::vector<std::uint32_t> cursors;  ///< that are there
    std::int64_t flows = 0;              ///< under way
  };

  /// A Serve op on its way through all iterations. Its cursor only says when each of them is over.
  struct Server {
    const Serve* serve = nullptr;
    ServePolicy policy;
    std::vector<int> pushed;    ///< by worker: pushes that have been taken
    std::vector<int> answered;  ///< by iteration
    std::deque<int> arrived;    ///< workers whose pushes are there and have not been taken
    std::vector<int> to_answer;  ///< when the update that is under way is over
    bool updating = false;
    double unpack_s = 0, add_s = 0, update_s = 0;
  };

  /// Bits that tell apart what a token is of.
  static constexpr std::uint32_t kOfMessage = 1U << 30U;    ///< worked(): the receiver of a flow of a ring has put it in place
  static constexpr std::uint32_t kOfGathering = 1U << 29U;  ///< worked(): by formula, a collective is over
  static constexpr int kMostChannels = 4096;
  static constexpr int kMostStretches = 64;
  static std::uint64_t pair_of(int high, int low) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(high)) << 32U | static_cast<std::uint32_t>(low);
  }
  /// Of an Exchange or a Serve, for half().
  static std::uint64_t message_name(int id) { return pair_of(-1, id); }

  // run.cpp: ranks and their streams
  void add_agent(int rank);
  /// The kind of a rank's node: 0, or 1 + its index in Cluster::others.
  [[nodiscard]] std::size_t kind_of(int rank) const;
  /// What the ops of a rank cost where it is.
  [[nodiscard]] const CostModel& cost_of(int rank) const;
  [[nodiscard]] std::size_t facts_index(int rank) const;

  // streams.cpp: which op begins next, what it waits for, and who is told when it is over
  [[nodiscard]] const Op& op_of(const Cursor& cursor) const {
    return agents_[cursor.agent].program->ops[static_cast<std::size_t>((*cursor.ops)[cursor.next])];
  }
  void worked(std::uint32_t token);
  void arrived(std::uint32_t message);
  void advance_all();
  void advance(std::uint32_t id);
  [[nodiscard]] bool may_start(const Cursor& cursor) const;
  void start(std::uint32_t id);
  void start_computing(std::uint32_t id);
  void start_exchange(std::uint32_t id, const Exchange& exchange);
  void start_collective(std::uint32_t id, const Collective& collective);
  void op_over(std::uint32_t id);
  void record(const Cursor& cursor, double start_s, double end_s);
  std::uint32_t add_message(const InFlight& message);
  void half(std::uint32_t id, int from, int to, std::uint64_t what, std::int64_t bytes, bool sends);
  void half_moved(std::uint32_t id);

  // rounds.cpp: a collective message by message
  void start_channels(std::uint32_t id, const Collective& collective);
  void next_round(std::uint32_t id);
  void channel_over(std::uint32_t id);
  void start_round(std::uint32_t id, const Collective& collective);
  void place(std::uint32_t id, const Collective& collective);

  // rings.cpp: a collective stretch by stretch
  /// Whether a collective is simulated as stretches.
  [[nodiscard]] bool is_folded(const CollectiveFacts& facts) const {
    return settings_.fidelity == Fidelity::flows && !facts.stretches.empty();
  }
  /// In how many flows a stretch is cut: a round is never divided.
  [[nodiscard]] std::int64_t blocks_of(const Stretch& stretch) const { return std::min<std::int64_t>(settings_.blocks, stretch.rounds); }
  /// The stretches of the channel of a cursor.
  [[nodiscard]] const std::vector<Stretch>& stretches_of(const Cursor& cursor) const;
  void gather(std::uint32_t id, const Collective& collective, std::int64_t first, std::int64_t expected);
  void start_ring(std::uint32_t gathering, const Collective& collective);
  void release(std::uint32_t gathering);
  [[nodiscard]] double receive_s(const Stretch& stretch, std::int64_t element_bytes) const;

  // groups.cpp: a collective as one wait of its group
  void start_group(std::uint32_t gathering, const Collective& collective);
  [[nodiscard]] double channel_time_s(const Cursor& cursor, const Collective& collective,
                                      const std::vector<Stretch>& stretches) const;
  double group_time_s(const Cursor& cursor, const Collective& collective);

  // serving.cpp: parameter servers
  void start_serving(std::uint32_t id, const Serve& serve);
  void push_arrived(std::uint32_t id, int rank);
  void take_pushes(std::uint32_t id);
  void updated(std::uint32_t id);
  void await_push(std::uint32_t id, int worker);
  void answer(std::uint32_t id, const std::vector<int>& workers);
  [[nodiscard]] bool serves(std::uint32_t id) const { return servers_.contains(id); }

  const Schedule& schedule_;
  int iterations_;
  const CostModel& cost_;
  RunSettings settings_;
  SimulatedMachine machine_;
  std::vector<ProgramFacts> facts_;  ///< by class, of each for every kind of costs
  std::vector<Agent> agents_;
  std::vector<Cursor> cursors_;
  std::vector<int> ended_;                                      ///< how often, by agent and op
  std::vector<Interval> intervals_;                             ///< by agent, iteration and op
  std::vector<std::uint32_t> ready_;                            ///< cursors to look at
  std::size_t looked_at_ = 0;                                   ///< of ready_
  std::unordered_map<Tag, std::uint32_t, HashTag> waiting_;     ///< halves whose other half is not there yet: the cursor
  std::unordered_map<Tag, std::uint32_t, HashTag> gatherings_;  ///< index into gathering_
  std::vector<Gathering> gathering_;
  std::map<std::uint32_t, Server> servers_;  ///< by cursor
  std::vector<InFlight> messages_;
  std::vector<std::uint32_t> free_messages_;
  std::unordered_map<Tag, double, HashTag> group_times_s_;
};

}  // namespace convoy
