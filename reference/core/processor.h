/// What the processor must be able to do for a program that was built for a certain one (CONVOY_ARCH).
#pragma once

#include <string_view>

namespace convoy {

/// The features that the code of this build uses, "avx2,fma,..."; "" when it was built for any processor of its kind.
const char* built_for_features();

/// The first of the features, separated by commas, that this processor lacks or that is not known; "" when it has all.
std::string_view first_missing_feature(std::string_view features);

/// Programs call this first. It makes the linker take processor.cpp, which asks before anything else of the program runs and ends it
/// with a sentence and exit code 2 when the processor lacks a feature: otherwise the program would die of an illegal instruction.
void require_processor();

}  // namespace convoy
