/// Line charts as SVG pictures.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace convoy {

/// One line: points from left to right. Points that are not finite are left out.
struct ChartLine {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

/// Lines over one pair of axes, which reach from the smallest to the largest value and are linear unless it says otherwise.
struct LineChart {
  std::string title;
  std::string x_label;
  std::string y_label;
  std::vector<ChartLine> lines;
  bool y_from_zero = false;  ///< so that heights compare; for values of 0 and more
  bool x_doubles = false;    ///< a logarithmic axis with a mark at every point; for values above 0
};

/// The charts below one another in one picture. Every point is a dot with its numbers as a tooltip; every line is drawn in a colour
/// and with a dash of its own, so that it can be told apart without colours.
std::string to_svg(const std::vector<LineChart>& charts);

/// Values for the marks of an axis, round numbers that lie in [low, high], at most `most`; at least two unless low == high.
std::vector<double> round_marks(double low, double high, int most);

}  // namespace convoy
