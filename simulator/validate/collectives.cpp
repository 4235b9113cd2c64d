#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/cost/library.h"
#include "simulator/validate/cells.h"
#include "simulator/validate/simulated.h"
#include "simulator/validate/validation.h"

namespace convoy {
namespace {

struct CollectiveRow {
  std::string op;
  int ranks = 0;
  Placing placing;
  double bytes = 0;
  Library library = Library::nccl;
  std::string force;
};

/// "allreduce", "all_reduce", "AllReduce", "all-reduce" and "MPI_Allreduce" are one.
std::string letters_of(const std::string& op) {
  std::string letters;
  for (const char c : lower_case(op))
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) letters += c;
  for (const char* library : {"mpi", "nccl", "osu"})
    if (letters.starts_with(library)) letters.erase(0, std::string_view(library).size());
  return letters;
}

bool is_message(const std::string& op) {
  const std::string letters = letters_of(op);
  return letters.starts_with("p2p") || letters.starts_with("pt2pt") || letters.starts_with("pointtopoint") ||
         letters.starts_with("sendrecv") || letters == "latency" || letters == "bw";
}

CollectiveKind kind_of(const std::string& op) {
  const std::string letters = letters_of(op);
  if (letters == "allreduce") return CollectiveKind::all_reduce;
  if (letters == "broadcast" || letters == "bcast") return CollectiveKind::broadcast;
  if (letters == "allgather") return CollectiveKind::all_gather;
  if (letters == "reducescatter") return CollectiveKind::reduce_scatter;
  if (letters == "reduce") return CollectiveKind::reduce;
  if (letters == "alltoall") return CollectiveKind::all_to_all;
  throw NotDone(cat("operation '", op, "'"));
}

Library library_of(const std::string& library, const std::string& buffer) {
  const std::string text = lower_case(library);
  if (contains_word(text, "nccl") || contains_word(text, "rccl")) return Library::nccl;
  if (contains_word(text, "mlsl") || contains_word(text, "oneccl")) return Library::mpi_servers;
  return contains_word(lower_case(buffer), "gpu") ? Library::mpi_gpu : Library::mpi_host;
}

std::string forced(const std::string& algorithm) {
  const std::string text = lower_case(algorithm);
  if (text.find("default") != std::string::npos) return "";
  if (text.find("tree") != std::string::npos && text.find("ring") == std::string::npos) return "tree";
  return text.find("ring") != std::string::npos ? "ring" : "";
}

/// NCCL before 2.4 has rings only; "NCCL 2.x" may be any.
bool has_trees(const std::string& library) {
  const int version = nccl_version(library);
  return version == 0 || version == 20000 ? library.find("NCCL 2.0") == std::string::npos : version >= 20400;
}

/// Ranks and nodes, as far as the row states them.
Placing placing_of(const CsvTable& table, std::size_t row, const Hardware& hardware, int ranks) {
  const bool stated = table.number(row, "nodes").has_value();
  const int per_node = table.number(row, "ranks_per_node") ? needed_count(table, row, "ranks_per_node")
                                                           : std::max(1, hardware.wiring.devices_per_node);
  Placing placing;
  // Nodes that are not stated are as many as the ranks fill.
  placing.nodes = stated ? needed_count(table, row, "nodes") : (ranks + per_node - 1) / std::max(1, per_node);
  if (placing.nodes < 1 || ranks % placing.nodes != 0)
    throw NotDone(cat(ranks, " ranks on ", placing.nodes, " nodes: not as many on each"));
  placing.ranks_per_node = ranks / placing.nodes;
  if (placing.ranks_per_node > std::max(1, hardware.wiring.devices_per_node) && hardware.wiring.devices_per_node > 1)
    throw NotDone(cat(placing.ranks_per_node, " ranks on nodes of ", hardware.wiring.devices_per_node));
  return placing;
}

/// The wiring between the ranks of the case, where its notes say more than the hardware does.
GpuWiring wiring_between(const Hardware& hardware, const std::string& words) {
  GpuWiring wiring = wiring_of(hardware, words);
  const std::string text = lower_case(words);
  if (text.find("p2p disabled") != std::string::npos || text.find("no_p2p") != std::string::npos) {
    wiring.peer_to_peer = false;
    wiring.interior = GpuInterior::pcie;
    wiring.nvlink_generation = 0;
  }
  return wiring;
}

/// The time of a row, which follows from a bandwidth where that alone is stated.
double measured_us(const CsvTable& table, std::size_t row, const std::string& op, int ranks, double bytes) {
  if (const auto time_us = table.number(row, "time_us")) return *time_us;
  if (const auto algbw = table.number(row, "algbw_GB_per_s"); algbw && *algbw > 0) return bytes / (*algbw * GB) / us;
  const auto busbw = table.number(row, "busbw_GB_per_s");
  if (!busbw || !(*busbw > 0)) throw NotDone("time_us not stated");
  return bus_bandwidth(is_message(op) ? CollectiveKind::broadcast : kind_of(op), bytes, 1.0, ranks) / (*busbw * GB) / us;
}

Prediction predict_row(const CsvTable& table, std::size_t row, const AllHardware& all, Fidelity fidelity) {
  Prediction prediction;
  prediction.unit = "us";
  const std::string op = table.text(row, "op");
  const int ranks = needed_count(table, row, "ranks");
  const double bytes = needed(table, row, "size_bytes");
  prediction.measured = measured_us(table, row, op, ranks, bytes);
  prediction.what = cat(op, ", ", ranks, " ranks, ", format_bytes(bytes));
  const Hardware& hardware = hardware_of(table, row, all);
  const std::string software = cat(table.text(row, "library"), " ", table.text(row, "algorithm"));
  const std::string words = cat(table.text(row, "case_id"), " ", software, " ", table.text(row, "notes"));
  if (words.find("fit") != std::string::npos && words.find("not raw") != std::string::npos)
    throw NotDone("a straight line, not a measurement");
  const GpuWiring wiring = wiring_between(hardware, words);
  const Library library = library_of(software, table.text(row, "buffer"));
  if ((library == Library::nccl || library == Library::mpi_gpu) && !hardware.missing.empty()) throw NotDone(hardware.missing);
  if (ranks < 1 || bytes < 0) throw NotDone(cat(ranks, " ranks, ", bytes, " bytes"));
  if (is_message(op)) {
    const int pairs = std::max(1, ranks / 2);
    const bool between = table.number(row, "nodes").value_or(1) > 1;
    if (between && wiring.fabric == FabricKind::none) throw NotDone("network not stated");
    const bool stream = op.find("stream") != std::string::npos;
    prediction.predicted = (stream ? stream_time_s : message_time_s)(library, bytes, between, pairs, wiring) / us;
    prediction.how = stream ? "stream of messages" : "one message";
    return prediction;
  }
  const Placing placing = placing_of(table, row, hardware, ranks);
  const bool guessed = !table.number(row, "nodes") && !table.number(row, "ranks_per_node");
  const Usage usage{.force = forced(table.text(row, "algorithm")),
                    .trees = has_trees(software),
                    .version = nccl_version(software),
                    .back_to_back = true};
  if (simulates_steps(fidelity)) {
    const SimulatedCollective what{kind_of(op), bytes, placing, library, 1, usage};
    prediction.predicted = simulated_collective_s(what, wiring, fidelity) / us;
    prediction.how = "messages on links, simulated";
    return prediction;
  }
  const LibraryTime time = library_time(library, kind_of(op), bytes, placing, wiring, usage);
  prediction.predicted = time.time_s / us;
  prediction.how = time.choice;
  if (guessed) prediction.how += cat(", nodes not stated: ", placing.nodes);
  return prediction;
}

}  // namespace

std::vector<Prediction> predict_collectives(const CsvTable& table, const AllHardware& hardware, Fidelity fidelity) {
  return each_row(table, "collectives",
                  [&](std::size_t row) { return std::vector{predict_row(table, row, hardware, fidelity)}; });
}

std::vector<Prediction> predict_contention(const CsvTable& table, const AllHardware& hardware, Fidelity fidelity) {
  return each_row(table, "network_contention", [&](std::size_t row) {
    Prediction prediction;
    prediction.unit = "us";
    const int nodes = needed_count(table, row, "nodes");
    const int jobs = needed_count(table, row, "concurrent_jobs");
    const double bytes = needed(table, row, "size_bytes");
    prediction.measured = needed(table, row, "time_us");
    prediction.what = cat(jobs, " jobs on ", nodes, " nodes, ", format_bytes(bytes));
    GpuWiring wiring = hardware_of(table, row, hardware).wiring;
    if (wiring.fabric == FabricKind::none) throw NotDone("network not stated");
    if (nodes < 1 || jobs < 1 || jobs > 64) throw NotDone(cat(jobs, " jobs on ", nodes, " nodes"));
    const CollectiveKind kind = kind_of(table.text(row, "op"));
    if (fidelity == Fidelity::formula) {
      // Every job has a ring of its own over the same NICs, which their flows share evenly.
      wiring.nic_bytes_per_s /= jobs;
      prediction.predicted = library_time(Library::mpi_host, kind, bytes, {nodes, 1}, wiring, {.force = "ring"}).time_s / us;
      prediction.how = cat("ring, a ", jobs, jobs == 1 ? "st" : "th", " of each NIC");
    } else {
      const SimulatedCollective what{kind, bytes, {nodes, 1}, Library::mpi_host, jobs};
      prediction.predicted =
          simulated_collective_s(what, wiring, fidelity == Fidelity::automatic ? Fidelity::flows : fidelity) / us;
      prediction.how = cat("rings of ", jobs, jobs == 1 ? " job" : " jobs", " on the same NICs, simulated");
    }
    return std::vector{prediction};
  });
}

}  // namespace convoy
