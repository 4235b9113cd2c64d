/// Line charts: well-formed XML whose points lie where their values belong.
#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <sstream>

#include "reference/io/line_chart.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// "" when every tag is closed in order, attributes are quoted and nothing is left unescaped; else what is wrong.
std::string fault_of(const std::string& xml) {
  std::vector<std::string> open;
  for (std::size_t at = 0; at < xml.size();) {
    if (xml[at] == '&') {
      const std::string entity = xml.substr(at, xml.find(';', at) - at);
      if (entity != "&amp" && entity != "&lt" && entity != "&gt" && entity != "&quot") return "entity " + entity;
    }
    if (xml[at] != '<') {
      if (open.empty() && !std::isspace(static_cast<unsigned char>(xml[at]))) return "text outside";
      ++at;
      continue;
    }
    const std::size_t end = xml.find('>', at);
    if (end == std::string::npos) return "tag without end";
    const std::string tag = xml.substr(at + 1, end - at - 1);
    at = end + 1;
    if (tag.starts_with("/")) {
      if (open.empty() || open.back() != tag.substr(1)) return "closes " + tag;
      open.pop_back();
      continue;
    }
    if (tag.find('<') != std::string::npos || std::count(tag.begin(), tag.end(), '"') % 2 != 0) return "tag " + tag;
    if (!tag.ends_with("/")) open.push_back(tag.substr(0, tag.find(' ')));
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

/// What stands between `before` and `after`, everywhere.
std::vector<std::string> all_between(const std::string& text, const std::string& before, const std::string& after) {
  std::vector<std::string> found;
  for (std::size_t at = text.find(before); at != std::string::npos; at = text.find(before, at)) {
    at += before.size();
    found.push_back(text.substr(at, text.find(after, at) - at));
  }
  return found;
}

/// The line through the marks of an axis: value = slope * pixel + offset.
struct Axis {
  double slope = 0, offset = 0;
};
Axis axis_of(const std::string& svg, const std::string& name, const std::string& attribute) {
  std::vector<std::pair<double, double>> marks;  // pixel, value
  for (const std::string& text : all_between(svg, "<text class=\"" + name + "\"", "</text>"))
    marks.emplace_back(std::stod(all_between(text, " " + attribute + "=\"", "\"").at(0)),
                       std::stod(text.substr(text.find('>') + 1)));
  REQUIRE(marks.size() >= 2);
  const double slope = (marks.back().second - marks.front().second) / (marks.back().first - marks.front().first);
  return {slope, marks.front().second - slope * marks.front().first};
}

}  // namespace

TEST_CASE("a chart is well-formed, and its points lie where the marks of its axes say") {
  LineChart chart{.title = "a < b & \"c\"", .x_label = "epoch", .y_label = "loss"};
  chart.lines = {{"training", {{1, 2.5}, {2, 1.25}, {3, 0.75}, {10, 0.5}}}, {"test", {{1, 2.25}, {10, 0.625}}}};
  const std::string svg = to_svg({chart});
  REQUIRE(fault_of(svg).empty());
  REQUIRE(svg.find("a &lt; b &amp; &quot;c&quot;") != std::string::npos);
  const Axis x = axis_of(svg, "x", "x"), y = axis_of(svg, "y", "y");
  const std::vector<std::string> lines = all_between(svg, "points=\"", "\"");
  REQUIRE(lines.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    std::istringstream points(lines[i]);
    std::vector<std::pair<double, double>> found;
    char comma = 0;
    for (double px = 0, py = 0; points >> px >> comma >> py;)  // the marks' text stands 4 pixels below their line
      found.emplace_back(x.slope * px + x.offset, y.slope * (py + 4) + y.offset);
    REQUIRE(found.size() == chart.lines[i].points.size());
    for (std::size_t k = 0; k < found.size(); ++k) {
      REQUIRE(std::abs(found[k].first - chart.lines[i].points[k].first) <= 0.01);
      REQUIRE(std::abs(found[k].second - chart.lines[i].points[k].second) <= 0.001);
    }
  }
  REQUIRE(all_between(svg, "<title>", "</title>").front() == "training: 1, 2.5");
}

TEST_CASE("heights compare from zero on, and what doubles has equal steps") {
  LineChart chart{.title = "t", .x_label = "ranks", .y_label = "y", .lines = {{"l", {{2, 60}, {4, 80}, {8, 100}, {16, 100}}}}};
  chart.y_from_zero = chart.x_doubles = true;
  const std::string svg = to_svg({chart});
  REQUIRE(fault_of(svg).empty());
  const Axis y = axis_of(svg, "y", "y");
  std::istringstream points(all_between(svg, "points=\"", "\"").at(0));
  char comma = 0;
  std::vector<double> xs, values;
  for (double px = 0, py = 0; points >> px >> comma >> py;) {
    xs.push_back(px);
    values.push_back(y.slope * (py + 4) + y.offset);
  }
  REQUIRE(xs.size() == 4);
  CHECK(std::abs(values[0] - 60) <= 0.2);
  CHECK(std::abs((xs[1] - xs[0]) - (xs[3] - xs[2])) <= 0.02);
  CHECK(xs[1] - xs[0] > 100);
  std::vector<std::string> marks;
  for (const std::string& text : all_between(svg, "<text class=\"x\"", "</text>"))
    marks.push_back(text.substr(text.find('>') + 1));
  CHECK(marks == std::vector<std::string>{"2", "4", "8", "16"});
  CHECK(svg.find(">0</text>") != std::string::npos);
}

TEST_CASE("charts with nothing, one point or values that are no numbers are still pictures") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::vector<std::pair<double, double>>& points :
       {std::vector<std::pair<double, double>>{}, {{1, 5}}, {{1, nan}, {2, 3}, {nan, 1}}}) {
    const std::string svg = to_svg({{.title = "t", .x_label = "x", .y_label = "y", .lines = {{"l", points}}},
                                    {.title = "u", .x_label = "x", .y_label = "y", .lines = {}}});
    REQUIRE(fault_of(svg).empty());
    REQUIRE(svg.find("nan") == std::string::npos);
    REQUIRE(svg.find("inf") == std::string::npos);
  }
}

TEST_CASE("marks are round and inside") {
  REQUIRE(round_marks(0, 10, 5) == std::vector<double>{0, 2, 4, 6, 8, 10});
  REQUIRE(round_marks(3, 3, 5) == std::vector<double>{3});
  for (const auto& [low, high] : {std::pair(0.1, 0.7), std::pair(1.0, 20.0), std::pair(-3e-4, 8e-4), std::pair(87.0, 93.5)}) {
    const std::vector<double> marks = round_marks(low, high, 6);
    REQUIRE(marks.size() >= 2);
    REQUIRE(marks.size() <= 7);
    REQUIRE(marks.front() >= low - 1e-12);
    REQUIRE(marks.back() <= high + 1e-12);
  }
}
