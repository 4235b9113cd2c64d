/// parity_run: what tests/parity/parity.py calls.
///
///     parity_run layers FILE
///     parity_run network MODEL FOLDER BATCH
///     parity_run steps MODEL FOLDER BATCH STEPS LEARNING_RATE
#include <iostream>

#include "tests/parity/parity.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  try {
    if (words.size() == 2 && words[0] == "layers") {
      convoy::parity::write_layers(words[1]);
    } else if (words.size() == 4 && words[0] == "network") {
      convoy::parity::run_network({words[1], words[2], std::stoi(words[3])});
    } else if (words.size() == 6 && words[0] == "steps") {
      convoy::parity::run_steps({words[1], words[2], std::stoi(words[3])}, std::stoi(words[4]), std::stod(words[5]));
    } else {
      std::cerr << "usage: parity_run layers FILE | network MODEL FOLDER BATCH | steps MODEL FOLDER BATCH STEPS LEARNING_RATE\n";
      return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "parity_run: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
