#include "reference/io/cli.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "reference/core/error.h"
#include "reference/io/cli_help.h"
#include "reference/io/ignored_option.h"

namespace convoy {

Option* Option::type_name(const std::string& name) {
  option_->type_name(name);
  return this;
}
Option* Option::capture_default_str() {
  option_->capture_default_str();
  return this;
}
Option* Option::excludes(const Option* other) {
  option_->excludes(other->option_);
  return this;
}
Option* Option::excludes(const std::string& other) {
  option_->excludes(other);
  return this;
}
Option* Option::needs(const std::string& other) {
  option_->needs(other);
  return this;
}
Option* Option::one_of(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return this;
}
Option* Option::each(const std::function<void(const std::string&)>& look_at) {
  option_->each(look_at);
  return this;
}
Option* Option::repeatable() {
  option_->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return this;
}
Option* Option::delimiter(char character) {
  option_->delimiter(character);
  return this;
}
Option* Option::required() {
  option_->required();
  return this;
}
std::size_t Option::count() const { return option_->count(); }
std::vector<std::string> Option::results() const { return option_->results(); }
std::string Option::get_name() const { return option_->get_name(); }

Verb::Verb(const std::string& description, const std::string& name) : Verb(std::make_shared<CLI::App>(description, name)) {
  app_->formatter(std::make_shared<HelpFormatter>(help_width()));
}
Verb::Verb(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}
Verb::~Verb() = default;

Option* Verb::remember(CLI::Option* option) {
  if (!group_.empty() && !option->get_positional()) option->group(group_);
  return options_.emplace_back(std::make_unique<Option>(option)).get();
}

namespace {

template <class T>
constexpr bool kIsWide = std::is_same_v<T, std::int64_t> || std::is_same_v<T, std::optional<std::int64_t>>;

/// Whether a whole number as CLI11 reads it, "+17", "-17" or "0x11", fits 64 bits. True of what is no number at all.
bool fits_wide(const std::string& word) {
  std::string digits = word.starts_with('+') ? word.substr(1) : word;
  const std::size_t sign = digits.starts_with('-') ? 1 : 0;
  const bool hexadecimal = digits.compare(sign, 2, "0x") == 0 || digits.compare(sign, 2, "0X") == 0;
  if (hexadecimal) digits.erase(sign, 2);
  std::int64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  return read.ec != std::errc::result_out_of_range;
}

/// What CLI11 lets pass: it takes an empty word for 0 or for nothing typed, and a wide number that is too large for the largest.
void require_word(const CLI::Option& option, const std::string& word, bool is_wide) {
  if (word.empty()) throw InputError(cat(option.get_name(), " is ''; write a value, or leave it out"));
  if (is_wide && !fits_wide(word)) throw InputError(cat(option.get_name(), " is '", word, "'; expected a smaller number"));
}

}  // namespace

template <class T>
Option* Verb::add_option(const std::string& names, T& value, const std::string& description) {
  CLI::Option* option = app_->add_option(names, value, description);
  option->each([option](const std::string& word) { require_word(*option, word, kIsWide<T>); });
  return remember(option);
}
template Option* Verb::add_option(const std::string&, std::string&, const std::string&);
template Option* Verb::add_option(const std::string&, int&, const std::string&);
template Option* Verb::add_option(const std::string&, std::int64_t&, const std::string&);
template Option* Verb::add_option(const std::string&, double&, const std::string&);
template Option* Verb::add_option(const std::string&, std::optional<std::string>&, const std::string&);
template Option* Verb::add_option(const std::string&, std::optional<int>&, const std::string&);
template Option* Verb::add_option(const std::string&, std::optional<std::int64_t>&, const std::string&);
template Option* Verb::add_option(const std::string&, std::optional<double>&, const std::string&);
template Option* Verb::add_option(const std::string&, std::vector<int>&, const std::string&);
template Option* Verb::add_option(const std::string&, std::vector<std::string>&, const std::string&);

Option* Verb::add_flag(const std::string& names, bool& value, const std::string& description) {
  return remember(app_->add_flag(names, value, description));
}
void Verb::hide(const std::string& option) { app_->get_option(option)->group(""); }
void Verb::set_version_flag(const std::string& name, const std::string& version) { app_->set_version_flag(name, version); }
Verb* Verb::add_subcommand(const std::string& name, const std::string& description) {
  std::shared_ptr<CLI::App> verb(app_, app_->add_subcommand(name, description));  // lives in app_
  return verbs_.emplace_back(std::unique_ptr<Verb>(new Verb(std::move(verb)))).get();
}

void Verb::callback(const std::function<void()>& run) { app_->callback(run); }
bool Verb::got_subcommand(const std::string& name) const { return app_->got_subcommand(name); }
void Verb::footer(const std::string& text) { app_->footer(text); }
void Verb::require_subcommand(int least, int most) {
  app_->require_subcommand(static_cast<std::size_t>(least), static_cast<std::size_t>(most));
}
void Verb::allow_extras() { app_->allow_extras(); }
void Verb::prefix_command() { app_->prefix_command(); }
std::vector<std::string> Verb::remaining() const { return app_->remaining(); }

std::string Verb::get_name() const { return app_->get_name(); }
std::string Verb::help(int columns) const {
  const HelpFormatter formatter(static_cast<std::size_t>(columns));
  return formatter.make_help(app_.get(), app_->get_name(), CLI::AppFormatMode::Normal);
}
Verb* Verb::get_subcommand(const std::string& name) const {
  for (const std::unique_ptr<Verb>& verb : verbs_)
    if (verb->get_name() == name) return verb.get();
  throw std::invalid_argument(cat("[Verb::get_subcommand] no verb '", name, "'"));
}
std::vector<const Option*> Verb::get_options() const {
  std::vector<const Option*> all;
  for (const std::unique_ptr<Option>& option : options_) all.push_back(option.get());
  return all;
}
const Option* Verb::get_option_no_throw(const std::string& name) const {
  for (const std::unique_ptr<Option>& option : options_)
    if (option->option_->check_name(name)) return option.get();
  return nullptr;
}

void Verb::parse(const std::vector<std::string>& words) {
  std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 wants them
  try {
    app_->parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    throw CommandLineError(error.what());
  }
}

Verb* add_verb(Verb& program, const std::string& name, const std::string& summary, const std::vector<std::string>& examples) {
  std::string text = "Examples:\n";
  for (const std::string& example : examples) text += "  " + example + "\n";
  return program.add_subcommand(name, text + "\n" + summary);
}

std::string unknown_sentence(const std::string& what, const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest_word(word, known);
  return cat("unknown ", what, " '", word, "'", near.empty() ? "" : cat("; did you mean '", near, "'?"));
}

bool parse_on_off(const std::string& option, const std::string& word) {
  if (word != "on" && word != "off") throw_unknown_word(cat("value of ", option), word, {"on", "off"});
  return word == "on";
}

void refuse_typed(const Verb& verb, const std::vector<std::string>& options, const std::string& reason) {
  for (const std::string& option : options)
    if (const Option* found = verb.get_option_no_throw(option); found != nullptr && found->count() > 0)
      throw IgnoredOption(option, reason);
}

namespace {

/// All long options of a verb, with their dashes.
std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// The first word of a command line that the program does not know, as a sentence with the nearest known one; "" when all are
/// known.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* verb = &app;
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      const CLI::Option* option = verb->get_option_no_throw(name);
      if (option == nullptr) return unknown_sentence("option", name, option_names(*verb));
      if (name == word && option->get_items_expected_max() > 0) ++i;  // the next word is its value
      continue;
    }
    const std::vector<const CLI::App*> verbs = verb->get_subcommands([](const CLI::App*) { return true; });
    if (word.starts_with("-") || verbs.empty()) continue;
    const auto next =
        std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* candidate) { return candidate->get_name() == word; });
    if (next == verbs.end()) {
      std::vector<std::string> names;
      for (const CLI::App* candidate : verbs) names.push_back(candidate->get_name());
      return unknown_sentence("verb", word, names);
    }
    verb = *next;
  }
  return "";
}

/// The option that has a value its type does not take, in a verb or one of its verbs that was typed.
const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  if (const CLI::Option* option = app.get_option_no_throw(name)) return option;
  for (const CLI::App* verb : app.get_subcommands())
    if (const CLI::Option* option = option_named(*verb, name)) return option;
  return nullptr;
}

/// "--ranks is 'two'; expected a whole number", made from "Could not convert: --ranks = two"; other sentences stay as they are.
std::string conversion_sentence(const CLI::App& app, const std::string& sentence) {
  const std::string begin = "Could not convert: ";
  const std::size_t equals = sentence.find(" = ");
  if (!sentence.starts_with(begin) || equals == std::string::npos) return sentence;
  const std::string name = sentence.substr(begin.size(), equals - begin.size());
  const std::string value = sentence.substr(equals + 3);
  const CLI::Option* option = option_named(app, name);
  if (option != nullptr && option->get_type_name() == "FLOAT") return cat(name, " is '", value, "'; expected a number");
  const bool is_digits = !value.empty() && std::all_of(value.begin() + (value.front() == '-' ? 1 : 0), value.end(),
                                                       [](unsigned char c) { return std::isdigit(c) != 0; });
  return cat(name, " is '", value, "'; expected ", is_digits ? "a smaller number" : "a whole number");
}

}  // namespace

std::vector<std::string> with_help_option(std::vector<std::string> words) {
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.emplace_back("--help");
  return words;
}

void occupy_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) return;
}

void require_output_written() {
  errno = 0;
  std::cout.flush();
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout;
  if (!failed) return;
  throw OutputError(
      cat("cannot write the results to standard output", errno != 0 ? ": " : "", errno != 0 ? std::strerror(errno) : ""));
}

int run_cli(Verb& program, int argc, const char* const* argv) {
  CLI::App& app = *program.app_;
  const auto complain = [&](const std::string& message, int code) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message.c_str());
    return code;
  };
  const std::vector<std::string> words = with_help_option({argv + 1, argv + argc});
  occupy_standard_descriptors();
  try {
    try {
      app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // as CLI11 wants them
    } catch (const CLI::ParseError& error) {
      const bool help_of_nothing = !words.empty() && !words[0].starts_with("-") && !unknown_word(app, {words[0]}).empty();
      if (error.get_exit_code() != 0 || help_of_nothing) throw;
      app.exit(error);  // help or version
    }
    require_output_written();
    return 0;
  } catch (const CLI::ParseError& error) {
    const std::string unknown = unknown_word(app, words);
    return complain((unknown.empty() ? conversion_sentence(app, error.what()) : unknown) + "\nTry --help.", kExitInput);
  } catch (const InputError& error) {
    return complain(error.what(), kExitInput);
  } catch (const LimitError& error) {
    return complain(error.what(), kExitLimit);
  } catch (const OutputError& error) {
    return complain(error.what(), kExitInternal);
  } catch (const std::bad_alloc&) {
    return complain("not enough memory for this; use a smaller network, a smaller batch, fewer images or fewer ranks",
                    kExitInternal);
  } catch (const std::exception& error) {
    return complain(cat("internal error: ", error.what()), kExitInternal);
  }
}

}  // namespace convoy
