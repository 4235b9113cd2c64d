#include "simulator/apps/sweep_points.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/ignored_option.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"

namespace convoy {
namespace {

/// The word of a varied option that changes nothing in a point.
const std::string kChangesNothing = "-";

/// Parses a point like a command line of `simulate`, so that all checks and messages are the same. Throws IgnoredOption, or an
/// InputError that names the point.
Task task_of(const std::vector<SweepAxis>& axes, const SweepWords& values, const SweepWords& fixed, int iterations) {
  Verb line("", "convoy sweep");
  ScheduleOptions schedule;
  MachineOptions machine;
  schedule.add_to(line);
  machine.add_to(line);
  machine.add_collectives_to(line);
  SweepWords words = fixed;
  const std::string point = point_name(axes, values);
  for (std::size_t a = 0; a < axes.size(); ++a)
    if (values[a] != kChangesNothing) words.insert(words.end(), {"--" + axes[a].option, values[a]});
  try {
    line.parse(words);
    const ChosenMachine chosen = machine.machine();
    if (chosen.library) schedule.plan_words().require_library_may_choose();
    return prepare(schedule.choice(), schedule.mode(), iterations, chosen);
  } catch (const IgnoredOption&) {
    throw;
  } catch (const CommandLineError& error) {
    throw InputError(cat("--vary ", point, ": ", error.what()));
  } catch (const InputError& error) {
    throw InputError(cat("--vary ", point, ": ", error.what()));
  }
}

/// Takes an option out of a point. Whether it was there.
bool leave_out(const std::string& option, const std::vector<SweepAxis>& axes, SweepWords& words, SweepWords& fixed) {
  for (std::size_t a = 0; a < axes.size(); ++a)
    if ("--" + axes[a].option == option) return std::exchange(words[a], std::string(kChangesNothing)) != kChangesNothing;
  for (std::size_t i = 0; i + 1 < fixed.size(); i += 2) {
    if (fixed[i] != option) continue;
    fixed.erase(fixed.begin() + static_cast<std::ptrdiff_t>(i), fixed.begin() + static_cast<std::ptrdiff_t>(i) + 2);
    return true;
  }
  return false;
}

}  // namespace

std::vector<SweepPoint> points_of(const std::vector<SweepAxis>& axes, const SweepWords& fixed, int iterations) {
  std::vector<SweepPoint> points;
  std::map<std::string, std::string> reasons;  // by option
  std::set<SweepWords> seen;
  for (SweepWords words : combinations(axes)) {
    SweepWords rest = fixed;
    std::set<std::string> left_out;
    for (std::optional<Task> task; !task;) {
      try {
        task = task_of(axes, words, rest, iterations);
      } catch (const IgnoredOption& ignored) {
        const std::string sentence = cat("--vary ", point_name(axes, words), ": ", ignored.what());
        if (!leave_out(ignored.option(), axes, words, rest)) throw InputError(sentence);
        left_out.insert(ignored.option());
        reasons.try_emplace(ignored.option(), sentence);
        continue;
      }
      if (seen.insert(words).second) points.push_back({words, std::move(*task), left_out});
    }
  }
  for (const auto& [option, sentence] : reasons) {
    const auto has = [&option = option](const SweepPoint& point) { return point.left_out.contains(option); };
    if (std::all_of(points.begin(), points.end(), has)) throw InputError(sentence);
    note(cat(sentence, ". Such points are simulated without it"));
  }
  return points;
}

}  // namespace convoy
