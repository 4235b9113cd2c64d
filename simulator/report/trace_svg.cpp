#include "simulator/report/trace_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/line_chart.h"

namespace convoy {
namespace {

/// By phase. Colours that people with red-green blindness can tell apart (Okabe and Ito 2008).
constexpr std::array<const char*, kPhaseCount> kColours = {"#999999", "#56b4e9", "#0072b2", "#d55e00",
                                                           "#e69f00", "#cc79a7", "#009e73", "#f0e442"};
constexpr std::array<char, kPhaseCount> kLetters = {'L', 'F', 'B', 'R', 'C', 'P', 'U', 'W'};
constexpr int kLaneHeight = 22;
constexpr int kBarHeight = 18;
constexpr int kLabelWidth = 190;
constexpr int kTitleHeight = 26;
constexpr double kSeen_px = 0.4;  ///< what is narrower is joined with its neighbours

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      result += c;
  }
  return result;
}

/// What is drawn as one bar.
struct Bar {
  double start_s = 0;
  double end_s = 0;
  Phase phase = Phase::forward;
  std::string name;
  int spans = 1;
};

/// The bars of a lane inside a step; neighbours of one phase that are too short to be seen are one bar.
std::vector<Bar> bars_of(const Trace& trace, int lane, const TraceStep& step, double seconds_a_pixel) {
  std::vector<Bar> bars;
  for (const TraceSpan& span : trace.spans) {
    if (span.lane != lane) continue;
    const double start_s = std::max(span.start_s, step.start_s);
    const double end_s = std::min(span.end_s, step.end_s);
    if (end_s > start_s) bars.push_back({start_s, end_s, span.phase, span.name});
  }
  std::sort(bars.begin(), bars.end(), [](const Bar& a, const Bar& b) { return a.start_s < b.start_s; });
  std::vector<Bar> joined;
  for (const Bar& bar : bars) {
    const bool narrow = !joined.empty() && bar.end_s - joined.back().start_s < kSeen_px * seconds_a_pixel;
    if (narrow) {
      Bar& before = joined.back();
      if (bar.end_s - bar.start_s > before.end_s - before.start_s) before.phase = bar.phase;
      before.end_s = std::max(before.end_s, bar.end_s);
      ++before.spans;
    } else {
      joined.push_back(bar);
    }
  }
  return joined;
}

void draw_bar(std::string& svg, const Bar& bar, double x, double width, int y) {
  const auto phase = static_cast<std::size_t>(bar.phase);
  const std::string what = bar.spans == 1 ? bar.name : fmt::format("{} spans", bar.spans);
  fmt::format_to(std::back_inserter(svg),
                 "<g><title>{}: {}, {}</title><rect x=\"{:.2f}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" fill=\"{}\"/>",
                 escaped(what), to_string(bar.phase), format_time(bar.end_s - bar.start_s), x, y, std::max(width, 0.25),
                 kBarHeight, kColours.at(phase));
  if (width > 11)
    fmt::format_to(std::back_inserter(svg), "<text x=\"{:.2f}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text>",
                   x + width / 2, y + 13, bar.phase == Phase::wait ? "#000" : "#fff", kLetters.at(phase));
  svg += "</g>\n";
}

/// So many lanes are drawn: of as many whole processes as there is room for.
int lanes_drawn(const Trace& trace, int most) {
  const int all = static_cast<int>(trace.lanes.size());
  if (all <= most) return all;
  int drawn = most;
  const auto process = [&](int lane) { return trace.lanes[static_cast<std::size_t>(lane)].process; };
  while (drawn > 0 && process(drawn - 1) == process(drawn)) --drawn;
  return drawn > 0 ? drawn : most;
}

/// Round times below the lanes, and thin lines through them.
std::string time_axis(double longest_s, double seconds_a_pixel, int top, int bottom) {
  struct Unit {
    const char* name;
    double s;
  };
  constexpr std::array<Unit, 4> units = {{{"s", 1}, {"ms", ms}, {"us", us}, {"ns", 1e-9}}};
  const Unit* unit = units.end() - 1;
  while (unit != units.begin() && longest_s >= 2 * (unit - 1)->s) --unit;
  std::string svg;
  for (const double mark : round_marks(0, longest_s / unit->s, 10)) {
    const double x = kLabelWidth + mark * unit->s / seconds_a_pixel;
    svg += fmt::format(
        "<path d=\"M{0:.2f} {1}V{2}\" stroke=\"#000\" stroke-opacity=\"0.15\"/><text x=\"{0:.2f}\" y=\"{3}\" "
        "text-anchor=\"middle\" fill=\"#555\">{4:g} {5}</text>\n",
        x, top, bottom + 4, bottom + 15, mark, unit->name);
  }
  return svg;
}

std::string legend(int y) {
  constexpr std::array<const char*, kPhaseCount> names = {"load",    "forward", "backward", "all-reduce", "other communication",
                                                          "packing", "update",  "waiting"};
  std::string svg;
  int x = kLabelWidth;
  for (std::size_t i = 0; i < names.size(); ++i) {
    svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"12\" height=\"12\" fill=\"{}\"/><text x=\"{}\" y=\"{}\">{} {}</text>\n",
                       x, y, kColours.at(i), x + 16, y + 11, kLetters.at(i), names.at(i));
    x += 34 + 7 * static_cast<int>(std::string_view(names.at(i)).size());
  }
  return svg;
}

}  // namespace

std::string trace_svg(std::span<const Trace> traces, const TraceSvgOptions& options) {
  require(!traces.empty(), "trace_svg", "no trace");
  std::vector<TraceStep> steps;
  double longest_s = 0;
  for (const Trace& trace : traces) {
    require(!trace.steps.empty(), "trace_svg", "'", trace.title, "' has no step");
    const int count = static_cast<int>(trace.steps.size());
    steps.push_back(trace.steps[static_cast<std::size_t>(options.step < 0 ? count - 1 : std::min(options.step, count - 1))]);
    longest_s = std::max(longest_s, steps.back().end_s - steps.back().start_s);
  }
  const double seconds_a_pixel = std::max(longest_s, 1e-12) / (options.width - kLabelWidth - 20);
  std::string body;
  int y = 10;
  for (std::size_t t = 0; t < traces.size(); ++t) {
    const Trace& trace = traces[t];
    const TraceStep& step = steps[t];
    body += fmt::format("<text x=\"10\" y=\"{}\" font-weight=\"bold\">{}: one step of {}</text>\n", y + 14, escaped(trace.title),
                        format_time(step.end_s - step.start_s));
    y += kTitleHeight;
    const int lanes = lanes_drawn(trace, options.most_lanes);
    for (int lane = 0; lane < lanes; ++lane, y += kLaneHeight) {
      body += fmt::format("<text x=\"10\" y=\"{}\">{}</text>\n", y + 13,
                          escaped(trace.lanes[static_cast<std::size_t>(lane)].name.substr(0, 27)));
      body += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{:.2f}\" height=\"{}\" fill=\"#f2f2f2\"/>\n", kLabelWidth, y,
                          (step.end_s - step.start_s) / seconds_a_pixel, kBarHeight);
      for (const Bar& bar : bars_of(trace, lane, step, seconds_a_pixel))
        draw_bar(body, bar, kLabelWidth + (bar.start_s - step.start_s) / seconds_a_pixel,
                 (bar.end_s - bar.start_s) / seconds_a_pixel, y);
    }
    if (lanes < static_cast<int>(trace.lanes.size())) {
      body +=
          fmt::format("<text x=\"10\" y=\"{}\">and {} more lanes</text>\n", y + 13, static_cast<int>(trace.lanes.size()) - lanes);
      y += kLaneHeight;
    }
    y += 8;
  }
  body += time_axis(longest_s, seconds_a_pixel, 10 + kTitleHeight, y - 8);
  y += 14;
  body += legend(y + 4);
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"11\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}</svg>\n",
      options.width, y + 26, body);
}

}  // namespace convoy
