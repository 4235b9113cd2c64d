/// Boxes against a walk over all elements of a small tensor.
#include "reference/core/box.h"

#include <vector>

#include "tests/catch.h"

using namespace convoy;

namespace {

const std::vector<Slice> kSlices = {{0, 3}, {0, 1}, {1, 2}, {2, 1}, {1, 1}, {1, 0}, {0, 2}};

bool contains(const Slice& slice, std::int64_t i) { return i >= slice.offset && i < slice.end(); }

/// The places, in a region that holds `whole`, of the elements of `part` that lie in it.
std::vector<std::int64_t> places(const Box& part, const Box& whole) {
  std::vector<std::int64_t> found;
  std::int64_t at = 0;
  for (std::int64_t n = whole.n.offset; n < whole.n.end(); ++n)
    for (std::int64_t c = whole.c.offset; c < whole.c.end(); ++c)
      for (std::int64_t h = whole.h.offset; h < whole.h.end(); ++h)
        for (std::int64_t w = whole.w.offset; w < whole.w.end(); ++w, ++at)
          if (contains(part.n, n) && contains(part.c, c) && contains(part.h, h) && contains(part.w, w)) found.push_back(at);
  return found;
}

template <class Visit>
void for_all_boxes(const Visit& visit) {
  for (const Slice& n : kSlices)
    for (const Slice& c : kSlices)
      for (const Slice& h : kSlices)
        for (const Slice& w : kSlices) visit(Box{n, c, h, w});
}

}  // namespace

TEST_CASE("a box is contiguous when its elements follow one another, and its offset is the place of the first") {
  const Box odd_whole{{0, 4}, {0, 3}, {0, 5}, {0, 3}};
  const Box whole_of_one{{0, 3}, {0, 3}, {0, 3}, {0, 3}};
  for (const Box& whole : {odd_whole, whole_of_one})
    for_all_boxes([&](const Box& part) {
      const std::vector<std::int64_t> found = places(part, whole);
      REQUIRE(std::ssize(found) == part.count());
      const bool contiguous = found.empty() || found.back() - found.front() + 1 == std::ssize(found);
      REQUIRE(is_contiguous(part, whole) == contiguous);
      REQUIRE(offset_of(part, whole) == (found.empty() ? 0 : found.front()));
    });
}

TEST_CASE("an intersection has the elements that are in both") {
  const Box whole = box_of({3, 3, 3, 3});
  const Box other{{1, 2}, {0, 2}, {1, 1}, {0, 3}};
  for_all_boxes([&](const Box& part) {
    const Box both = intersection(part, other);
    REQUIRE(both == intersection(both, part));
    std::vector<std::int64_t> expected;
    const std::vector<std::int64_t> in_other = places(other, whole);
    for (const std::int64_t at : places(part, whole))
      if (std::find(in_other.begin(), in_other.end(), at) != in_other.end()) expected.push_back(at);
    REQUIRE(places(both, whole) == expected);
    REQUIRE(both.empty() == expected.empty());
  });
}

TEST_CASE("boxes name their directions") {
  Box box{{1, 2}, {3, 4}, {5, 6}, {7, 8}};
  REQUIRE(box.along(Dim::batch) == Slice{1, 2});
  REQUIRE(box.along(Dim::channels) == Slice{3, 4});
  REQUIRE(box.along(Dim::rows) == Slice{5, 6});
  box.along(Dim::rows) = {9, 1};
  REQUIRE(box.h == Slice{9, 1});
  REQUIRE(box.shape() == Shape{2, 4, 1, 8});
  REQUIRE(box_of({2, 3, 4, 5}).count() == 120);
}
