#include <algorithm>
#include <array>
#include <limits>

#include "simulator/cost/nccl_facts.h"

// Note [versions of NCCL]
// Every number here was read in src/graph/tuning.cc of the version that its row names: 2.8 (in the copy of
// github.com/microsoft/msccl, which adds an algorithm and changes none), 2.17.1 and 2.20.3 (github.com/NVIDIA/nccl, commits
// 5d3ab08b and b6475625) and 2.28.3 (a copy in github.com/zhanglin496/nccl-2.28.3-1). A version that was not read has the row of
// the one before it that was; before 2.8 that of 2.8.
//
// Up to 2.20 the hop of a tree with Simple contains the time of a chunk of 256 KiB. 2.8 has LL128's rate by collective (12.0 to
// 18.8 GB/s): that of all-reduce is taken. Generations that a version does not know have the figures of the newest that it knows.
//
// Not taken over: 0.85 for trees that reach the network from one GPU of a node only (since 2.20), POWER's hops, what fewer
// channels change.

namespace convoy::nccl {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();

constexpr Latencies kRing8 = {{3.6, 10.0, 8.4}, {{0.47, 1.9, 3.4}, {1.0, 2.5, 5.7}, {2.7, 4.0, 9.6}}, 1.8, 0.0};
constexpr Latencies kTree8 = {{4.4, 4.4, 0.0}, {{0.52, 1.25, 28.0}, {1.0, 1.9, 28.0}, {5.0, 8.5, 28.0}}, 1.8, 0.0};
constexpr Latencies kRing20 = {{6.6, 14.0, 8.4}, {{0.6, 1.9, 3.4}, {1.0, 2.5, 5.7}, {2.7, 4.0, 14.0}}, 1.0, 1.0};
constexpr Latencies kTree20 = {{6.8, 14.0, 0.0}, {{0.6, 1.25, 28.0}, {1.0, 1.9, 28.0}, {5.0, 8.5, 28.0}}, 1.0, 0.0};
constexpr Latencies kTree28 = {{6.8, 14.0, 8.4}, {{0.6, 1.25, 4.0}, {1.0, 1.9, 4.0}, {5.0, 8.5, 14.0}}, 1.0, 0.0};

using Parts = std::array<double, kTreeParts>;
constexpr Parts kLLParts = {1, 1, 1, 1, .9, .8, .7, .7, .7, .7, .6, .5, .4, .4, .5, .6, .7, .8, .9, 1, 1, 1, 1};
constexpr Parts kLL128Parts8 = {1, 1, 1, 1, 1, .9, .8, .8, .8, .7, .6, .6, .6, .5, .6, .6, .7, .7, .8, .9, .9, .92, .92};
constexpr Parts kLL128Parts17 = {1, 1, 1, 1, 1, .9, .8, .8, .8, .7, .6, .6, .6, .6, .6, .6, .8, .9, .9, .9, .9, 1, 1};
constexpr Parts kSimpleParts = {.9, .9, .9, .9, .9, .9, .9, .8, .7, .6, .6, .5, .5, .5, .5, .6, .7, .8, .7, .7, .8, .9, .9};

using ByGroup = std::array<double, 3>;
constexpr ByGroup kVoltaTree = {26.5, 18.5, 10.0};
constexpr ByGroup kAmpereTree = {24.0, 23.6, 17.8};
constexpr ByGroup kLike20 = {20.0, 20.0, 20.0};
constexpr ByGroup kLike17 = {16.9, 16.9, 16.9};
constexpr ByGroup kLike37 = {36.7, 36.7, 36.7};

constexpr std::array kVersions = {
    Constants{.since_version = 0,
              .ring = kRing8,
              .tree = kTree8,
              .ring_ll_part = 1.0 / 4,
              .ring_ll_part_alone = 1.0 / 3,
              .tree_part = {kLLParts, kLL128Parts8, kSimpleParts},
              .plateau = {1.9, 1.9, 1.9, 1.9},
              .plateau_by_channel = false,
              .more_far_steps = 0,
              .most_GBps = {kNone, 235, 235, 235},
              .ll_alone_GBps = {39.0, 87.7, 87.7, 87.7},
              .ll128_alone_part = 0.7,
              .ll128_tree_part = 0.915,
              .ll128_GBps = {kLike17, kLike17, kLike17, kLike17},
              .ll128_tree_GBps = {kLike17, kLike17, kLike17, kLike17},
              .tree_GBps = {kVoltaTree, {24.0, 22.5, 16.0}, {24.0, 22.5, 16.0}, {24.0, 22.5, 16.0}}},
    Constants{.since_version = 21700,
              .ring = kRing8,
              .tree = kTree8,
              .ring_ll_part = 1.0 / 4,
              .ring_ll_part_alone = 1.0 / 3,
              .tree_part = {kLLParts, kLL128Parts17, kSimpleParts},
              .plateau = {1.9, 1.9, 1.5, 1.5},
              .plateau_by_channel = false,
              .more_far_steps = 2,
              .most_GBps = {kNone, 235, 370, 370},
              .ll_alone_GBps = {39.0, 87.7, 87.7, 87.7},
              .ll128_alone_part = 0.7,
              .ll128_tree_part = 120.0 / 128,
              .ll128_GBps = {kLike20, kLike20, kLike37, kLike37},
              .ll128_tree_GBps = {kLike20, kLike20, kLike37, kLike37},
              .tree_GBps = {kVoltaTree, kAmpereTree, {38.7, 41.4, 33.0}, {38.7, 41.4, 33.0}}},
    Constants{.since_version = 22000,
              .ring = kRing20,
              .tree = kTree20,
              .ring_ll_part = 1.0 / 4,
              .ring_ll_part_alone = 1.0 / 3,
              .tree_part = {kLLParts, kLL128Parts17, kSimpleParts},
              .plateau = {1.9, 1.4, 1.4, 1.4},
              .plateau_by_channel = true,
              .more_far_steps = 2,
              .most_GBps = {kNone, kNone, kNone, kNone},
              .ll_alone_GBps = {39.0, 87.7, 87.7, 87.7},
              .ll128_alone_part = 0.7,
              .ll128_tree_part = 120.0 / 128,
              .ll128_GBps = {kLike20, kLike20, kLike37, kLike37},
              .ll128_tree_GBps = {kLike20, kLike20, {36.7, 36.7, 29.0}, {36.7, 36.7, 29.0}},
              .tree_GBps = {kVoltaTree, kAmpereTree, {38.7, 41.4, 36.0}, {38.7, 41.4, 36.0}}},
    Constants{.since_version = 22800,
              .ring = kRing20,
              .tree = kTree28,
              .ring_ll_part = 1.0 / 2,
              .ring_ll_part_alone = 1.0 / 2,
              .tree_part = {kLLParts, kLL128Parts17, kSimpleParts},
              .plateau = {1.9, 1.4, 1.4, 1.4},
              .plateau_by_channel = true,
              .more_far_steps = 0,
              .most_GBps = {kNone, kNone, kNone, kNone},
              .ll_alone_GBps = {39.0, 87.7, 141.0, 282.0},
              .ll128_alone_part = 0.92,
              .ll128_tree_part = 120.0 / 128,
              .ll128_GBps = {kLike20, kLike20, kLike37, {73.4, 73.4, 73.4}},
              .ll128_tree_GBps = {kLike20, kLike20, {36.7, 36.7, 29.0}, {55.6, 31.67, 20.0}},
              .tree_GBps = {kVoltaTree, kAmpereTree, {38.7, 41.4, 36.0}, {70.0, 42.8, 24.0}}}};

}  // namespace

const Constants& constants_of(int version) {
  if (version == 0) return kVersions.back();
  return *std::find_if(kVersions.rbegin(), kVersions.rend(), [&](const Constants& row) { return version >= row.since_version; });
}

}  // namespace convoy::nccl
