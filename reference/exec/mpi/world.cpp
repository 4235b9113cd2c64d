#include "reference/exec/mpi/world.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <set>

#include "reference/core/error.h"
#include "reference/core/fnv1a.h"
#include "reference/exec/binding.h"
#include "reference/exec/mpi/waiting.h"
#include "reference/exec/mpi/world_impl.h"

namespace convoy {
namespace {

int initialized_level(int* argc, char*** argv) {
  int provided = MPI_THREAD_SINGLE;
  require_mpi(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  return provided;
}

/// Ranks on each host when every host has as many consecutive ones, else 0. `hosts`: the name of every rank's.
int like_hosts(const std::vector<std::string>& hosts) {
  const auto first = static_cast<std::size_t>(std::count(hosts.begin(), hosts.end(), hosts.front()));
  if (hosts.size() % first != 0) return 0;
  std::set<std::string> seen;
  for (std::size_t r = 0; r < hosts.size(); ++r) {
    const bool begins = r % first == 0;
    if (begins ? !seen.insert(hosts[r]).second : hosts[r] != hosts[r - 1]) return 0;
  }
  return static_cast<int>(first);
}

}  // namespace

void require_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> words{};
  int length = 0;
  if (MPI_Error_string(code, words.data(), &length) != MPI_SUCCESS) length = 0;
  throw std::runtime_error(cat(call, " failed: ", std::string(words.data(), static_cast<std::size_t>(length))));
}

void MpiWorld::Impl::prepare() {
  // Errors become exceptions; the default handler would end all ranks before ours have said which op it was.
  require_mpi(MPI_Comm_set_errhandler(control, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  require_mpi(MPI_Comm_rank(control, &rank), "MPI_Comm_rank");
  require_mpi(MPI_Comm_size(control, &size), "MPI_Comm_size");
  require_mpi(MPI_Comm_dup(control, &messages), "MPI_Comm_dup");
  processes.resize(static_cast<std::size_t>(size), 0);
  int* limit = nullptr;
  int found = 0;
  require_mpi(MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &limit, &found), "MPI_Comm_get_attr");
  if (found != 0) tag_limit = *limit;
}

void MpiWorld::Impl::wait(MPI_Request& request, const std::string& whom) const {
  if (simulated_mpi() != nullptr) return require_mpi(MPI_Wait(&request, MPI_STATUS_IGNORE), "MPI_Wait");
  BackOff back_off;
  const double start_s = steady_s();
  double looked_s = start_s;
  for (int done = 0;;) {
    require_mpi(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0) return;
    if (back_off.is_patient()) {
      const double now_s = steady_s();
      if (now_s - start_s > time_out_s) throw std::runtime_error(cat("rank ", rank, ": waited ", time_out_s, " s for ", whom));
      if (now_s - looked_s > BackOff::kLook_s) {
        looked_s = now_s;
        if (const int dead = first_dead(); dead >= 0)
          throw std::runtime_error(cat("rank ", rank, " waits for ", whom, ", but the process of rank ", dead, " has ended"));
      }
    }
    back_off.pause(crowded);
  }
}

bool MpiWorld::Impl::has_died(int other) const {
  const int process = processes.at(static_cast<std::size_t>(other));
  if (process == 0) return false;
  std::ifstream file(cat("/proc/", process, "/stat"));
  std::string line;
  if (!std::getline(file, line)) return true;
  const std::size_t state = line.rfind(") ") + 2;  // after the name of the program, which may hold anything
  return state < line.size() && (line[state] == 'Z' || line[state] == 'X');
}

int MpiWorld::Impl::first_dead() const {
  for (int r = 0; r < size; ++r)
    if (r != rank && has_died(r)) return r;
  return -1;
}

MPI_Comm MpiWorld::Impl::group(const Mesh& mesh, int axis, int stream) {
  std::vector<int> extents;
  for (const Axis& each : mesh.axes) extents.push_back(each.extent);
  const auto [found, is_new] = groups.try_emplace({extents, {axis, stream}}, MPI_COMM_NULL);
  if (is_new) {
    const int first = mesh.group(rank, axis).front();  // a number that the members of a group share and others do not
    require_mpi(MPI_Comm_split(control, first, mesh.coordinate(rank, axis), &found->second), "MPI_Comm_split");
  }
  return found->second;
}

void MpiWorld::Impl::send(int to, const void* data, std::size_t bytes) const {
  const auto* from = static_cast<const std::byte*>(data);
  constexpr std::size_t kPart = std::size_t{1} << 30;
  for (std::size_t at = 0; at < bytes; at += kPart) {
    MPI_Request request = MPI_REQUEST_NULL;
    const int count = static_cast<int>(std::min(kPart, bytes - at));
    require_mpi(MPI_Isend(from + at, count, MPI_BYTE, to, 0, control, &request), "MPI_Isend");
    wait(request, cat("rank ", to, " to receive"));
  }
}

void MpiWorld::Impl::receive(int from, void* data, std::size_t bytes) const {
  auto* to = static_cast<std::byte*>(data);
  constexpr std::size_t kPart = std::size_t{1} << 30;
  for (std::size_t at = 0; at < bytes; at += kPart) {
    MPI_Request request = MPI_REQUEST_NULL;
    const int count = static_cast<int>(std::min(kPart, bytes - at));
    require_mpi(MPI_Irecv(to + at, count, MPI_BYTE, from, 0, control, &request), "MPI_Irecv");
    wait(request, cat("rank ", from, " to send"));
  }
}

MpiWorld::MpiWorld(int* argc, char*** argv) : impl_(std::make_unique<Impl>()) {
  const int level = initialized_level(argc, argv);
  const SimulatedMpi* simulated = simulated_mpi();
  if (level < MPI_THREAD_FUNNELED && simulated == nullptr)
    throw std::runtime_error(cat("this MPI (", mpi_library(),
                                 ") grants only MPI_THREAD_SINGLE, and Convoy, which computes on threads of its own, needs "
                                 "MPI_THREAD_FUNNELED; use an MPI that was built with threads"));
  require_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  require_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &impl_->control), "MPI_Comm_dup");
  impl_->owns_mpi = true;
  impl_->prepare();
  std::array<char, MPI_MAX_PROCESSOR_NAME> name{};
  int length = 0;
  require_mpi(MPI_Get_processor_name(name.data(), &length), "MPI_Get_processor_name");
  const std::vector<std::string> hosts = all_texts(std::string(name.data(), static_cast<std::size_t>(length)));
  std::error_code unknown;
  const std::string numbering =
      std::filesystem::read_symlink("/proc/self/ns/pid", unknown).string();  // what process numbers mean
  const std::vector<std::string> processes = all_texts(cat(getpid(), ' ', numbering));
  impl_->local_size = 0;
  for (int r = 0; r < impl_->size; ++r) {
    const bool here = hosts[static_cast<std::size_t>(r)] == hosts[static_cast<std::size_t>(impl_->rank)];
    if (!here) impl_->spans_hosts = true;
    if (here && r < impl_->rank) ++impl_->local_rank;
    const std::string& process = processes[static_cast<std::size_t>(r)];
    const bool is_seen = here && !numbering.empty() && process.ends_with(' ' + numbering);
    if (is_seen) impl_->processes[static_cast<std::size_t>(r)] = std::stoi(process);
    if (here) ++impl_->local_size;
  }
  impl_->crowded = usable_core_count() < impl_->local_size;
  impl_->ranks_per_host = like_hosts(hosts);
}

MpiWorld::MpiWorld(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MpiWorld::MpiWorld(MpiWorld&&) noexcept = default;

MpiWorld::~MpiWorld() {
  if (impl_ == nullptr) return;
  if (impl_->broken || std::uncaught_exceptions() > 0) {
    if (impl_->owns_mpi) abort(1);
    return;  // the world that this one is part of will
  }
  for (auto& [key, group] : impl_->groups) MPI_Comm_free(&group);
  MPI_Comm_free(&impl_->messages);
  MPI_Comm_free(&impl_->control);
  if (impl_->owns_mpi) MPI_Finalize();
}

int MpiWorld::rank() const { return impl_->rank; }
int MpiWorld::size() const { return impl_->size; }
int MpiWorld::local_rank() const { return impl_->local_rank; }
int MpiWorld::local_size() const { return impl_->local_size; }
int MpiWorld::ranks_per_host() const { return impl_->ranks_per_host; }
bool MpiWorld::spans_hosts() const { return impl_->spans_hosts; }
void MpiWorld::set_time_out_s(double time_out_s) { impl_->time_out_s = time_out_s; }

void MpiWorld::require_agreement(const std::string& what, std::string_view text) {
  Fnv1a hash;
  hash.add(text);
  const std::uint64_t mine = hash.value();
  std::vector<std::uint64_t> all(static_cast<std::size_t>(size()));
  MPI_Request request = MPI_REQUEST_NULL;
  require_mpi(MPI_Iallgather(&mine, 1, MPI_UINT64_T, all.data(), 1, MPI_UINT64_T, impl_->control, &request), "MPI_Iallgather");
  impl_->wait(request, cat("all ranks to compare ", what));
  for (std::size_t r = 1; r < all.size(); ++r)
    if (all[r] != all[0])
      throw InputError(cat("rank ", r, " and rank 0 do not agree about ", what,
                           "; start the same convoy-train with the same options and data on every rank"));
}

std::vector<double> MpiWorld::sum(const std::vector<double>& mine) {
  const int count = static_cast<int>(mine.size());
  std::vector<double> all(mine.size() * static_cast<std::size_t>(size()));
  MPI_Request request = MPI_REQUEST_NULL;
  require_mpi(MPI_Iallgather(mine.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, impl_->control, &request),
              "MPI_Iallgather");
  impl_->wait(request, "all ranks to add up results");
  std::vector<double> sums(mine.size(), 0.0);
  for (std::size_t i = 0; i < all.size(); ++i) sums[i % mine.size()] += all[i];
  return sums;
}

std::vector<double> MpiWorld::to_root(int from, std::vector<double> values) {
  if (from == 0) return rank() == 0 ? std::move(values) : std::vector<double>{};
  std::uint64_t count = values.size();
  if (rank() == from) {
    impl_->send(0, &count, sizeof count);
    impl_->send(0, values.data(), count * sizeof(double));
  }
  if (rank() != 0) return {};
  impl_->receive(from, &count, sizeof count);
  values.resize(count);
  impl_->receive(from, values.data(), count * sizeof(double));
  return values;
}

std::vector<std::string> MpiWorld::all_texts(const std::string& mine) {
  constexpr std::size_t kLongest = 2000;
  std::vector<char> padded(kLongest, '\0');
  mine.copy(padded.data(), kLongest - 1);
  std::vector<char> all(kLongest * static_cast<std::size_t>(size()));
  MPI_Request request = MPI_REQUEST_NULL;
  require_mpi(MPI_Iallgather(padded.data(), kLongest, MPI_CHAR, all.data(), kLongest, MPI_CHAR, impl_->control, &request),
              "MPI_Iallgather");
  impl_->wait(request, "all ranks to say what they found");
  std::vector<std::string> texts;
  for (int r = 0; r < size(); ++r) texts.emplace_back(all.data() + static_cast<std::size_t>(r) * kLongest);
  return texts;
}

std::optional<MpiWorld> MpiWorld::first(int count) {
  require(count >= 1 && count <= size(), "MpiWorld::first", count, " ranks of ", size());
  MPI_Comm part = MPI_COMM_NULL;
  require_mpi(MPI_Comm_split(impl_->control, rank() < count ? 0 : MPI_UNDEFINED, rank(), &part), "MPI_Comm_split");
  if (part == MPI_COMM_NULL) return std::nullopt;
  auto inside = std::make_unique<Impl>();
  inside->control = part;
  inside->local_rank = impl_->local_rank;
  inside->local_size = impl_->local_size;
  inside->ranks_per_host = impl_->ranks_per_host;
  inside->processes.assign(impl_->processes.begin(), impl_->processes.begin() + count);
  inside->crowded = impl_->crowded;
  inside->spans_hosts = impl_->spans_hosts;
  inside->time_out_s = impl_->time_out_s;
  inside->prepare();
  return MpiWorld(std::move(inside));
}

void MpiWorld::abort(int exit_code) {
  std::fflush(nullptr);
  if (simulated_mpi() != nullptr) std::_Exit(exit_code);  // all ranks are in this process
  // Launchers end as soon as they hear of it, and what we said may still be in a pipe to them (seen with MPICH's).
  const timespec until_said{0, 200'000'000};
  nanosleep(&until_said, nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);  // should MPI come back
}

std::string mpi_library() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> words{};
  int length = 0;
  if (MPI_Get_library_version(words.data(), &length) != MPI_SUCCESS) return "MPI";
  std::string line(words.data(), static_cast<std::size_t>(length));
  line = line.substr(0, line.find_first_of(",\n"));
  for (char& c : line)
    if (c == '\t') c = ' ';
  return line;
}

}  // namespace convoy
