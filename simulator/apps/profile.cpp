#include "reference/io/profile.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/json_fields.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/ranks.h"
#include "simulator/apps/start.h"
#include "simulator/apps/verbs.h"

namespace convoy {
namespace {

struct ProfileOptions {
  std::string profile_file = "profile.json";
  std::string cluster_file = "this_machine.yaml";
  Output output;
};

std::string summary_of(const Profile& profile) {
  if (profile.device)
    return fmt::format("{}: {} times of {}\n{}/s in multiply-adds, {} copying, {} for a kernel that does nothing\n",
                       profile.machine, profile.entries.size(), profile.model, format_flops(profile.device->flops_per_s),
                       format_bandwidth(profile.device->bytes_per_s), format_time(profile.device->launch_s));
  std::string text =
      fmt::format("{}: {} times of {}, {} ranks at once, {} thread{} each\none core: {}/s, {} copying\n", profile.machine,
                  profile.entries.size(), profile.model, profile.concurrent, profile.threads, profile.threads == 1 ? "" : "s",
                  format_flops(profile.peak_flops_per_s), format_bandwidth(profile.memory_bandwidth_bytes_per_s));
  if (profile.transport) {
    text += fmt::format("messages by {}: {} and {}\n", profile.transport->name, format_time(profile.transport->latency_s),
                        format_bandwidth(profile.transport->bandwidth_bytes_per_s));
  }
  return text;
}

nlohmann::ordered_json profile_json(const Profile& profile) {
  auto json = ordered_json_or_nothing(to_json(profile));
  for (const char* group : {"entries", "transport", "device", "memory_bandwidth_bytes_per_s", "peak_flops_per_s"})
    if (json.contains(group)) json["provenance"][group] = "measured";
  return json;
}

/// Those of the words passed on that choose a plan and its batch: what simulating the same takes.
std::string plan_words_in(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i + 1 < words.size(); ++i)
    for (const char* option : {"--plan", "--inside", "--split", "--scheme", "--batch", "--batch-per-rank", "--pipeline",
                               "--micro-batches", "--order", "--stages", "--stages-per-rank", "--recompute"})
      if (words[i] == option) text += cat(" ", words[i], " ", words[i + 1]);
  return text;
}

void run(const ProfileOptions& options, const std::vector<std::string>& passed_on) {
  require_writable(options.profile_file);
  require_writable(options.cluster_file);
  std::vector<std::string> words = {"profile"};
  words.insert(words.end(), passed_on.begin(), passed_on.end());
  words.insert(words.end(), {"--json", "-"});
  const Command command = command_for(words);
  const Finished measured = run_and_read(command.program, command.arguments);
  if (measured.exit_code == kExitInput) throw InputError("convoy-train profile refused its options, see above");
  if (measured.exit_code != 0) throw std::runtime_error(cat("convoy-train profile ended with exit code ", measured.exit_code));

  const Profile profile = parse_profile(measured.output, "output of convoy-train profile");
  write_file_atomically(options.profile_file, to_json(profile));
  std::string text = summary_of(profile) + fmt::format("wrote {}\n", options.profile_file);
  if (profile.transport) {
    write_file_atomically(options.cluster_file, to_yaml(cluster_of(profile)));
    text +=
        fmt::format("wrote {}\n\nSimulate this machine:\n  convoy simulate --model {}{} --ranks {} --cluster {} --profile {}\n",
                    options.cluster_file, profile.model, plan_words_in(passed_on), profile.concurrent, options.cluster_file,
                    options.profile_file);
  } else if (profile.device) {
    text += fmt::format(
        "\nSimulate several of it in a cluster, of which 'convoy cluster' lists some:\n"
        "  convoy simulate --model {}{} --ranks 8 --cluster NAME --profile {}\n",
        profile.model, plan_words_in(passed_on), options.profile_file);
  } else {
    text += "one rank was measured, so nothing is known of messages and no cluster was written; --ranks 2 measures them\n";
  }
  options.output.text(text);
  options.output.json(profile_json(profile));
}

}  // namespace

void add_profile(Verb& app) {
  Verb* verb = add_verb(app, "profile", "Measure compute ops and messages on this machine, for simulations of it.",
                        {"convoy profile --model lenet5 --ranks 2 --batch-per-rank 32",
                         "convoy profile --model lenet5 --ranks 2 --profile-out lenet5.json --cluster-out here.yaml",
                         "convoy profile --backend cuda --model resnet50 --batch-per-rank 8,32"});
  const auto options = std::make_shared<ProfileOptions>();
  add_result_file(*verb, "--profile-out,--output", options->profile_file, "Where the measured times go, for --profile")
      ->capture_default_str();
  add_result_file(*verb, "--cluster-out", options->cluster_file, "Where this machine as a cluster goes, for --cluster")
      ->capture_default_str();
  options->output.add_to(*verb);
  verb->allow_extras();
  verb->footer("All other options are those of 'convoy-train profile', see its --help.");
  verb->callback([options, verb] { run(*options, verb->remaining()); });
}

}  // namespace convoy
