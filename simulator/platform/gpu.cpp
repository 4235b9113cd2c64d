#include "simulator/platform/gpu.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "reference/core/units.h"

namespace convoy {
namespace {

constexpr std::string_view kKepler = "NVIDIA Kepler GK110/210 white paper (2014); data sheets";
constexpr std::string_view kMaxwell = "NVIDIA GeForce GTX 980 white paper (2014); CUDA C programming guide; data sheets";
constexpr std::string_view kPascal = "NVIDIA Tesla P100 and GeForce GTX 1080 white papers (2016); data sheets";
constexpr std::string_view kVolta = "NVIDIA Tesla V100 white paper (2017)";
constexpr std::string_view kTuring = "NVIDIA Turing white paper (2018); data sheets";
constexpr std::string_view kAmpere = "NVIDIA A100 and GA102 white papers (2020); data sheets";
constexpr std::string_view kAda = "NVIDIA Ada white paper (2022); data sheets";
constexpr std::string_view kHopper = "NVIDIA H100 white paper (2022); data sheets";
constexpr std::string_view kBlackwell = "NVIDIA Blackwell architecture brief (2024); from memory";
constexpr std::string_view kCdna = "AMD CDNA 2 and CDNA 3 white papers (2021, 2023); from memory";

/// Words of letters and digits, in small letters; "GTX1080Ti" is three.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : text) {
    const bool part = std::isalnum(static_cast<unsigned char>(c)) != 0;
    const bool digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    if (part && inside) {
      const std::string& word = words.back();
      const bool all_digits = std::all_of(word.begin(), word.end(), [](unsigned char d) { return std::isdigit(d) != 0; });
      inside = digit ? word != "gtx" && word != "rtx" : !(all_digits && word.size() >= 3);
    }
    if (part && !inside) words.emplace_back();
    if (part) words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    inside = part;
  }
  return words;
}

}  // namespace

const std::vector<Gpu>& gpu_table() {
  static const std::vector<Gpu> rows = {
      {"GTX 780 Ti", 35, 15, 1.5 * MiB, 3, true, kKepler},
      {"K20", 35, 13, 1.25 * MiB, 2, true, kKepler},
      {"K20m", 35, 13, 1.25 * MiB, 2, true, kKepler},
      {"K20c", 35, 13, 1.25 * MiB, 2, true, kKepler},
      {"K20X", 35, 14, 1.5 * MiB, 2, true, kKepler},
      {"K40", 35, 15, 1.5 * MiB, 3, true, kKepler},
      {"K40m", 35, 15, 1.5 * MiB, 3, true, kKepler},
      {"K40c", 35, 15, 1.5 * MiB, 3, true, kKepler},
      {"K80", 37, 13, 1.5 * MiB, 3, true, kKepler},  // one die
      {"GTX 960", 52, 8, 1 * MiB, 3, true, kMaxwell},
      {"GTX 970", 52, 13, 1.75 * MiB, 3, true, kMaxwell},
      {"GTX 980", 52, 16, 2 * MiB, 3, true, kMaxwell},
      {"GTX 980 Ti", 52, 22, 3 * MiB, 3, true, kMaxwell},
      {"M40", 52, 24, 3 * MiB, 3, true, kMaxwell},
      {"M60", 52, 16, 2 * MiB, 3, true, kMaxwell},  // one chip
      {"TitanX", 52, 24, 3 * MiB, 3, true, kMaxwell},
      {"Titan X", 52, 24, 3 * MiB, 3, true, kMaxwell},
      {"GTX Titan", 35, 14, 1.5 * MiB, 3, true, kKepler},  // behind "Titan X": of as many words, the first counts
      {"GTX Titan Black", 35, 15, 1.5 * MiB, 3, true, kKepler},
      {"Titan X Pascal", 61, 28, 3 * MiB, 3, true, kPascal},
      {"Titan Xp", 61, 30, 3 * MiB, 3, true, kPascal},
      {"P100", 60, 56, 4 * MiB, 3, true, kPascal},
      {"Quadro P6000", 61, 30, 3 * MiB, 3, true, kPascal},
      {"P40", 61, 30, 3 * MiB, 3, true, kPascal},
      {"P4", 61, 20, 2 * MiB, 3, true, kPascal},
      {"GTX 1060", 61, 10, 1.5 * MiB, 3, true, kPascal},
      {"GTX 1070", 61, 15, 2 * MiB, 3, true, kPascal},
      {"GTX 1070 Ti", 61, 19, 2 * MiB, 3, true, kPascal},
      {"GTX 1080", 61, 20, 2 * MiB, 3, true, kPascal},
      {"GTX 1080 Ti", 61, 28, 2.75 * MiB, 3, true, kPascal},
      {"V100", 70, 80, 6 * MiB, 3, true, kVolta},
      {"V100S", 70, 80, 6 * MiB, 3, true, kVolta},
      {"GV100", 70, 80, 6 * MiB, 3, true, kVolta},
      {"Titan V", 70, 80, 4.5 * MiB, 3, true, kVolta},
      {"T4", 75, 40, 4 * MiB, 3, true, kTuring},
      {"RTX 2060", 75, 30, 3 * MiB, 3, false, kTuring},
      {"RTX 2070", 75, 36, 4 * MiB, 3, false, kTuring},
      {"RTX 2070 Super", 75, 40, 4 * MiB, 3, false, kTuring},
      {"RTX 2080", 75, 46, 4 * MiB, 3, false, kTuring},
      {"RTX 2080 Super", 75, 48, 4 * MiB, 3, false, kTuring},
      {"RTX 2080 Ti", 75, 68, 5.5 * MiB, 3, false, kTuring},
      {"Titan RTX", 75, 72, 6 * MiB, 3, false, kTuring},
      {"Quadro RTX 4000", 75, 36, 4 * MiB, 3, true, kTuring},
      {"Quadro RTX 5000", 75, 48, 4 * MiB, 3, true, kTuring},
      {"RTX 6000", 75, 72, 6 * MiB, 3, true, kTuring},
      {"RTX 8000", 75, 72, 6 * MiB, 3, true, kTuring},
      {"A100", 80, 108, 40 * MiB, 4, true, kAmpere},
      {"A800", 80, 108, 40 * MiB, 4, true, kAmpere},
      {"A30", 80, 56, 24 * MiB, 4, true, kAmpere},
      {"A10", 86, 72, 6 * MiB, 4, true, kAmpere},
      {"A10G", 86, 80, 6 * MiB, 4, true, kAmpere},
      {"A40", 86, 84, 6 * MiB, 4, true, kAmpere},
      {"A4000", 86, 48, 4 * MiB, 4, true, kAmpere},
      {"A4500", 86, 56, 6 * MiB, 4, true, kAmpere},
      {"A5000", 86, 64, 6 * MiB, 4, true, kAmpere},
      {"A6000", 86, 84, 6 * MiB, 4, true, kAmpere},
      {"RTX 3060", 86, 28, 3 * MiB, 4, false, kAmpere},
      {"RTX 3060 Ti", 86, 38, 4 * MiB, 4, false, kAmpere},
      {"RTX 3070", 86, 46, 4 * MiB, 4, false, kAmpere},
      {"RTX 3080", 86, 68, 5 * MiB, 4, false, kAmpere},
      {"RTX 3080 Ti", 86, 80, 6 * MiB, 4, false, kAmpere},
      {"RTX 3090", 86, 82, 6 * MiB, 4, false, kAmpere},
      {"L4", 89, 58, 48 * MiB, 4, true, kAda},
      {"L40", 89, 142, 96 * MiB, 4, true, kAda},
      {"L40S", 89, 142, 96 * MiB, 4, true, kAda},
      {"RTX 4070 Ti", 89, 60, 48 * MiB, 4, false, kAda},
      {"RTX 4080", 89, 76, 64 * MiB, 4, false, kAda},
      {"RTX 4090", 89, 128, 72 * MiB, 4, false, kAda},
      {"RTX 6000 Ada", 89, 142, 96 * MiB, 4, true, kAda},
      {"H100", 90, 132, 50 * MiB, 5, true, kHopper},  // SXM5
      {"H100 PCIe", 90, 114, 50 * MiB, 5, true, kHopper},
      {"H800", 90, 132, 50 * MiB, 5, true, kHopper},
      {"H200", 90, 132, 50 * MiB, 5, true, kHopper},
      {"GH200", 90, 132, 50 * MiB, 5, true, kHopper},
      {"B200", 100, 148, 126 * MiB, 5, true, kBlackwell},
      {"GB200", 100, 148, 126 * MiB, 5, true, kBlackwell},
      {"MI250", 910, 104, 8 * MiB, 4, true, kCdna},  // one of two dies; below, of gfx90a and gfx942
      {"MI250X", 910, 110, 8 * MiB, 4, true, kCdna},
      {"MI300X", 942, 304, 256 * MiB, 5, true, kCdna},
  };
  return rows;
}

const Gpu* find_gpu(std::string_view name) {
  const std::vector<std::string> words = words_of(name);
  const Gpu* best = nullptr;
  std::size_t most = 0;
  for (const Gpu& gpu : gpu_table()) {
    const std::vector<std::string> wanted = words_of(gpu.name);
    const bool all = std::all_of(wanted.begin(), wanted.end(), [&](const std::string& word) {
      return std::find(words.begin(), words.end(), word) != words.end();
    });
    if (all && wanted.size() > most) {
      best = &gpu;
      most = wanted.size();
    }
  }
  return best;
}

}  // namespace convoy
