/// IgnoredOption: what is thrown where somebody types an option that changes nothing in what is asked for.
#pragma once

#include <string>
#include <utility>

#include "reference/core/error.h"

namespace convoy {

/// "--overlap changes nothing in plan 'channel'; leave it out". A sweep that varies the option leaves it out by itself.
class IgnoredOption : public InputError {
 public:
  /// `option`: "--overlap"; `where`: what follows "changes nothing ".
  IgnoredOption(std::string option, const std::string& where)
      : InputError(cat(option, " changes nothing ", where)), option_(std::move(option)) {}
  [[nodiscard]] const std::string& option() const { return option_; }

 private:
  std::string option_;
};

}  // namespace convoy
