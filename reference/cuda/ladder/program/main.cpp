/// convoy-cuda-ladder: CUDA kernels from the plain one to the one in use, one idea at a time, each rung checked and measured.
///
///   convoy-cuda-ladder [OP...]               on the GPU: time, GFLOP/s, GB/s, percent of what this GPU could do, error
///   convoy-cuda-ladder --emulator [OP...]    on the CPU, thread by thread: what each rung asks of memory, no times
///   convoy-cuda-ladder --check [OP...]       only whether every rung is right, on sizes that no tile divides; with --emulator too
///   --json FILE                              what is printed, as JSON
///
/// Ends with 0 when every rung is right, 1 when one is not or there is no GPU, 2 when the command is wrong. Needs the standard library
/// and CUDA only.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>

#include "reference/core/error.h"
#include "reference/cuda/device/device.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/ladder/problem.h"

namespace {

using namespace convoy;
using namespace convoy::cuda;
using namespace convoy::cuda::ladder;

struct Options {
  bool emulator = false;
  bool check = false;
  std::string json;
  std::vector<const Op*> chosen;
};

/// A row of the table, for JSON.
struct Row {
  std::string op, size, idea, numbers;
  int rung = 0;
  double error = 0;
  bool right = false;
};

std::string shape_text(const Size& s) {
  const auto text = [](const Shape& shape) {
    return shape.h == 1 && shape.w == 1 ? cat(shape.n, " x ", shape.c) : cat(shape.n, " x ", shape.c, " x ", shape.h, " x ", shape.w);
  };
  return s.second.count() > 0 ? cat(text(s.first), " and ", text(s.second)) : text(s.first);
}

bool is_right(const Rung& rung, double error) { return error <= tolerance_of(rung); }

/// The emulator runs what it can, whatever chip that is for.
bool runs_here(const Rung& rung, const device::DeviceFacts* gpu) { return gpu == nullptr ? rung.emulated : runs_on(rung, gpu->chip); }

/// Every rung on every size. `gpu`: null for the emulator.
bool check_op(const Op& op, const Backend& backend, const device::DeviceFacts* gpu) {
  bool right = true;
  for (const Size& size : op.checked()) {
    for (const Values values : {Values::real, Values::whole}) {
      Problem problem(op, size, values, backend);
      for (const Rung& rung : backend.rungs(op.name)) {
        if (!takes(rung, size) || !runs_here(rung, gpu)) continue;
        const double error = problem.error_of(rung);
        bool good = is_right(rung, error);
        if (values == Values::whole && op.exact) good = problem.equals_exactly(rung);
        if (!good)
          std::printf("WRONG: %s rung %d (%s) of %s: off by %g of the largest value\n", std::string(op.name).c_str(), rung.number,
                      std::string(rung.idea).c_str(), shape_text(size).c_str(), error);
        right = right && good;
      }
    }
  }
  return right;
}

bool emulate(const Op& op, std::vector<Row>& rows) {
  const Backend& backend = emulated_backend();
  const Size size = op.counted();
  std::printf("%s: %s\n  %s\n", std::string(op.name).c_str(), std::string(op.what).c_str(), shape_text(size).c_str());
  std::printf("  rung  %-54s %10s %10s %11s %9s %9s  %7s\n", "idea", "load", "store", "bank", "barriers", "wanted", "error");
  std::printf("        %-54s %10s %10s %11s %9s %9s\n", "", "sectors", "sectors", "conflicts", "", "of moved");
  Problem problem(op, size, Values::real, backend);
  bool right = true;
  for (const Rung& rung : backend.rungs(op.name)) {
    if (!rung.emulated) {
      std::printf("  %4d  %-54s needs a GPU of chip %d\n", rung.number, std::string(rung.idea).c_str(), rung.chip);
      continue;
    }
    emulator::report();
    const double error = problem.error_of(rung);
    const emulator::Report report = emulator::report();
    const emulator::Counts& c = report.counts;
    const Promise promise = rung.promise(size);
    const Promise got{c.loads.transactions, c.stores.transactions, c.bank_conflicts, c.barriers};
    const auto moved = static_cast<double>((c.loads.transactions + c.stores.transactions) * emulator::kSector_bytes);
    const double used = moved > 0 ? static_cast<double>(c.loads.bytes + c.stores.bytes) / moved : 0;
    const bool good = is_right(rung, error) && report.clean() && got == promise;
    std::printf("  %4d  %-54s %10lld %10lld %11lld %9lld %8.0f%%  %7.0e%s\n", rung.number, std::string(rung.idea).c_str(),
                static_cast<long long>(got.load_transactions), static_cast<long long>(got.store_transactions),
                static_cast<long long>(got.bank_conflicts), static_cast<long long>(got.barriers), 100 * used, error,
                good ? "" : " WRONG");
    if (!(got == promise))
      std::printf("        promised: %lld, %lld, %lld, %lld\n", static_cast<long long>(promise.load_transactions),
                  static_cast<long long>(promise.store_transactions), static_cast<long long>(promise.bank_conflicts),
                  static_cast<long long>(promise.barriers));
    std::printf("%s", emulator::to_text(report.problems).c_str());
    rows.push_back({std::string(op.name), shape_text(size), std::string(rung.idea),
                    cat("\"load_transactions\": ", got.load_transactions, ", \"store_transactions\": ", got.store_transactions,
                        ", \"bank_conflicts\": ", got.bank_conflicts, ", \"barriers\": ", got.barriers),
                    rung.number, error, good});
    right = right && good;
  }
  std::printf("\n");
  return right;
}

bool measure(const Op& op, const device::DeviceFacts& facts, const device::Ceilings& ceilings, std::vector<Row>& rows) {
  const Backend& backend = *device_backend();
  bool right = true;
  std::printf("%s: %s\n", std::string(op.name).c_str(), std::string(op.what).c_str());
  for (const Size& size : op.measured()) {
    const double flops = op.flops(size);
    const double bytes = op.bytes(size);
    const double least_s = std::max(flops / ceilings.flops_per_s, bytes / ceilings.bytes_per_s);
    std::printf("  %s: %s, %.1f MFLOP, %.1f MB\n", std::string(size.where).c_str(), shape_text(size).c_str(), flops / 1e6, bytes / 1e6);
    std::printf("  rung  %-54s %10s %9s %9s %11s  %7s\n", "idea", "ms", "GFLOP/s", "GB/s", "% of limit", "error");
    Problem problem(op, size, Values::real, backend);
    for (const Rung& rung : backend.rungs(op.name)) {
      if (!takes(rung, size)) continue;
      if (!runs_on(rung, facts.chip)) {
        std::printf("  %4d  %-54s not run: its instructions are those of chip %d%s, and this is %d\n", rung.number,
                    std::string(rung.idea).c_str(), rung.chip, rung.one_chip ? " alone" : " and newer", facts.chip);
        continue;
      }
      const double error = problem.error_of(rung);
      const double once_s = device::time_s(1, [&] { problem.run(rung); });
      const int repetitions = std::clamp(static_cast<int>(0.1 / std::max(once_s, 1e-6)), 3, 100);
      double time_s = 1e300;
      for (int i = 0; i < 5; ++i) time_s = std::min(time_s, device::time_s(repetitions, [&] { problem.run(rung); }));
      const bool good = is_right(rung, error);
      std::printf("  %4d  %-54s %10.4f %9.0f %9.0f %11.1f  %7.0e%s\n", rung.number, std::string(rung.idea).c_str(), time_s * 1e3,
                  flops / time_s / 1e9, bytes / time_s / 1e9, 100 * least_s / time_s, error, good ? "" : " WRONG");
      rows.push_back({std::string(op.name), shape_text(size), std::string(rung.idea),
                      cat("\"time_s\": ", time_s, ", \"flops_per_s\": ", flops / time_s, ", \"bytes_per_s\": ", bytes / time_s,
                          ", \"of_limit\": ", least_s / time_s),
                      rung.number, error, good});
      right = right && good;
    }
  }
  std::printf("\n");
  return right;
}

void write_json(const std::string& path, const std::string& head, const std::vector<Row>& rows) {
  std::ofstream out(path);
  out << "{\n  " << head << ",\n  \"rungs\": [";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    out << (i > 0 ? ",\n    " : "\n    ") << "{\"op\": \"" << r.op << "\", \"size\": \"" << r.size << "\", \"rung\": " << r.rung
        << ", \"idea\": \"" << r.idea << "\", " << r.numbers << ", \"error\": " << (r.error == r.error ? cat(r.error) : "null")
        << ", \"right\": " << (r.right ? "true" : "false") << "}";
  }
  out << "\n  ]\n}\n";
  if (!out) throw InputError(cat("cannot write '", path, "'"));
}

Options parse(const std::vector<std::string>& words) {
  Options options;
  std::vector<std::string> names;
  for (const Op& op : ops()) names.emplace_back(op.name);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--emulator") {
      options.emulator = true;
    } else if (word == "--check") {
      options.check = true;
    } else if (word == "--json") {
      if (++i == words.size()) throw InputError("--json needs the name of a file");
      options.json = words[i];
    } else {
      const auto found = std::find_if(ops().begin(), ops().end(), [&](const Op& op) { return op.name == word; });
      if (found == ops().end()) throw_unknown_word("op", word, names);
      options.chosen.push_back(&*found);
    }
  }
  if (options.chosen.empty())
    for (const Op& op : ops()) options.chosen.push_back(&op);
  return options;
}

/// A DeviceError says what to do where there is none that can be used.
device::DeviceFacts the_gpu() {
  try {
    return device::use_device();
  } catch (const DeviceError& error) {
    throw DeviceError(cat(error.what(), ", or add --emulator, which runs the same kernels on the CPU"));
  }
}

int run(const Options& options) {
  std::vector<Row> rows;
  bool right = true;
  std::string head = "\"device\": \"emulator\"";
  if (options.emulator) {
    for (const Op* op : options.chosen) {
      right = check_op(*op, emulated_backend(), nullptr) && right;
      if (!options.check) right = emulate(*op, rows) && right;
    }
    const emulator::Report report = emulator::report();
    std::printf("%s", emulator::to_text(report.problems).c_str());
    right = right && report.clean();
    if (!options.check)
      std::printf("sectors: of 32 bytes that warps asked of global memory; wanted of moved: the bytes that lanes asked for in them, above\n"
                  "100 %% where lanes want the same. Times take a GPU: convoy-cuda-ladder without --emulator.\n");
  } else {
    const device::DeviceFacts facts = the_gpu();
    for (const Op* op : options.chosen) right = check_op(*op, *device_backend(), &facts) && right;
    if (!options.check) {
      const device::Ceilings ceilings = device::measure_ceilings(facts);
      std::printf("%s, chip %d: %.0f GFLOP/s of multiply-adds in fp32, %.0f GB/s copying, both measured; %% of limit: of the larger of\n"
                  "FLOPs and bytes at these rates. Tensor cores can exceed the first.\n\n",
                  facts.name.c_str(), facts.chip, ceilings.flops_per_s / 1e9, ceilings.bytes_per_s / 1e9);
      head = cat("\"device\": \"", facts.name, "\", \"chip\": ", facts.chip, ", \"driver\": ", facts.driver, ", \"runtime\": ",
                 facts.runtime, ", \"ceiling_flops_per_s\": ", ceilings.flops_per_s, ", \"ceiling_bytes_per_s\": ", ceilings.bytes_per_s);
      for (const Op* op : options.chosen) right = measure(*op, facts, ceilings, rows) && right;
    }
  }
  if (!options.json.empty()) write_json(options.json, head, rows);
  if (right) std::printf("every rung is right\n");
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  try {
    options = parse({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy-cuda-ladder: %s\nusage: convoy-cuda-ladder [--emulator] [--check] [--json FILE] [OP...]\n", error.what());
    return 2;
  }
  try {
    return run(options);
  } catch (const InputError& error) {
    std::fprintf(stderr, "convoy-cuda-ladder: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy-cuda-ladder: %s\n", error.what());
    return 1;
  }
}
