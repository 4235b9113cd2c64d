#include "simulator/advise/space.h"

#include <algorithm>
#include <array>

#include "reference/collectives/collective.h"
#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

/// Named plans; hybrid with every plan inside that divides layers, on every number of ranks that divides all.
std::vector<ScheduleChoice> plans(const ScheduleChoice& choice) {
  std::vector<ScheduleChoice> all;
  for (const NamedPlan& plan : named_plans()) {
    ScheduleChoice one = choice;
    one.plan = plan.name;
    if (plan.name != "hybrid") {
      all.push_back(one);
      continue;
    }
    for (const NamedPlan& inside : named_plans()) {
      if (inside.rules == nullptr || inside.name == "data" || inside.name == "data_parallel_root") continue;
      one.inside = inside.name;
      for (one.split = 2; one.split < choice.ranks; ++one.split)
        if (choice.ranks % one.split == 0) all.push_back(one);
    }
  }
  return all;
}

/// 1, 2, 4 and 8 parts, as long as every rank has an image in each.
std::vector<ScheduleChoice> parts(const ScheduleChoice& choice) {
  std::vector<ScheduleChoice> all;
  for (const int parts : {1, 2, 4, 8}) {
    if (parts > 1 && parts > choice.global_batch / choice.ranks) continue;
    all.push_back(choice);
    all.back().accumulate = parts;
  }
  return all;
}

/// Of all-reduces, where gradients have to be summed. `linear` is in the table for comparison: never faster than the ring.
std::vector<ScheduleChoice> algorithms(const ScheduleChoice& choice) {
  std::vector<ScheduleChoice> all;
  for (const CollectiveAlgorithm& algorithm : collective_algorithms()) {
    if (algorithm.kind != CollectiveKind::all_reduce || algorithm.name == "linear") continue;
    all.push_back(choice);
    all.back().all_reduce = algorithm.name;
  }
  return all;
}

constexpr std::array kDimensions = {
    Dimension{"plan", "named plans; hybrid with every plan inside and every degree", plans},
    Dimension{"accumulate", "1, 2, 4 and 8 parts of each rank's images", parts},
    Dimension{"all-reduce", "algorithms of the all-reduce", algorithms},
};

}  // namespace

std::span<const Dimension> dimensions() { return kDimensions; }

std::vector<Dimension> dimensions_named(const std::vector<std::string>& names) {
  if (names.empty()) return {kDimensions.begin(), kDimensions.end()};
  std::vector<Dimension> found;
  std::vector<std::string> known;
  for (const Dimension& dimension : kDimensions) known.emplace_back(dimension.name);
  for (const std::string& name : names) {
    const auto row = std::find_if(kDimensions.begin(), kDimensions.end(), [&](const Dimension& d) { return d.name == name; });
    if (row == kDimensions.end()) throw_unknown_word("dimension", name, known);
    found.push_back(*row);
  }
  return found;
}

std::vector<ScheduleChoice> candidates(const ScheduleChoice& fixed, std::span<const Dimension> dimensions) {
  std::vector<ScheduleChoice> all = {fixed};
  for (const Dimension& dimension : dimensions) {
    std::vector<ScheduleChoice> more;
    for (const ScheduleChoice& choice : all)
      for (ScheduleChoice& variant : dimension.variants(choice))
        if (std::find(more.begin(), more.end(), variant) == more.end()) more.push_back(std::move(variant));
    all = std::move(more);
  }
  return all;
}

std::string candidate_words(const ScheduleChoice& choice) {
  std::string words = cat("--plan ", choice.plan);
  if (choice.plan == "hybrid") words += cat(" --inside ", choice.inside, " --split ", choice.split);
  if (choice.accumulate != 1) words += cat(" --accumulate ", choice.accumulate);
  if (choice.all_reduce != ScheduleChoice{}.all_reduce) words += cat(" --all-reduce ", choice.all_reduce);
  return words;
}

}  // namespace convoy
