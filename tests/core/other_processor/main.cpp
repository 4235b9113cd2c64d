/// A program that was built for a processor that nobody has. It must say so, and nothing of it may run: that could be an
/// instruction that the processor does not know.
#include <cstdio>

#include "reference/core/processor.h"

namespace {

struct BeforeMain {
  BeforeMain() { std::puts("a constructor ran"); }
} const before_main;

}  // namespace

int main() {
  convoy::require_processor();
  std::puts("main ran");
  return 0;
}
