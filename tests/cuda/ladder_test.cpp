/// Every rung on the emulator: right on sizes that no tile divides, bit by bit on integers, clean, and with the counts it promises.
#include "reference/core/error.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/ladder/problem.h"
#include "tests/catch.h"

using namespace convoy;
using namespace convoy::cuda::ladder;
namespace emulator = convoy::cuda::emulator;

TEST_CASE("every rung is right on sizes that no tile divides, and clean") {
  for (const Op& op : ops()) {
    const auto rungs = emulated_backend().rungs(op.name);
    REQUIRE(rungs.size() >= 2);
    for (const Size& size : op.checked()) {
      Problem real(op, size, Values::real, emulated_backend());
      Problem whole(op, size, Values::whole, emulated_backend());
      for (const Rung& rung : rungs) {
        if (!takes(rung, size)) continue;
        INFO(op.name << " rung " << rung.number << " of " << to_string(size.first) << " and " << to_string(size.second));
        emulator::report();
        REQUIRE(real.error_of(rung) <= tolerance_of(rung));
        if (op.exact) REQUIRE(whole.equals_exactly(rung));
        const emulator::Report found = emulator::report();
        INFO(emulator::to_text(found.problems));
        REQUIRE(found.clean());
      }
    }
  }
}

TEST_CASE("every rung's counts are those that its header promises") {
  for (const Op& op : ops()) {
    const Size size = op.counted();
    Problem problem(op, size, Values::real, emulated_backend());
    for (const Rung& rung : emulated_backend().rungs(op.name)) {
      INFO(op.name << " rung " << rung.number);
      emulator::report();
      REQUIRE(problem.error_of(rung) <= tolerance_of(rung));
      const emulator::Report found = emulator::report();
      const Promise promise = rung.promise(size);
      REQUIRE(found.counts.loads.transactions == promise.load_transactions);
      REQUIRE(found.counts.stores.transactions == promise.store_transactions);
      REQUIRE(found.counts.bank_conflicts == promise.bank_conflicts);
      REQUIRE(found.counts.barriers == promise.barriers);
    }
  }
}

TEST_CASE("an answer with one number wrong, or not written, is not right") {
  const Op& op = ops()[0];
  Problem problem(op, op.checked()[0], Values::whole, emulated_backend());
  Rung broken = emulated_backend().rungs(op.name)[1];
  REQUIRE(problem.equals_exactly(broken));
  broken.run = [](const Size&, const Operands&) {};
  REQUIRE(!problem.equals_exactly(broken));
  REQUIRE(!(problem.error_of(broken) <= kTolerance));
  broken.run = [](const Size& size, const Operands& o) {
    emulated_backend().rungs("gemm")[1].run(size, o);
    o.out[7] += 1;
  };
  REQUIRE(!problem.equals_exactly(broken));
  emulator::report();
}
