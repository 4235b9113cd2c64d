/// The exercise of lesson 9.
#pragma once

#include <vector>

namespace convoy::lesson {

/// A prediction, and what was measured: both positive.
struct Case {
  double predicted = 0;
  double measured = 0;
};

/// How far off predictions are, typically: the median of |predicted / measured - 1|, as a fraction. The median of an even number
/// of values is the mean of the two in the middle. There is at least one case.
double typical_error(const std::vector<Case>& cases);

/// How far off they would be if one constant were fitted, honestly. For each case: the factor is the geometric mean of measured /
/// predicted over all *other* cases, and the error is |factor * predicted / measured - 1|. The answer is the median of these
/// errors. There are at least two cases.
double error_after_fitting(const std::vector<Case>& cases);

}  // namespace convoy::lesson
