/// The check of lesson 1: bytes_sent on schedules that differ in what is easy to get wrong.
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"

namespace convoy::lesson {
namespace {

/// The right answer another way than by rounds: from the closed form that each algorithm derives.
std::int64_t by_closed_form(const Schedule& schedule, int rank, int most_collectives = 1 << 20) {
  const Program& program = schedule.program(rank);
  std::int64_t bytes = 0;
  for (const Op& op : program.ops)
    if (const auto* collective = std::get_if<Collective>(&op.action); collective != nullptr && most_collectives-- > 0)
      bytes +=
          collective_algorithm(collective->kind, collective->algorithm).elements_sent(request_of(schedule, rank, *collective)) *
          size_bytes(program.buffers[static_cast<std::size_t>(collective->region.buffer)].dtype);
  return bytes;
}

struct Case {
  std::string what;
  Schedule schedule;
  int rank = 0;
};

/// One data-parallel step of LeNet-5.
Schedule lenet5_step(int ranks, std::int64_t bucket_bytes = 1 << 20, DType dtype = DType::f32) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = 8 * ranks});
  plan.bucket_bytes = bucket_bytes;
  plan.dtype = dtype;
  return make_schedule(make_lenet5(), plan);
}

/// What the mistake is likely to be, by how much the answer is off on four ranks.
std::string likely_mistake(double ratio) {
  const auto is = [ratio](double wanted) { return std::abs(ratio - wanted) <= 1e-3 * wanted; };
  if (ratio == 0)
    return "bytes_sent returns 0 so far: open exercise.cpp and add up what this rank sends in every round of every collective.";
  if (is(1.0 / 2)) return "That is half. An all-reduce is a reduce-scatter and then an all-gather; both go once around the ring.";
  if (is(4.0 / 3))
    return "That would be n parts in each half. A half has n-1 rounds: nobody has to send the part that it keeps (or gets last).";
  if (is(4))
    return "That would be the whole buffer in every round. The buffer is cut into n parts, and a round sends one of them.";
  if (is(8)) return "That is eight times too many: these are bits. Schedules and costs are in bytes.";
  if (is(1.0 / 4)) return "This counts elements. An element of a float buffer has 4 bytes: see size_bytes(dtype).";
  if (is(2)) return "That is twice as many: what arrives was sent by somebody else, and is counted there.";
  if (std::abs(ratio - 1) <= 1e-3)
    return "Nearly. The parts are not all of one size, and the remainder of the division is lost: see shard(), or a round's "
           "slice.";
  return "Try it on paper with four elements on two ranks: two rounds, and each rank sends two elements in all.";
}

/// Throws `message` unless the answer for one rank is right.
void expect(const Case& c, const std::string& message) {
  const std::int64_t yours = bytes_sent(c.schedule, c.rank);
  const std::int64_t right = by_closed_form(c.schedule, c.rank);
  if (yours == right) return;
  throw NotYet(cat(c.what, ": rank ", c.rank, " sends ", with_commas(right), " bytes in a step, yours says ", with_commas(yours),
                   ".\n", message.empty() ? likely_mistake(static_cast<double>(yours) / static_cast<double>(right)) : message));
}

void check_all() {
  expect({"LeNet-5 on 4 ranks", lenet5_step(4)}, "");
  for (int rank = 0; rank < 7; ++rank)
    expect(
        {"LeNet-5 on 7 ranks", lenet5_step(7), rank},
        "61,706 elements do not divide by 7, so that not all ranks send as much, and this is the mean over all ranks (or near). "
        "The rounds say what each rank sends.");
  const Schedule buckets = lenet5_step(4, 4096);
  const bool first_only = bytes_sent(buckets, 0) == by_closed_form(buckets, 0, 1);
  expect({"LeNet-5 on 4 ranks with buckets of 4 KiB", buckets},
         first_only ? "This counts only the first of its all-reduces; with small buckets a step has several."
                    : "A step with small buckets has several all-reduces, each with rounds of its own.");
  expect({"LeNet-5 on 4 ranks in double precision", lenet5_step(4, 1 << 20, DType::f64)},
         "Here it is wrong that an element has four bytes: the dtype of its buffer says how many it has.");
  if (bytes_sent(lenet5_step(1), 0) != 0) throw NotYet("LeNet-5 on 1 rank: there is nobody to send to, so the answer is 0.");
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
