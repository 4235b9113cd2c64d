// Why the times of a simulation may not hold: a profile of another machine or of other sizes, links measured with other messages.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/apps/simulation.h"

namespace convoy {
namespace {

/// A profile that is used on a cluster of its own, and one on the machine that it calls this one.
std::vector<std::string> doubts_about_machine(const ChosenMachine& machine) {
  const std::string& measured = machine.profile->machine;
  if (!machine.given_cluster) {
    const std::string here = this_host().cpu_model;
    if (here == measured) return {};
    return {fmt::format("the profile was measured on {}, this machine is {}; what is simulated is the former", measured, here)};
  }
  const Cluster& cluster = machine.cluster;
  if ((cluster.device.name + cluster.description).find(measured) != std::string::npos) return {};
  return {
      fmt::format("the profile was measured on {}, and cluster '{}' does not say that it is made of it", measured, cluster.name)};
}

/// The most images of a step of a rank: of those of an iteration, which may be several steps.
int images_of_step(const Schedule& schedule, const Program& program) {
  return (program.batch + steps_of_iteration(schedule) - 1) / steps_of_iteration(schedule);
}

/// Images of a rank between the fewest and the most that were measured are a straight line, others a guess.
std::vector<std::string> doubts_about_images(const Profile& profile, const Schedule& schedule, const ScheduleChoice& choice) {
  int fewest = 0;
  int most = 0;
  for (const ProfileEntry& entry : profile.entries) {
    if (entry.batch < 1) continue;
    fewest = fewest == 0 ? entry.batch : std::min(fewest, entry.batch);
    most = std::max(most, entry.batch);
  }
  std::vector<std::string> doubts;
  for (const Program& program : schedule.programs) {
    const int images = images_of_step(schedule, program);
    if (images == 0 || (images >= fewest && images <= most)) continue;
    const std::string range = fewest == most ? cat(most) : cat(fewest, " to ", most);
    doubts.push_back(
        fmt::format("the profile was measured with {} images a rank; times of {} are taken in proportion. "
                    "'{}' measures them",
                    range, images, measuring_command(choice)));
  }
  return doubts;
}

/// Of somebody else's times: what they lack, and batches that they were not measured with.
std::vector<std::string> doubts_about_layers(const LayerTimes& times, const Task& task) {
  std::vector<std::string> doubts;
  const std::vector<std::string> missing = layers_without_times(times, model_of(task.choice));
  if (!missing.empty())
    doubts.push_back(
        fmt::format("{} has no times for {} of {}{}; they are taken from {}", times.file,
                    fmt::join(missing.begin(), missing.begin() + std::min<std::ptrdiff_t>(4, std::ssize(missing)), ", "),
                    task.choice.model, missing.size() > 4 ? fmt::format(" and {} more", missing.size() - 4) : "",
                    task.machine.kernels ? "--cost kernels" : "the roofline"));
  int fewest = times.rows.front().batch, most = fewest;
  for (const LayerTime& row : times.rows) {
    fewest = std::min(fewest, row.batch);
    most = std::max(most, row.batch);
  }
  for (const Program& program : task.schedule.programs)
    if (const int images = images_of_step(task.schedule, program); images > 0 && (images < fewest || images > most))
      doubts.push_back(fmt::format("{} has times of {} images, a rank here has {}; they are scaled in proportion", times.file,
                                   fewest == most ? cat(most) : cat(fewest, " to ", most), images));
  return doubts;
}

}  // namespace

std::vector<std::string> doubts_about_profile(const Task& task) {
  if (task.machine.layers) return doubts_about_layers(*task.machine.layers, task);
  if (!task.machine.profile) return {};
  const Profile& profile = *task.machine.profile;
  const Cluster& cluster = task.machine.cluster;
  std::vector<std::string> doubts = doubts_about_machine(task.machine);
  const int together = std::min(task.choice.ranks, cluster.devices_per_node);
  if (together != profile.concurrent) {
    doubts.push_back(fmt::format(
        "the profile was measured with {} rank{} at once, here {} share a node; 'convoy profile --ranks {}' measures that",
        profile.concurrent, profile.concurrent == 1 ? "" : "s", together, together));
  }
  if (cluster.cores_per_node > 0 && cluster.cores_per_rank != profile.threads) {
    doubts.push_back(fmt::format("the profile was measured with {} thread{} a rank, a rank of cluster '{}' has {} core{}",
                                 profile.threads, profile.threads == 1 ? "" : "s", cluster.name, cluster.cores_per_rank,
                                 cluster.cores_per_rank == 1 ? "" : "s"));
  }
  const std::vector<std::string> of_images = doubts_about_images(profile, task.schedule, task.choice);
  doubts.insert(doubts.end(), of_images.begin(), of_images.end());
  return doubts;
}

std::vector<std::string> doubts_about_sizes(const Task& task) {
  const Cluster& cluster = task.machine.cluster;
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (const Program& program : task.schedule.programs)
    for (const Op& op : program.ops) {
      const auto* collective = std::get_if<Collective>(&op.action);
      if (collective == nullptr || collective->region.slice.count == 0) continue;
      const int members = task.schedule.mesh.axes[static_cast<std::size_t>(collective->axis)].extent;
      if (members < 2) continue;
      // A part of a ring; other algorithms send it or more.
      const double bytes =
          static_cast<double>(region_bytes(program, collective->region)) / members / collective->chunks / collective->channels;
      least = std::min(least, bytes);
      most = std::max(most, bytes);
    }
  std::vector<std::string> doubts;
  const auto look = [&](const char* what, const Protocols& protocols) {
    if (protocols.calibrated_to_bytes <= 0 || most == 0) return;
    if (least >= protocols.calibrated_from_bytes && most <= protocols.calibrated_to_bytes) return;
    doubts.push_back(fmt::format("{} of cluster '{}' were measured with messages of {} to {}; here collectives send {} to {}",
                                 what, cluster.name, format_bytes(protocols.calibrated_from_bytes),
                                 format_bytes(protocols.calibrated_to_bytes), format_bytes(least), format_bytes(most)));
  };
  look("links between devices", cluster.link_protocols);
  if (task.choice.ranks > cluster.devices_per_node) look("NICs", cluster.nic_protocols);
  return doubts;
}

}  // namespace convoy
