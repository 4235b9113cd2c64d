#include "reference/apps/session.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "reference/core/error.h"
#include "reference/io/cli.h"

#ifdef CONVOY_MPI_LAUNCHER
#include "reference/exec/mpi/run_on_mpi.h"
#include "reference/exec/mpi/simulated.h"
#include "reference/exec/mpi/supervisor.h"
#endif

namespace convoy {
namespace {

#ifdef CONVOY_MPI_LAUNCHER

bool typed_mpi(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--transport=mpi" || (word == "--transport" && i + 1 < argc && std::string_view(argv[i + 1]) == "mpi"))
      return true;
  }
  return false;
}

void delete_world(MpiWorld* world) { delete world; }

#else

void delete_world(MpiWorld*) {}

#endif

}  // namespace

#ifdef CONVOY_MPI_LAUNCHER

Session::Session(int& argc, char**& argv) : world_(nullptr, delete_world) {
  if (!mpi_is_simulated()) {
    if (!typed_mpi(argc, argv)) return;
    supervise_rank();
  }
  world_.reset(new MpiWorld(&argc, &argv));
  if (!is_root()) mute();
}

bool Session::is_root() const { return !world_ || world_->rank() == 0; }

int Session::end(int exit_code) {
  std::fflush(nullptr);
  if (!world_) return exit_code;
  if (exit_code != 0 && !all_know_) world_->abort(exit_code);
  world_.reset();
  return exit_code;
}

void Session::require_none(const Failure& mine) {
  const std::vector<std::string> all = world_->all_texts(mine.exit_code == 0 ? "" : cat(mine.exit_code, mine.message));
  for (std::size_t r = 0; r < all.size(); ++r) {
    if (all[r].empty()) continue;
    all_know_ = true;
    mute();
    const std::string message = (r == 0 ? "" : cat("rank ", r, ": ")) + all[r].substr(1);
    if (all[r][0] == '0' + kExitInput) throw InputError(message);
    if (all[r][0] == '0' + kExitLimit) throw LimitError(message);
    throw std::runtime_error(message);
  }
  all_know_ = false;
  unmute_errors();
}

Transport Session::mpi_transport(MpiWorld& world, bool library) const {
  const CollectivesBy by = library ? CollectivesBy::library : CollectivesBy::ours;
  Transport transport{.name = mpi_is_simulated() ? "smpi" : "mpi",
                      .collectives = std::string(to_string(by)),
                      .world_size = world.size(),
                      .ranks = {world.rank()}};
  transport.topology = {.ranks_per_node = world.ranks_per_host(), .in_node = kProcessesLink, .between_nodes = kHostsLink};
  // Every process throws these InputErrors, so one of them says it.
  const auto said_once = [this](const auto& call) {
    try {
      return call();
    } catch (const InputError&) {
      all_know_ = true;
      mute();
      throw;
    }
  };
  transport.run = [&world, by, said_once](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories,
                                          const ComputeFn& compute, const RunOptions& options) {
    return said_once(
        [&] { return run_on_mpi(world, schedule, iterations, memories.at(0), compute, {.run = options, .collectives = by}); });
  };
  if (mpi_is_simulated()) {
    transport.topology = simulated_mpi_topology();
    transport.now_s = simulated_mpi_now_s;
  }
  transport.sum = [&world](const std::vector<double>& mine) { return world.sum(mine); };
  transport.to_root = [&world](int rank, std::vector<double> values) { return world.to_root(rank, std::move(values)); };
  transport.require_agreement = [&world, said_once](const std::string& what, const std::string& text) {
    said_once([&] { world.require_agreement(what, text); });
  };
  transport.first = [this, &world, library](int count) -> std::shared_ptr<const Transport> {
    std::optional<MpiWorld> part = world.first(count);
    if (!part) return nullptr;
    const auto kept = std::make_shared<MpiWorld>(std::move(*part));
    return {new Transport(mpi_transport(*kept, library)), [kept](const Transport* made) { delete made; }};
  };
  return transport;
}

MpiFacts mpi_facts() { return {mpi_library(), CONVOY_MPI_LAUNCHER}; }

void Session::announce(const Model& model, const std::string& precision) const {
  announce_to_simulated_mpi(model, precision);
}

namespace {

bool is_simulated() { return mpi_is_simulated(); }

}  // namespace

#else

Session::Session(int&, char**&) : world_(nullptr, delete_world) {}
bool Session::is_root() const { return true; }
int Session::end(int exit_code) { return exit_code; }
void Session::require_none(const Failure&) {}
MpiFacts mpi_facts() { return {}; }
void Session::announce(const Model&, const std::string&) const {}

namespace {

bool is_simulated() { return false; }

}  // namespace

#endif

Session::~Session() = default;

int Session::ranks(const TransportOptions& options) const {
  if (options.transport == "threads") return options.ranks.value_or(kDefaultRanks);
  if (options.transport == "smpi" && !is_simulated())
    throw InputError("--transport smpi is of another program, convoy-train-smpi, which 'convoy train' starts");
  if (options.transport != "mpi" && options.transport != "smpi")
    throw_unknown_word("transport", options.transport, {"threads", "mpi", "smpi"});
#ifdef CONVOY_MPI_LAUNCHER
  const int started = world_->size();
  if (options.ranks && *options.ranks != started && *options.ranks >= 1)
    throw InputError(cat("--ranks is ", *options.ranks, ", but MPI started ", started, started == 1 ? " process" : " processes",
                         "; leave --ranks out, or start as many: ", CONVOY_MPI_LAUNCHER, " -n ", *options.ranks,
                         " convoy-train ... (convoy train does that by itself)"));
  return options.ranks.value_or(started);
#else
  throw InputError(
      "this convoy-train was built without MPI; install mpich and libmpich-dev (scripts/install-dependencies does), configure "
      "and build again, or use --transport threads");
#endif
}

Transport Session::transport(const TransportOptions& options) const {
  const int count = ranks(options);
#ifdef CONVOY_MPI_LAUNCHER
  const CollectivesBy by = parse_collectives_by(options.collectives);
  if (is_simulated() && by == CollectivesBy::library)
    throw InputError(
        "--collectives library hands them to MPI, and the calls of a simulated one take other times than any real one's; "
        "leave it out");
  if (world_ && options.transport != "threads") return mpi_transport(*world_, by == CollectivesBy::library);
  if (by == CollectivesBy::library) throw InputError("--collectives library hands them to MPI, so it takes --transport mpi");
#else
  if (options.collectives != "ours")
    throw InputError("--collectives library hands them to MPI, and this convoy-train was built without it");
#endif
  return threads_transport(count);
}

Session::Failure Session::caught() {
  try {
    throw;
  } catch (const InputError& error) {
    return {kExitInput, error.what()};
  } catch (const LimitError& error) {
    return {kExitLimit, error.what()};
  } catch (const std::exception& error) {
    return {kExitInternal, error.what()};
  }
}

void Session::mute() const {
  if (is_root() || is_simulated()) return;  // simulated ranks share a process, which see to it that one of them speaks
  std::fflush(nullptr);
  if (errors_ < 0) errors_ = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  close(nowhere);
}

void Session::unmute_errors() {
  std::fflush(nullptr);
  if (errors_ >= 0) dup2(errors_, STDERR_FILENO);
}

}  // namespace convoy
