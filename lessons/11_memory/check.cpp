/// The check of lesson 11: trainings by the rules of exercise.h, and one whose memory the schedule's own account knows.
#include <algorithm>
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/memory.h"

namespace convoy::lesson {
namespace {

/// Typical mistakes, one at a time.
struct Mistakes {
  bool no_momentum = false;
  int gradients_from = 2;  ///< the stage
  bool no_buckets = false;
  bool divided_gradients = false;
  bool all_images = false;
  bool all_parts = false;
  bool down = false;
};

std::int64_t expected(const Training& t, const Setting& s, const Mistakes& m = {}) {
  const auto part = [&](std::int64_t whole, std::int64_t parts) { return m.down ? whole / parts : (whole + parts - 1) / parts; };
  const std::int64_t own = part(t.weight_bytes, t.ranks), buckets = 2 * t.bucket_bytes;
  std::int64_t bytes = s.zero == 3 ? own + (m.no_buckets ? 0 : buckets) : t.weight_bytes;
  bytes += (s.zero >= m.gradients_from ? buckets : t.weight_bytes) / (m.divided_gradients ? s.accumulate : 1);
  if (!m.no_momentum) bytes += s.zero >= 1 ? own : t.weight_bytes;
  return bytes +
         t.activation_bytes_an_image * part(m.all_images ? t.images : part(t.images, t.ranks), m.all_parts ? 1 : s.accumulate);
}

std::string likely_mistake(const Training& t, const Setting& s, std::int64_t got) {
  if (got == 0) return "needed_bytes says 0 so far: open exercise.cpp and add up what a rank keeps.";
  const auto is = [&](const Mistakes& m) { return got == expected(t, s, m); };
  if (is({.no_momentum = true})) return "It seems that the momentum of the optimiser is missing.";
  if (is({.gradients_from = 1})) return "But stage 1 divides the momentum and leaves the gradients whole.";
  if (is({.no_buckets = true})) return "A rank has its own part and, of the weights that stage 3 computes with, two buckets.";
  if (is({.divided_gradients = true}))
    return "All parts have gradients of all weights: the gradients of the parts are added into one buffer, which stays as large.";
  if (is({.all_images = true}))
    return "These are the activations of all images of the step, but ranks have a part of the images each.";
  if (is({.all_parts = true})) return "This way accumulation changes nothing: only the images of one part are there at a time.";
  if (is({.down = true})) return "It rounds down what cannot be divided evenly, but some rank has the larger part.";
  return "Take weights, gradients, momentum and activations one by one: which of them does this setting divide, and by what?";
}

const std::vector<Setting> kSettings = {{.zero = 0, .accumulate = 1}, {.zero = 1, .accumulate = 1}, {.zero = 2, .accumulate = 1},
                                        {.zero = 0, .accumulate = 2}, {.zero = 2, .accumulate = 2}, {.zero = 1, .accumulate = 4},
                                        {.zero = 3, .accumulate = 1}, {.zero = 2, .accumulate = 8}};

void check_bytes(const char* name, const Training& training) {
  for (const Setting& setting : kSettings) {
    const std::int64_t got = needed_bytes(training, setting), wanted = expected(training, setting);
    if (got == wanted) continue;
    throw NotYet(cat(name, ", ", training.ranks, " ranks, ZeRO stage ", setting.zero, ", images in ", setting.accumulate,
                     " parts: expected ", wanted, " bytes, got ", got, ".\n", likely_mistake(training, setting, got)));
  }
}

/// Devices as large as each setting needs, and a byte smaller.
void check_choice(const char* name, const Training& training) {
  for (const Setting& sized : kSettings)
    for (const std::int64_t less : {0, 1}) {
      const std::int64_t device_bytes = expected(training, sized) - less;
      const auto first = std::find_if(kSettings.begin(), kSettings.end(),
                                      [&](const Setting& each) { return expected(training, each) <= device_bytes; });
      const int wanted = first == kSettings.end() ? -1 : static_cast<int>(first - kSettings.begin());
      const int got = choose(training, kSettings, device_bytes);
      if (got == wanted) continue;
      throw NotYet(cat(name, ", a device of ", device_bytes, " bytes: expected setting ", wanted, ", chose ", got, ".\n",
                       wanted < 0     ? "None of them fits; say -1."
                       : got > wanted ? "Take the cheapest one that fits, and not the smallest or the last."
                                      : "That does not fit, or was not looked for."));
    }
}

/// ResNet-20 on 4 ranks: what the learner says is what the schedule needs, but for the workspaces and rounding of the real one.
void check_account() {
  const Model net = make_model("resnet20");
  const auto account = [&](int zero, int images) {
    Plan plan = make_plan("data", {.ranks = 4, .global_batch = images});
    plan.zero = zero;
    plan.bucket_bytes = 64 * 1024;
    return memory_of(make_schedule(net, plan).program(0)).arena_bytes;
  };
  const Training training{.ranks = 4,
                          .images = 16,
                          .weight_bytes = 4 * parameter_count(net),
                          .activation_bytes_an_image = (account(0, 128) - account(0, 64)) / 16,
                          .bucket_bytes = 64 * 1024};
  for (const int zero : {0, 1, 2, 3}) {
    const std::int64_t got = needed_bytes(training, {.zero = zero}), real = account(zero, 16);
    if (std::abs(static_cast<double>(got) / static_cast<double>(real) - 1) > 0.1)
      throw NotYet(cat("ResNet-20 at stage ", zero, " really needs ", real, " bytes, and needed_bytes says ", got, "."));
  }
}

void check_all() {
  const std::pair<const char*, Training> cases[] = {
      {"a CNN",
       {.ranks = 8,
        .images = 256,
        .weight_bytes = 102'228'128,
        .activation_bytes_an_image = 88'000'000,
        .bucket_bytes = 8 << 20}},
      {"large layers",
       {.ranks = 4,
        .images = 64,
        .weight_bytes = 553'430'176,
        .activation_bytes_an_image = 60'000'000,
        .bucket_bytes = 25 << 20}},
      {"uneven parts",
       {.ranks = 3, .images = 50, .weight_bytes = 1'000'004, .activation_bytes_an_image = 70'000, .bucket_bytes = 10'000}},
  };
  for (const auto& [name, training] : cases) check_bytes(name, training);
  for (const auto& [name, training] : cases) check_choice(name, training);
  check_account();
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
