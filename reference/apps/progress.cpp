#include "reference/apps/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "reference/apps/options.h"
#include "reference/core/units.h"

namespace convoy {
namespace {

double images_per_s(const Progress& p) { return p.time_s > 0 ? static_cast<double>(p.images) / p.time_s : 0; }

/// Time left in this epoch, as if the rest were as fast.
double left_s(const Progress& p) { return p.time_s / static_cast<double>(p.step) * static_cast<double>(p.steps - p.step); }

std::string numbers(const Progress& p) {
  const std::string loss = p.loss ? fmt::format(", loss of rank 0 {:.3f}", *p.loss) : "";  // a stage of a pipeline may have none
  return fmt::format("{} images/s{}, {} left", format_rate(images_per_s(p)), loss, format_time(left_s(p)));
}

}  // namespace

ProgressDisplay::ProgressDisplay(int epochs) : epochs_(epochs), is_terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressDisplay::show(const Progress& progress) {
  if (is_terminal_) {
    const bool done = progress.step == progress.steps;
    if (!done && progress.step > 1 && progress.time_s - drawn_at_s_ < 0.1) return;
    draw_bar(progress);
    drawn_at_s_ = done ? -1 : progress.time_s;
    return;
  }
  const std::int64_t tenths = 10 * progress.step / progress.steps;
  if (tenths > printed_tenths_) print_line(progress);
  printed_tenths_ = progress.step == progress.steps ? 0 : tenths;
}

void ProgressDisplay::draw_bar(const Progress& p) const {
  constexpr std::int64_t kWidth = 24;
  const auto filled = static_cast<std::size_t>(kWidth * p.step / p.steps);
  const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
  fmt::print(stderr, "\r\x1b[Kepoch {}/{} [{}] {}{}", p.epoch + 1, epochs_, bar, numbers(p), p.step == p.steps ? "\n" : "");
  std::fflush(stderr);
}

void ProgressDisplay::print_line(const Progress& p) const {
  fmt::print(stderr, "epoch {}/{} step {}/{}: {}\n", p.epoch + 1, epochs_, p.step, p.steps, numbers(p));
}

}  // namespace convoy
