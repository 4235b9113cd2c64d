// This file is compiled for any processor (see CMakeLists.txt), and runs before all others.
#include "reference/core/processor.h"

#include <cstdio>
#include <cstdlib>

#ifndef CONVOY_FEATURES
#define CONVOY_FEATURES ""
#endif

namespace convoy {
namespace {

/// Whether the processor has a feature that builds may use; the list is in CMakeLists.txt too.
bool has(std::string_view feature) {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
#define CONVOY_FEATURE(name) \
  if (feature == name) return __builtin_cpu_supports(name) != 0
  CONVOY_FEATURE("avx");
  CONVOY_FEATURE("avx2");
  CONVOY_FEATURE("fma");
  CONVOY_FEATURE("bmi");
  CONVOY_FEATURE("bmi2");
  CONVOY_FEATURE("gfni");
  CONVOY_FEATURE("avx512f");
  CONVOY_FEATURE("avx512cd");
  CONVOY_FEATURE("avx512dq");
  CONVOY_FEATURE("avx512bw");
  CONVOY_FEATURE("avx512vl");
  CONVOY_FEATURE("avx512ifma");
  CONVOY_FEATURE("avx512vbmi");
  CONVOY_FEATURE("avx512vbmi2");
  CONVOY_FEATURE("avx512vnni");
  CONVOY_FEATURE("avx512bitalg");
  CONVOY_FEATURE("avx512vpopcntdq");
  CONVOY_FEATURE("avx512bf16");
#if defined(__clang__)  // some versions of which cannot ask
  if (feature == "avx512fp16") return true;
#else
  CONVOY_FEATURE("avx512fp16");
#endif
#undef CONVOY_FEATURE
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
