/// Collectives whose shards are uneven or empty, and elements of 16 bits.
#include <algorithm>
#include <variant>

#include "reference/schedule/text.h"
#include "tests/exec/collective_cases.h"
#include "tests/exec/mpi/ranks.h"

namespace convoy::tests {
namespace {

const ComputeFn kNothing = [](const ComputeCall&) {};
const std::vector<int> kCounts{0, 1, 2, 5, 40, 1001};

/// Where shards begin among `count` elements: ways to divide them unevenly, the first as even as can be.
enum class Division : std::uint8_t { even, all_first, all_last, growing, every_other };
constexpr std::array kDivisions{Division::even, Division::all_first, Division::all_last, Division::growing,
                                Division::every_other};
constexpr std::array kDivisionNames{"even", "all in the first", "all in the last", "growing from nothing", "every other empty"};

std::vector<std::int64_t> bounds_of(Division division, int ranks, std::int64_t count) {
  std::vector<std::int64_t> bounds;
  for (std::int64_t r = 0; r < ranks; ++r) switch (division) {
      case Division::even: return {};
      case Division::all_first: bounds.push_back(r == 0 ? 0 : count); break;
      case Division::all_last: bounds.push_back(0); break;
      case Division::growing: bounds.push_back(count * r * r / (std::int64_t{ranks} * ranks) / 2); break;
      case Division::every_other: bounds.push_back(count * (r / 2) / ranks); break;
    }
  bounds.push_back(count);
  return bounds;
}

template <class T>
void expect_exact(MpiWorld& world, Expectations& e, Schedule schedule, Division division, const MpiOptions& options) {
  for (Op& op : schedule.programs[0].ops) {
    auto& collective = std::get<Collective>(op.action);
    collective.bounds = bounds_of(division, world.size(), collective.region.slice.count);
  }
  std::erase_if(schedule.programs[0].ops, [&](const Op& op) {
    const auto& collective = std::get<Collective>(op.action);
    return !why_not(collective_algorithm(collective.kind, collective.algorithm), request_of(schedule, 0, collective)).empty();
  });
  RankMemory memory;
  fill_for_collectives<T>(memory, schedule, world.rank(), kCounts);
  run_on_mpi(world, schedule, 1, memory, kNothing, options);
  const int wrong = wrong_elements<T>(memory, schedule, world.rank());
  e.expect(wrong == 0, wrong, " wrong elements, shards ", kDivisionNames.at(static_cast<std::size_t>(division)), ", by ",
           to_string(options.collectives), ", ", sizeof(T), " bytes an element, of schedule\n", to_text(schedule));
}

}  // namespace

void shards_may_be_uneven(MpiWorld& world, Expectations& e) {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const Division division : kDivisions)
      for (const CollectivesBy by : {CollectivesBy::ours, CollectivesBy::library}) {
        const MpiOptions options{.run = {.time_out_s = 600}, .collectives = by, .piece_bytes = 48};
        const auto schedule = [&](int chunks, DType dtype) {
          return collectives_of(algorithm, world.size(), kCounts, chunks, dtype);
        };
        expect_exact<float>(world, e, schedule(1, DType::f32), division, options);
        expect_exact<double>(world, e, schedule(3, DType::f64), division, options);
        if (is_reduction(algorithm.kind)) continue;
        expect_exact<std::uint16_t>(world, e, schedule(1, DType::f16), division, options);
        expect_exact<std::uint16_t>(world, e, schedule(1, DType::bf16), division, options);
      }
}

void library_refuses_sums_of_16_bits(MpiWorld& world, Expectations& e) {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms()) {
    if (!is_reduction(algorithm.kind)) continue;
    const Schedule schedule = collectives_of(algorithm, world.size(), {8}, 1, DType::bf16);
    if (schedule.programs[0].ops.empty()) continue;  // refuses as many ranks
    RankMemory memory;
    std::string message = "nothing";
    try {
      run_on_mpi(world, schedule, 1, memory, kNothing, {.collectives = CollectivesBy::library});
    } catch (const InputError& error) {
      message = error.what();
    }
    e.expect(message == cat("MPI cannot add elements of type bf16, as the ", to_string(algorithm.kind),
                            " 'collective' would have it do; use --collectives ours"),
             "said: ", message);
  }
}

}  // namespace convoy::tests
