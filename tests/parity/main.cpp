/// parity_run: what tests/parity/parity.py calls.
///
///     parity_run layers FILE
///     parity_run network naive|fast MODEL FOLDER BATCH
///     parity_run steps naive|fast MODEL FOLDER BATCH STEPS LEARNING_RATE
///     parity_run onnx FILE FOLDER BATCH
#include <iostream>

#include "tests/parity/parity.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 2 && words[0] == "layers") {
      convoy::parity::write_layers(words[1]);
    } else if (words.size() == 5 && words[0] == "network") {
      convoy::parity::run_network({words[2], words[3], std::stoi(words[4])}, words[1] == "fast");
    } else if (words.size() == 7 && words[0] == "steps") {
      convoy::parity::run_steps({words[2], words[3], std::stoi(words[4])}, std::stoi(words[5]), std::stod(words[6]),
                                words[1] == "fast");
    } else if (words.size() == 4 && words[0] == "onnx") {
      convoy::parity::run_onnx({words[1], words[2], std::stoi(words[3])});
    } else {
      std::cerr << "usage: see the top of tests/parity/main.cpp\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "parity_run: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
