/// The wirings: which devices of a node are joined by direct links, and by how many.
#include <array>

#include "reference/core/error.h"
#include "simulator/platform/interior.h"

namespace convoy {
namespace {

constexpr int kCube = 8;
constexpr int kMost = 64;  ///< devices that all_pairs joins
using CubeMesh = std::array<std::array<int, kCube>, kCube>;

// The two quads 0..3 and 4..7 are fully joined and every device is joined to its opposite, 4 further or 4 before.
//
//     0 ------- 4        NVLink 1 has 4 links a GPU, one for each neighbour: DGX-1 with P100 (NVIDIA DGX-1 white paper, 2017).
//    /|\       /|\       NVLink 2 has 6: two neighbours get a second link. DGX-1 with V100, `nvidia-smi topo -m`:
//   1 | 2     5 | 6         0-3 0-4 1-2 1-5 2-3 4-7 5-6 6-7 are double, the other eight single
//    \|/       \|/
//     3 ------- 7        (of the links between the quads only 0-4 and 3-7 are drawn)
constexpr CubeMesh kLinks4 = {{{0, 1, 1, 1, 1, 0, 0, 0},
                               {1, 0, 1, 1, 0, 1, 0, 0},
                               {1, 1, 0, 1, 0, 0, 1, 0},
                               {1, 1, 1, 0, 0, 0, 0, 1},
                               {1, 0, 0, 0, 0, 1, 1, 1},
                               {0, 1, 0, 0, 1, 0, 1, 1},
                               {0, 0, 1, 0, 1, 1, 0, 1},
                               {0, 0, 0, 1, 1, 1, 1, 0}}};
constexpr CubeMesh kLinks6 = {{{0, 1, 1, 2, 2, 0, 0, 0},
                               {1, 0, 2, 1, 0, 2, 0, 0},
                               {1, 2, 0, 2, 0, 0, 1, 0},
                               {2, 1, 2, 0, 0, 0, 0, 1},
                               {2, 0, 0, 0, 0, 1, 1, 2},
                               {0, 2, 0, 0, 1, 0, 2, 1},
                               {0, 0, 1, 0, 1, 2, 0, 2},
                               {0, 0, 0, 1, 2, 1, 2, 0}}};

std::string fits(const Interior&) { return ""; }

std::string needs_eight(const Interior& interior) {
  return interior.devices == kCube ? std::string()
                                   : cat("a hybrid cube mesh joins 8 devices, and the node has ", interior.devices);
}

/// All pairs a < b of n devices in order: (0,1), (0,2), ..., (1,2), ...
int number_of_pair(int n, int a, int b) { return a * (2 * n - a - 1) / 2 + b - a - 1; }
int pairs_of(int n) { return n * (n - 1) / 2; }

template <const CubeMesh& mesh>
Wiring cube_mesh(std::string name, std::string sentence) {
  return {.name = std::move(name),
          .sentence = std::move(sentence),
          .problem = needs_eight,
          .links_between = [](const Interior&, int a,
                              int b) { return mesh[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)]; },
          .pairs = [](const Interior&) { return pairs_of(kCube); },
          .number = [](const Interior&, int a, int b) { return number_of_pair(kCube, a, b); }};
}

Wiring all_pairs() {
  return {.name = "all_pairs",
          .sentence = "links_per_pair links between any two devices",
          .problem =
              [](const Interior& i) {
                return i.devices <= kMost ? std::string()
                                          : cat("all_pairs joins at most ", kMost, " devices, and the node has ", i.devices);
              },
          .links_between = [](const Interior& i, int, int) { return i.links_per_pair; },
          .pairs = [](const Interior& i) { return pairs_of(i.devices); },
          .number = [](const Interior& i, int a, int b) { return number_of_pair(i.devices, a, b); }};
}

Wiring bridges() {
  return {.name = "pairs",
          .sentence = "a bridge of links_per_pair links between devices 0 and 1, 2 and 3, ...",
          .problem = fits,
          .links_between = [](const Interior& i, int a, int b) { return a / 2 == b / 2 ? i.links_per_pair : 0; },
          .pairs = [](const Interior& i) { return i.devices / 2; },
          .number = [](const Interior&, int a, int) { return a / 2; }};
}

Wiring none() {
  return {.name = "none",
          .sentence = "no direct links; everything goes through PCIe",
          .problem = fits,
          .links_between = [](const Interior&, int, int) { return 0; },
          .pairs = [](const Interior&) { return 0; },
          .number = [](const Interior&, int, int) { return 0; }};
}

}  // namespace

const std::vector<Wiring>& wiring_table() {
  static const std::vector<Wiring> rows = {
      {.name = "switch",
       .sentence = "every device has a link to a switch that joins all with full bandwidth (NVSwitch)",
       .problem = fits,
       .links_between = nullptr,
       .pairs = nullptr,
       .number = nullptr},
      none(),
      all_pairs(),
      bridges(),
      cube_mesh<kLinks4>("cube_mesh_4", "hybrid cube mesh of 8 devices with 4 links each (DGX-1 with P100)"),
      cube_mesh<kLinks6>("cube_mesh_6", "hybrid cube mesh of 8 devices with 6 links each (DGX-1 with V100)")};
  return rows;
}

const Wiring& wiring(const std::string& name) {
  for (const Wiring& row : wiring_table())
    if (row.name == name) return row;
  std::vector<std::string> names;
  for (const Wiring& row : wiring_table()) names.push_back(row.name);
  throw_unknown_word("wiring", name, names);
}

}  // namespace convoy
