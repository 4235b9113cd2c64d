/// What lessons share: writing the values that a text quotes, and the answers of a check.
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>

#include "reference/core/error.h"

namespace convoy::lesson {

/// Prints, and writes what the text quotes to the file of --values, in the form that check_text/main.cpp describes.
class Values {
 public:
  Values() = default;
  explicit Values(const std::string& path) : path_(path), out_(path) {
    if (!out_) throw InputError(cat("cannot write '", path, "'"));
  }
  /// A value as the text shall show it. Returns it, to be printed as well.
  std::string value(const std::string& name, const std::string& text) {
    if (out_.is_open()) out_ << name << " " << text << "\n";
    return text;
  }
  /// Lines that the text shows as a block; printed too.
  void block(const std::string& name, const std::string& text) {
    const std::string lines = text.empty() || text.ends_with('\n') ? text : text + "\n";
    std::cout << lines << "\n" << std::flush;
    if (out_.is_open()) out_ << "[" << name << "]\n" << lines << "[/" << name << "]\n";
  }
  /// Throws InputError when not everything could be written.
  void finish() {
    if (!out_.is_open()) return;
    out_.close();
    if (!out_) throw InputError(cat("cannot write '", path_, "'"));
  }

 private:
  std::string path_;
  std::ofstream out_;
};

/// "61,706".
inline std::string with_commas(std::int64_t count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && digits[i - 1] != '-' && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

/// The main() of a lesson's program: reads --values FILE, runs, and turns errors into messages and exit codes.
inline int run(int argc, char** argv, const std::function<void(Values&)>& lesson) {
  try {
    if (argc != 1 && !(argc == 3 && argv[1] == std::string("--values")))
      throw InputError(cat("usage: ", argv[0], " [--values FILE]"));
    Values values = argc == 3 ? Values(argv[2]) : Values();
    lesson(values);
    values.finish();
    return 0;
  } catch (const InputError& error) {
    std::cerr << error.what() << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "this is a bug of ours: " << error.what() << "\n";
    return 1;
  }
}

/// What a check throws at the first thing that is wrong: a message that helps.
class NotYet : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The main() of a check: prints "passed", or what is not right yet.
inline int check(const std::function<void()>& work) {
  try {
    work();
    std::cout << "passed\n";
    return 0;
  } catch (const NotYet& message) {
    std::cout << "not yet: " << message.what() << "\n";
  } catch (const std::exception& error) {
    std::cout << "not yet: your code threw an exception: " << error.what() << "\n";
  }
  return 1;
}

}  // namespace convoy::lesson
