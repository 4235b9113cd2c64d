/// Overloaded: a function for each alternative of a variant, for std::visit.
#pragma once

namespace convoy {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // clang deduces it on its own from version 17 on only

}  // namespace convoy
