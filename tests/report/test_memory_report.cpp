#include "simulator/report/memory_report.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/report/hand_made.h"

using namespace convoy;

namespace {

RankWithMostMemory needed() {
  Memory memory;
  memory.bytes_of_kind = {4000, 0, 4000, 0, 1500, 0, 0};  // weights, gradients, activations
  memory.peak_bytes = 9500;
  memory.arena_bytes = 10000;
  memory.peak_op = 1;
  return {.rank = 0, .memory = memory};
}

}  // namespace

TEST_CASE("memory by kind adds up to what a rank needs") {
  CHECK(memory_table(hand_made::schedule(), needed(), 16000) ==
        "memory of rank 0       bytes    share\n"
        "-------------------------------------\n"
        "weights                 4 kB   40.0 %\n"
        "gradients               4 kB   40.0 %\n"
        "activation            1.5 kB   15.0 %\n"
        "lost between buffers   500 B    5.0 %\n"
        "-------------------------------------\n"
        "needed                 10 kB  100.0 %\n"
        "most is alive at 'conv2.backward_weights'; that is 62.5 % of the device's 16 kB\n");
}

TEST_CASE("memory in JSON has bytes by kind, and null for a device of unknown size") {
  const auto json = memory_json(hand_made::schedule(), needed(), 0);
  CHECK(json.at("peak_bytes") == 9500);
  CHECK(json.at("arena_bytes") == 10000);
  CHECK(json.at("peak_op") == "conv2.backward_weights");
  CHECK(json.at("bytes_of_kind").at("gradients") == 4000);
  CHECK(json.at("device_bytes").is_null());
  CHECK(memory_json(hand_made::schedule(), needed(), 16000).at("device_bytes") == 16000);
}

TEST_CASE("the rank that needs most memory is found among classes") {
  Schedule schedule = hand_made::schedule();
  Program large = schedule.programs[0];
  large.buffers[0].shape.c = 5000;
  schedule.programs.push_back(large);
  schedule.class_of = {0, 1};
  CHECK(most_memory(schedule).rank == 1);
  schedule.class_of = {0, 0};
  CHECK(most_memory(schedule).rank == 0);
}
