#include "reference/core/tensor.h"

#include <type_traits>

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("a shape counts its elements without overflowing an int") {
  const Shape shape{64, 3, 224, 225};
  REQUIRE(shape.count() == 9'676'800);
  REQUIRE(shape.sample_count() == 151'200);
  REQUIRE(to_string(shape) == "64x3x224x225");
  REQUIRE(shape.with_batch(2) == Shape{2, 3, 224, 225});
  REQUIRE(shape.with_batch(0).count() == 0);
  REQUIRE(Shape{65'536, 512, 512, 1}.count() == 17'179'869'184);
}

TEST_CASE("a view's elements lie in the order N, C, H, W with W fastest") {
  Tensor<int> tensor({2, 3, 4, 5});
  for (int i = 0; i < tensor.count(); ++i) tensor.data()[i] = i;
  const View<const int> view = tensor.view();
  int next = 0;
  for (int n = 0; n < 2; ++n)
    for (int c = 0; c < 3; ++c)
      for (int h = 0; h < 4; ++h)
        for (int w = 0; w < 5; ++w) REQUIRE(view(n, c, h, w) == next++);
  REQUIRE(view.span().size() == 120);
}

TEST_CASE("a tensor starts on a cache line, filled, and may be empty") {
  for (const int count : {1, 3, 1'000}) {
    const Tensor<float> tensor({1, count, 1, 1}, 2.5F);
    REQUIRE(reinterpret_cast<std::uintptr_t>(tensor.data()) % kAlignment_bytes == 0);
    for (const float value : tensor.span()) REQUIRE(value == 2.5F);
  }
  REQUIRE(Tensor<float>().count() == 0);
  REQUIRE(Tensor<float>({0, 3, 4, 5}).span().empty());
}

TEST_CASE("a view of const elements is made from one of mutable elements, and never the other way") {
  STATIC_REQUIRE(std::is_convertible_v<View<float>, View<const float>>);
  STATIC_REQUIRE(!std::is_convertible_v<View<const float>, View<float>>);
}
