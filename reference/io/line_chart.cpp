#include "reference/io/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "reference/core/error.h"

namespace convoy {
namespace {

// Everything in pixels.
constexpr double kLeft = 72, kPlotRight = 570, kHeight = 300;
constexpr double kTop = 36, kBottom = 48;
constexpr double kLeastLegend = 150, kLegendLine = 50, kLetter = 7;  // to the right of the plot

struct Pen {
  const char* colour;
  const char* dash;
};
/// Colours that people with any colour vision tell apart (Okabe and Ito 2008).
constexpr std::array<Pen, 6> kPens = {{{"#0072B2", "none"},
                                       {"#D55E00", "6 3"},
                                       {"#009E73", "2 2"},
                                       {"#CC79A7", "8 3 2 3"},
                                       {"#E69F00", "12 4"},
                                       {"#000000", "none"}}};

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

bool is_finite(const std::pair<double, double>& p) { return std::isfinite(p.first) && std::isfinite(p.second); }

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  /// Not empty, and not a single value.
  [[nodiscard]] Range opened() const {
    if (!(low <= high)) return {.low = 0, .high = 1};
    const double half = low == high ? std::max(std::abs(low) * 0.1, 0.5) : 0;
    return {.low = low - half, .high = high + half};
  }
};

/// "1.5M", "500k" where the axis goes far.
std::string mark_text(double mark, double high) {
  if (high >= 1e6) return mark == 0 ? "0" : fmt::format("{:g}M", mark / 1e6);
  if (high >= 1e4) return mark == 0 ? "0" : fmt::format("{:g}k", mark / 1e3);
  return fmt::format("{:g}", mark);
}

/// One chart at its place in the picture.
class Panel {
 public:
  Panel(const LineChart& chart, double top) : chart_(chart), top_(top + kTop) {
    for (const ChartLine& line : chart.lines)
      for (const auto& point : line.points)
        if (is_finite(point)) {
          x_.include(along(point.first));
          y_.include(point.second);
        }
    if (chart.y_from_zero) y_.include(0);
    x_ = x_.opened();
    y_ = y_.opened();
  }

  std::string svg() const {
    std::string out =
        fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"15\">{}</text>\n", kLeft, top_ - 14, escaped(chart_.title));
    out += axes();
    for (std::size_t i = 0; i < chart_.lines.size(); ++i) out += line(chart_.lines[i], kPens[i % kPens.size()], i);
    return out;
  }

 private:
  [[nodiscard]] double bottom() const { return top_ + kHeight - kTop - kBottom; }
  /// Where a value lies along the axis, before that is scaled.
  [[nodiscard]] double along(double x) const { return chart_.x_doubles ? std::log2(x) : x; }
  [[nodiscard]] std::vector<double> x_marks() const {
    if (!chart_.x_doubles) return round_marks(x_.low, x_.high, 10);
    std::set<double> marks;
    for (const ChartLine& line : chart_.lines)
      for (const auto& point : line.points)
        if (is_finite(point)) marks.insert(point.first);
    return {marks.begin(), marks.end()};
  }
  [[nodiscard]] double px(double x) const { return kLeft + (along(x) - x_.low) / (x_.high - x_.low) * (kPlotRight - kLeft); }
  [[nodiscard]] double py(double y) const { return bottom() - (y - y_.low) / (y_.high - y_.low) * (bottom() - top_); }

  [[nodiscard]] std::string axes() const {
    std::string out;
    for (const double y : round_marks(y_.low, y_.high, 6))
      out += fmt::format(
          "<path d=\"M{:.1f} {:.2f}H{:.1f}\" stroke=\"#ddd\"/><text class=\"y\" x=\"{:.1f}\" y=\"{:.2f}\" "
          "text-anchor=\"end\">{}</text>\n",
          kLeft, py(y), kPlotRight, kLeft - 6, py(y) + 4, mark_text(y, y_.high));
    for (const double x : x_marks())
      out += fmt::format(
          "<path d=\"M{0:.2f} {1:.1f}v5\" stroke=\"#000\"/><text class=\"x\" x=\"{0:.2f}\" y=\"{2:.1f}\" "
          "text-anchor=\"middle\">{3:g}</text>\n",
          px(x), bottom(), bottom() + 18, x);
    out += fmt::format("<path d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\" stroke=\"#000\" fill=\"none\"/>\n", kLeft, top_, bottom(),
                       kPlotRight);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n", (kLeft + kPlotRight) / 2,
                       bottom() + 36, escaped(chart_.x_label));
    out += fmt::format("<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
                       (top_ + bottom()) / 2, escaped(chart_.y_label));
    return out;
  }

  [[nodiscard]] std::string line(const ChartLine& line, const Pen& pen, std::size_t number) const {
    std::string points, dots;
    for (const auto& point : line.points) {
      if (!is_finite(point)) continue;
      points += fmt::format("{}{:.2f},{:.2f}", points.empty() ? "" : " ", px(point.first), py(point.second));
      dots += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"2.5\" fill=\"{}\"><title>{}: {:g}, {:g}</title></circle>\n",
                          px(point.first), py(point.second), pen.colour, escaped(line.name), point.first, point.second);
    }
    const double y = top_ + 10 + 20 * static_cast<double>(number);
    return fmt::format(
        "<polyline fill=\"none\" stroke=\"{0}\" stroke-width=\"1.5\" stroke-dasharray=\"{1}\" points=\"{2}\"/>\n{3}"
        "<path d=\"M{4:.1f} {5:.1f}h24\" stroke=\"{0}\" stroke-width=\"1.5\" stroke-dasharray=\"{1}\"/>"
        "<text x=\"{6:.1f}\" y=\"{7:.1f}\">{8}</text>\n",
        pen.colour, pen.dash, points, dots, kPlotRight + 12, y, kPlotRight + 42, y + 4, escaped(line.name));
  }

  const LineChart& chart_;
  double top_;
  Range x_, y_;
};

}  // namespace

std::vector<double> round_marks(double low, double high, int most) {
  if (!(low < high)) return {low};
  const double least = (high - low) / most;
  double step = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0, 10.0})
    if (factor * step >= least) {
      step *= factor;
      break;
    }
  std::vector<double> marks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) marks.push_back(k == 0 ? 0 : k * step);
  return marks;
}

std::string to_svg(const std::vector<LineChart>& charts) {
  require(!charts.empty(), "to_svg", "no charts");
  const double height = kHeight * static_cast<double>(charts.size());
  std::size_t longest = 0;
  for (const LineChart& chart : charts)
    for (const ChartLine& line : chart.lines) longest = std::max(longest, line.name.size());
  const double width = kPlotRight + std::max(kLeastLegend, kLegendLine + kLetter * static_cast<double>(longest));
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} "
      "{1:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#fff\"/>\n",
      width, height);
  for (std::size_t i = 0; i < charts.size(); ++i) out += Panel(charts[i], kHeight * static_cast<double>(i)).svg();
  return out + "</svg>\n";
}

}  // namespace convoy
