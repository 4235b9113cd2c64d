// This file is compiled for any processor (see CMakeLists.txt), and runs before all others.
#include "reference/core/processor.h"

#include <cstdio>
#include <cstdlib>

#ifndef CONVOY_FEATURES
#define CONVOY_FEATURES ""
#endif

namespace convoy {
namespace {

/// Whether the processor has a feature that builds may use.
bool has(std::string_view feature) {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (feature == "avx") return __builtin_cpu_supports("avx") != 0;
  if (feature == "avx2") return __builtin_cpu_supports("avx2") != 0;
  if (feature == "fma") return __builtin_cpu_supports("fma") != 0;
  if (feature == "bmi2") return __builtin_cpu_supports("bmi2") != 0;
  if (feature == "avx512f") return __builtin_cpu_supports("avx512f") != 0;
  if (feature == "avx512dq") return __builtin_cpu_supports("avx512dq") != 0;
  if (feature == "avx512bw") return __builtin_cpu_supports("avx512bw") != 0;
  if (feature == "avx512vl") return __builtin_cpu_supports("avx512vl") != 0;
  if (feature == "avx512vnni") return __builtin_cpu_supports("avx512vnni") != 0;
#endif
  return feature.empty();
}

void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
}

/// Before the constructors of any other file.
__attribute__((constructor(101))) void check_processor() {
  const std::string_view missing = first_missing_feature(built_for_features());
  if (missing.empty()) return;
  say("convoy: this program was built for a processor with ");
  say(missing);
  say(", which this one lacks. Build it on this machine, or for more processors: cmake --preset release -DCONVOY_ARCH=x86-64-v3 "
      "(or x86-64), then cmake --build build/release\n");
  std::_Exit(2);
}

}  // namespace

const char* built_for_features() { return CONVOY_FEATURES; }

std::string_view first_missing_feature(std::string_view features) {
  while (!features.empty()) {
    const std::size_t comma = features.find(',');
    const std::string_view feature = features.substr(0, comma);
    if (!has(feature)) return feature;
    features = comma == std::string_view::npos ? std::string_view() : features.substr(comma + 1);
  }
  return {};
}

void require_processor() {}

}  // namespace convoy
