#include <fmt/format.h>

#include <memory>
#include <string_view>

#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/report.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/simgrid_version.h"
#include "simulator/apps/verbs.h"
#include "simulator/platform/simgrid_file.h"

namespace convoy {
namespace {

struct ExportOptions {
  std::string cluster;
  int ranks = kDefaultRanks;
  std::string platform_file;
  std::string host_file;
};

/// Options of smpirun that make SMPI count as Convoy does: latency + bytes / bandwidth, nothing that is fitted to TCP, and times
/// that are not rounded to nanoseconds.
std::string smpirun_options() {
  const std::string precision = std::string_view(kSimGridVersion).starts_with("3.") ? "surf/precision" : "precision/timing";
  return cat("--cfg=network/model:CM02 --cfg=network/crosstraffic:0 --cfg=network/TCP-gamma:1e18 --cfg=", precision,
             ":1e-15 --cfg=smpi/simulate-computation:no --cfg=smpi/wtime:0 --log=root.thresh:warning");
}

void export_cluster(const ExportOptions& options) {
  if (options.ranks < 1) throw InputError(cat("--ranks is ", options.ranks, "; write 1 to ", kMostRanksInSimgridFile));
  const Cluster cluster = load_with_warnings(options.cluster);
  write_file_atomically(options.platform_file, to_simgrid_file(cluster, options.ranks));
  std::string text =
      fmt::format("{}: {} ranks of {}, with every route, for SimGrid\n", options.platform_file, options.ranks, cluster.name);
  if (!options.host_file.empty()) {
    write_file_atomically(options.host_file, to_simgrid_host_file(options.ranks));
    text += fmt::format(
        "{0}: a host for each rank\n\nAn MPI program, compiled with smpicxx:\n"
        "  smpirun -np {1} -platform {2} -hostfile {0} {3} ./program\n",
        options.host_file, options.ranks, options.platform_file, smpirun_options());
  }
  bool protocols = !cluster.link_protocols.ranges.empty() || !cluster.nic_protocols.ranges.empty();
  for (const Cluster& nodes : cluster.others)
    protocols = protocols || !nodes.link_protocols.ranges.empty() || !nodes.nic_protocols.ranges.empty();
  if (protocols)
    text += "\nNot in it: the protocols that the cluster states for smaller messages, since a link of SimGrid has none.\n";
  if (cluster.cores_per_node > 0) text += "\nNot in it: the cores that ranks of a node share; 'convoy simulate' charges them.\n";
  Output().text(text);
}

}  // namespace

void add_cluster_export(Verb& cluster_verb) {
  Verb* verb = add_verb(cluster_verb, "export", "Write a cluster as SimGrid's platform file, for smpirun and other programs.",
                        {"convoy cluster export dgx-v100 --ranks 16 --output platform.xml --hostfile hosts.txt"});
  const auto options = std::make_shared<ExportOptions>();
  verb->add_option("cluster", options->cluster, "File or name")->required()->type_name("FILE|NAME");
  verb->add_option("--ranks", options->ranks, fmt::format("How many of its devices; default {}", kDefaultRanks));
  add_result_file(*verb, "--output", options->platform_file, "The platform file (XML)")->required();
  add_result_file(*verb, "--hostfile", options->host_file, "smpirun's list of hosts, one for each rank");
  verb->callback([options] { export_cluster(*options); });
}

}  // namespace convoy
