/// Every collective algorithm by its rounds alone: both halves of every transfer stand in the same round, the result is exact on
/// integers, and rounds and elements sent equal the closed forms of the algorithm's row.
#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "reference/collectives/collective.h"
#include "reference/collectives/ring_order.h"
#include "reference/core/error.h"
#include "reference/core/random.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// Runs all ranks round by round in one thread, sends first, then receives; one channel after the other, which must not matter.
std::vector<std::vector<double>> run(const CollectiveAlgorithm& algorithm, CollectiveRequest request,
                                     std::vector<std::vector<double>> buffers) {
  std::vector<Rounds> rounds;
  for (int r = 0; r < request.world_size; ++r) {
    request.rank = r;
    rounds.push_back(algorithm.rounds(request));
  }
  for (const Rounds& mine : rounds) REQUIRE(mine.count == rounds[0].count);
  for (std::int64_t i = 0; i < rounds[0].count; ++i) {
    std::map<std::pair<int, int>, std::vector<double>> under_way;
    for (int r = 0; r < request.world_size; ++r) {
      const Round round = rounds[static_cast<std::size_t>(r)].at(i);
      if (!round.send) continue;
      const std::vector<double>& mine = buffers[static_cast<std::size_t>(r)];
      const Slice slice = round.send->slice;
      const bool sends_part_to_another =
          slice.count > 0 && slice.offset >= 0 && slice.end() <= request.count && round.send->peer != r;
      if (!sends_part_to_another) FAIL("round " << i << " of rank " << r << " sends what it cannot");
      if (round.recv && !is_in_place(round))
        if (round.recv->slice.offset < slice.end() && slice.offset < round.recv->slice.end())
          FAIL("round " << i << " of rank " << r << " overwrites part of what it sends");
      under_way[{r, round.send->peer}].assign(mine.begin() + slice.offset, mine.begin() + slice.end());
    }
    for (int r = 0; r < request.world_size; ++r) {
      const Round round = rounds[static_cast<std::size_t>(r)].at(i);
      if (!round.recv) continue;
      const auto message = under_way.find({round.recv->peer, r});
      if (message == under_way.end()) FAIL("round " << i << ": nobody sends to rank " << r);
      if (static_cast<std::int64_t>(message->second.size()) != round.recv->slice.count)
        FAIL("round " << i << ": rank " << r << " expects another size");
      for (std::int64_t e = 0; e < round.recv->slice.count; ++e) {
        double& to = buffers[static_cast<std::size_t>(r)][static_cast<std::size_t>(round.recv->slice.offset + e)];
        const double value = message->second[static_cast<std::size_t>(e)];
        to = round.on_receive == OnReceive::add ? to + value : value;
      }
      under_way.erase(message);
    }
    if (!under_way.empty()) FAIL("round " << i << ": somebody sends what nobody receives");
  }
  return buffers;
}

/// Rank r's element i: different for every rank and index, and every partial sum is exact.
double value_of(int rank, std::int64_t i) { return static_cast<double>((rank + 1) * 1000 + i); }

/// Element i of the rank of the request when the collective has ended.
double expected(const CollectiveRequest& request, CollectiveKind kind, std::int64_t i) {
  if (kind == CollectiveKind::broadcast) return value_of(request.root, i);
  if (kind == CollectiveKind::all_to_all) {
    const std::int64_t size = request.count / request.world_size;
    return value_of(static_cast<int>(i / size), request.rank * size + i % size);
  }
  if (kind == CollectiveKind::all_gather) {
    int owner = 0;
    while (part_of(request, owner).end() <= i) ++owner;
    return value_of(owner, i);
  }
  double sum = 0;
  for (int r = 0; r < request.world_size; ++r) sum += value_of(r, i);
  return sum;
}

/// The elements of which rank r has the final value when the collective ends.
Slice final_part(const CollectiveRequest& request, CollectiveKind kind, int r) {
  if (kind == CollectiveKind::reduce_scatter) return part_of(request, r);
  if (kind == CollectiveKind::reduce && r != request.root) return {0, 0};
  return {0, request.count};
}

void check(const CollectiveAlgorithm& algorithm, CollectiveRequest request) {
  CAPTURE(to_string(algorithm.kind), algorithm.name, request.world_size, request.root, request.count, request.chunks,
          request.channels, request.ranks_per_node, request.bounds);
  if (!why_not(algorithm, request).empty()) return;
  std::vector<std::vector<double>> buffers(static_cast<std::size_t>(request.world_size),
                                           std::vector<double>(static_cast<std::size_t>(request.count)));
  for (int r = 0; r < request.world_size; ++r)
    for (std::int64_t i = 0; i < request.count; ++i)
      buffers[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)] = value_of(r, i);
  for (request.channel = request.channels - 1; request.channel >= 0; --request.channel)
    buffers = run(algorithm, request, std::move(buffers));
  bool right = true;
  for (int r = 0; r < request.world_size; ++r) {
    request.rank = r;
    const Slice range = final_part(request, algorithm.kind, r);
    for (std::int64_t i = range.offset; i < range.end(); ++i)
      right = right && buffers[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)] == expected(request, algorithm.kind, i);
    for (request.channel = 0; request.channel < request.channels; ++request.channel) {
      const Rounds rounds = algorithm.rounds(request);
      std::int64_t sent = 0;
      for (std::int64_t i = 0; i < rounds.count; ++i)
        if (const Round round = rounds.at(i); round.send) sent += round.send->slice.count;
      if (rounds.count != algorithm.round_count(request)) FAIL(rounds.count << " rounds, not " << algorithm.round_count(request));
      if (sent != algorithm.elements_sent(request)) FAIL(sent << " elements sent, not " << algorithm.elements_sent(request));
    }
  }
  REQUIRE(right);
}

/// world_size + 1 places from 0 to count that do not fall: some shards are empty, one may be all.
std::vector<std::int64_t> random_bounds(Random& random, int n, std::int64_t count) {
  std::vector<std::int64_t> bounds = {0, count};
  for (int k = 1; k < n; ++k) bounds.push_back(random.below(count + 1));
  std::sort(bounds.begin(), bounds.end());
  return bounds;
}

}  // namespace

TEST_CASE("every algorithm is exact and sends what its formula says") {
  std::vector<int> sizes(17);
  std::iota(sizes.begin(), sizes.end(), 1);
  sizes.push_back(32);
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int n : sizes)
      for (std::int64_t count = 0; count <= 40; ++count)
        for (const int chunks : {1, 3})
          check(algorithm, {.rank = 0, .world_size = n, .root = n / 3, .count = count, .chunks = chunks});
}

TEST_CASE("every algorithm is exact on several channels and nodes") {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int n : {1, 2, 3, 5, 6, 8, 12, 16})
      for (const std::int64_t count : {0, 1, 7, n, 3 * n, 97 * n + 5, 120 * n})
        for (const int channels : {1, 2, 3, 5})
          for (const int ranks_per_node : {1, 2, 4, 6, 100})
            check(algorithm, {.rank = 0,
                              .world_size = n,
                              .root = n - 1,
                              .count = count,
                              .chunks = 1 + channels % 3,
                              .channels = channels,
                              .ranks_per_node = ranks_per_node});
}

TEST_CASE("every algorithm is exact with shards of any size") {
  Random random(31);
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (int n = 1; n <= 9; ++n)
      for (std::int64_t count = 0; count <= 40; count += 1 + count / 8)
        for (const int chunks : {1, 2, 5})
          check(algorithm, {.rank = 0,
                            .world_size = n,
                            .root = n - 1,
                            .count = count,
                            .chunks = chunks,
                            .bounds = random_bounds(random, n, count),
                            .channels = 1 + chunks / 2});
}

TEST_CASE("whoever refuses says why, and only what its file says") {
  const auto reason = [](CollectiveKind kind, const char* name, const CollectiveRequest& request) {
    return why_not(collective_algorithm(kind, name), request);
  };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  using enum CollectiveKind;
  REQUIRE(has(reason(all_gather, "recursive_doubling", {.world_size = 6, .count = 6}), "power of two"));
  REQUIRE(has(reason(reduce_scatter, "recursive_halving", {.world_size = 8, .count = 6, .channels = 2}), "1 channel"));
  REQUIRE(has(reason(all_gather, "bruck", {.world_size = 6, .count = 6, .chunks = 3}), "1 chunk"));
  REQUIRE(has(reason(all_reduce, "hierarchical", {.world_size = 6, .count = 6, .ranks_per_node = 4}), "do not fill"));
  REQUIRE(has(reason(all_to_all, "pairwise", {.world_size = 4, .count = 6}), "one size"));
  REQUIRE(reason(all_to_all, "pairwise", {.world_size = 4, .count = 8, .bounds = {0, 2, 4, 6, 8}}).empty());
  REQUIRE(has(reason(all_gather, "neighbour_exchange", {.world_size = 5, .count = 5}), "an even number"));
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int n : {1, 2, 4, 8, 16}) {  // nobody refuses those
      CAPTURE(to_string(algorithm.kind), algorithm.name, n);
      REQUIRE(why_not(algorithm, {.world_size = n, .count = n}).empty());
    }
}

TEST_CASE("algorithms that promise it give all ranks the same bits") {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms()) {
    if (algorithm.kind != CollectiveKind::all_reduce) continue;
    for (const int n : {2, 3, 6, 7, 8, 12}) {
      CollectiveRequest request{.world_size = n, .count = 50, .chunks = 2, .channels = 2, .ranks_per_node = n % 3 == 0 ? 3 : 0};
      CAPTURE(algorithm.name, n);
      Random random(7);
      std::vector<std::vector<double>> buffers(static_cast<std::size_t>(n), std::vector<double>(50));
      for (auto& buffer : buffers)
        for (double& value : buffer) value = random.uniform() * 1e3;
      for (; request.channel < request.channels; ++request.channel) buffers = run(algorithm, request, std::move(buffers));
      for (const auto& buffer : buffers) REQUIRE(buffer == buffers[0]);
    }
  }
}

TEST_CASE("linear adds in the order of the ranks") {
  Random random(8);
  const CollectiveRequest request{.world_size = 5, .count = 20};
  std::vector<std::vector<double>> buffers(5, std::vector<double>(20));
  for (auto& buffer : buffers)
    for (double& value : buffer) value = random.uniform();
  std::vector<double> sum(20);
  for (std::size_t i = 0; i < sum.size(); ++i)
    sum[i] = (((buffers[0][i] + buffers[1][i]) + buffers[2][i]) + buffers[3][i]) + buffers[4][i];
  for (const auto& buffer : run(collective_algorithm(CollectiveKind::all_reduce, "linear"), request, buffers))
    REQUIRE(buffer == sum);
}

TEST_CASE("channels of a ring visit every rank once, each in another order") {
  for (const int n : {2, 3, 5, 8, 12})
    for (const int ranks_per_node : {0, 2, 4})
      for (int channel = 0; channel < 7; ++channel) {
        const RingOrder order({.world_size = n, .channels = 7, .channel = channel, .ranks_per_node = ranks_per_node});
        std::vector<bool> seen(static_cast<std::size_t>(n));
        for (int p = 0; p < n; ++p) {
          REQUIRE(order.position_of(order.rank_at(p)) == p);
          seen[static_cast<std::size_t>(order.rank_at(p))] = true;
        }
        REQUIRE(std::find(seen.begin(), seen.end(), false) == seen.end());
      }
  const auto next_of_0 = [](int channel) {
    const RingOrder order({.world_size = 8, .channels = 4, .channel = channel});
    return order.rank_at(order.position_of(0) + 1);
  };
  REQUIRE(std::vector{next_of_0(0), next_of_0(1), next_of_0(2), next_of_0(3)} == std::vector{1, 7, 3, 5});
  // Over nodes: who sends to the next node differs from channel to channel.
  for (int channel = 0; channel < 4; ++channel) {
    const RingOrder order({.world_size = 8, .channels = 4, .channel = channel, .ranks_per_node = 4});
    int crossings = 0;
    for (int p = 0; p < 8; ++p)
      if (order.rank_at(p) / 4 != order.rank_at(p + 1) / 4) {
        ++crossings;
        REQUIRE(order.rank_at(p) % 4 == (channel + 3) % 4);
        REQUIRE(order.rank_at(p + 1) % 4 == channel);
      }
    REQUIRE(crossings == 2);
  }
}

TEST_CASE("no rank passes elements on in both trees, and all send or receive about everything once") {
  const CollectiveAlgorithm& trees = collective_algorithm(CollectiveKind::broadcast, "double_binary_tree");
  for (int n = 2; n <= 40; ++n)
    for (int rank = 0; rank < n; ++rank) {
      const CollectiveRequest request{.rank = rank, .world_size = n, .root = n / 2, .count = 2};
      std::vector<int> sent(2);  // of each tree: one element, one chunk
      const Rounds rounds = trees.rounds(request);
      for (std::int64_t i = 0; i < rounds.count; ++i)
        if (const Round round = rounds.at(i); round.send) ++sent[static_cast<std::size_t>(round.send->slice.offset)];
      CAPTURE(n, rank, sent);
      if (rank == n / 2)
        REQUIRE((sent[0] == 1 && sent[1] == 1));
      else
        REQUIRE((sent[0] <= 2 && sent[1] <= 2 && (sent[0] == 0 || sent[1] == 0)));
    }
}

TEST_CASE("partners of swing are at the distances of its paper, to the right and to the left in turn, mirrored on odd channels") {
  const CollectiveAlgorithm& swing = collective_algorithm(CollectiveKind::all_reduce, "swing");
  const auto partners = [&](int rank, int channel) {
    std::vector<int> found;
    const Rounds rounds = swing.rounds({.rank = rank, .world_size = 64, .count = 128, .channels = 2, .channel = channel});
    for (std::int64_t i = 0; i < rounds.count; ++i) found.push_back(rounds.at(i).send->peer);
    return found;
  };
  REQUIRE(partners(20, 0) == std::vector{21, 19, 23, 15, 31, 63, 63, 31, 15, 23, 19, 21});
  REQUIRE(partners(20, 1) == std::vector{19, 21, 17, 25, 9, 41, 41, 9, 25, 17, 21, 19});
  REQUIRE(partners(21, 0) == std::vector{20, 22, 18, 26, 10, 42, 42, 10, 26, 18, 22, 20});
}

TEST_CASE("reduce ends with the sum at the root alone, whichever rank that is") {
  const std::string name = GENERATE("binomial", "double_binary_tree", "linear");
  const CollectiveAlgorithm& reduce = collective_algorithm(CollectiveKind::reduce, name);
  for (int n = 2; n <= 9; ++n)
    for (int root = 0; root < n; ++root) {
      CollectiveRequest request{.rank = 0, .world_size = n, .root = root, .count = 5, .chunks = 2};
      check(reduce, request);
      std::int64_t sent = 0;
      for (request.rank = 0; request.rank < n; ++request.rank) sent += reduce.elements_sent(request);
      REQUIRE(sent == 5 * (n - 1));
    }
}

TEST_CASE("shards with bounds are where the bounds say, even ones without") {
  const CollectiveRequest uneven{.rank = 0, .world_size = 3, .root = 0, .count = 10, .chunks = 1, .bounds = {0, 7, 7, 10}};
  REQUIRE(part_of(uneven, 0) == Slice{0, 7});
  REQUIRE(part_of(uneven, 1) == Slice{7, 0});
  REQUIRE(part_of(uneven, 2) == Slice{7, 3});
  const CollectiveAlgorithm& scatter = collective_algorithm(CollectiveKind::reduce_scatter, "ring");
  REQUIRE(scatter.elements_sent(uneven) == 3);  // all but its own shard
  const CollectiveAlgorithm& gather = collective_algorithm(CollectiveKind::all_gather, "ring");
  REQUIRE(gather.elements_sent(uneven) == 10);  // all but the next rank's, which is empty
  const CollectiveRequest even{.rank = 0, .world_size = 3, .root = 0, .count = 10, .chunks = 1};
  for (int r = 0; r < 3; ++r) REQUIRE(part_of(even, r) == shard(10, 3, r));
}

TEST_CASE("closed forms of the literature") {
  const LinkModel link{2e-6, 25e9};
  const CollectiveRequest ring{.rank = 0, .world_size = 8, .root = 0, .count = 4'000'000, .chunks = 1};
  const double expected_s = 2 * 7 * (2e-6 + 16e6 / (8 * 25e9));
  REQUIRE(std::abs(collective_algorithm(CollectiveKind::all_reduce, "ring").time_s(ring, 16e6, link) - expected_s) <= 1e-15);
  REQUIRE(std::abs(collective_algorithm(CollectiveKind::broadcast, "binomial").time_s(ring, 16e6, link) -
                   3 * (2e-6 + 16e6 / 25e9)) <= 1e-15);
}

TEST_CASE("bus bandwidth is the one of nccl-tests") {
  REQUIRE(bus_bandwidth(CollectiveKind::all_reduce, 100e6, 0.01, 4) == Approx(15e9));
  REQUIRE(bus_bandwidth(CollectiveKind::all_gather, 100e6, 0.01, 4) == Approx(7.5e9));
  REQUIRE(bus_bandwidth(CollectiveKind::broadcast, 100e6, 0.01, 4) == Approx(10e9));
  REQUIRE(bus_bandwidth(CollectiveKind::all_reduce, 100e6, 0, 4) == 0);
}

TEST_CASE("a misspelt algorithm gets the nearest right one") {
  try {
    (void)collective_algorithm(CollectiveKind::all_reduce, "rnig");
    FAIL("accepted");
  } catch (const InputError& error) {
    REQUIRE(std::string(error.what()).find("did you mean 'ring'") != std::string::npos);
  }
  REQUIRE_THROWS_AS(parse_collective_kind("allreduce"), InputError);
}
