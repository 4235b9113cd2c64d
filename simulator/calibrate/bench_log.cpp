#include "simulator/calibrate/bench_log.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "reference/core/error.h"
#include "reference/io/csv.h"

namespace convoy {
namespace {

// What lies outside is a slip, and its squares no numbers any more.
constexpr double kMostBytes = 0x1p60;
constexpr double kLeastTime_s = 1e-12;
constexpr double kMostTime_s = 1e9;

struct Word {
  std::string text;
  int column = 0;  ///< from 1
};

std::vector<Word> words_of(const std::string& line) {
  std::vector<Word> words;
  for (std::size_t i = 0; i < line.size();) {
    if (std::isspace(static_cast<unsigned char>(line[i])) != 0) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < line.size() && std::isspace(static_cast<unsigned char>(line[end])) == 0) ++end;
    words.push_back({line.substr(i, end - i), static_cast<int>(i) + 1});
    i = end;
  }
  return words;
}

bool is_number(const std::string& text) { return parse_number(text).has_value(); }

/// Blanks where a launcher put the rank a line is from: "[1,0]<stdout>:" or "3: ".
std::string without_tag(std::string line) {
  std::size_t end = 0;
  if (line.starts_with('[')) {
    const std::size_t close = line.find(">:");
    if (close != std::string::npos && close < 24) end = close + 2;
  } else {
    std::size_t i = 0;
    while (i < line.size() && std::isspace(static_cast<unsigned char>(line[i])) != 0) ++i;
    const std::size_t digits = i;
    while (i < line.size() && std::isdigit(static_cast<unsigned char>(line[i])) != 0) ++i;
    if (i > digits && i < line.size() && line[i] == ':' && (i + 1 == line.size() || line[i + 1] == ' ')) end = i + 1;
  }
  std::fill_n(line.begin(), static_cast<std::ptrdiff_t>(end), ' ');
  return line;
}

class LogReader {
 public:
  LogReader(const std::string& text, const std::string& file) : text_(text) { log_.file = file; }

  BenchLog read() {
    for (std::size_t from = 0; from < text_.size();) {
      const std::size_t end = std::min(text_.find('\n', from), text_.size());
      ++line_;
      std::string line = text_.substr(from, end - from);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      take(without_tag(line));
      from = end + 1;
    }
    if (log_.points.empty())
      throw InputError(cat(log_.file,
                           ", line 1, column 1: there is no table of nccl-tests or OSU here; give the output of "
                           "all_reduce_perf or osu_allreduce as it was printed"));
    if (log_.ranks == 0) log_.ranks = ranks_listed_;
    log_.nodes = static_cast<int>(hosts_listed_.size());
    if (!log_.kind) log_.kind = kind_by_bandwidths();
    return log_;
  }

 private:
  void take(const std::string& line) {
    const std::vector<Word> words = words_of(line);
    if (words.empty()) return;
    if (words.front().text.starts_with('#')) return header(line, words);
    title(line);
    if (time_ < 0 || !is_number(words.front().text)) return;
    // Other programs' lines may begin with a number; a row of the table has one at the second place of nccl-tests too.
    if (static_cast<int>(words.size()) <= time_ || !is_number(words[1].text)) return;
    row(words);
  }

  void title(const std::string& line) {
    static const std::vector<std::pair<std::string, CollectiveKind>> kNames = {
        {"all_reduce_perf", CollectiveKind::all_reduce},         {"all_gather_perf", CollectiveKind::all_gather},
        {"reduce_scatter_perf", CollectiveKind::reduce_scatter}, {"broadcast_perf", CollectiveKind::broadcast},
        {"alltoall_perf", CollectiveKind::all_to_all},           {"reduce_perf", CollectiveKind::reduce},
        {"OSU MPI Allreduce", CollectiveKind::all_reduce},       {"OSU MPI-CUDA Allreduce", CollectiveKind::all_reduce},
        {"OSU MPI Allgather", CollectiveKind::all_gather},       {"OSU MPI Broadcast", CollectiveKind::broadcast},
        {"OSU MPI-CUDA Broadcast", CollectiveKind::broadcast}};
    if (log_.kind) return;
    for (const auto& [name, kind] : kNames)
      if (line.find(name) != std::string::npos) log_.kind = kind;
  }

  void header(const std::string& line, std::vector<Word> words) {
    title(line);
    if (words.front().text == "#") words.erase(words.begin());
    if (words.empty()) return;
    if (words.front().text.starts_with('#')) words.front().text.erase(0, 1);
    const auto place = [&](std::string_view name) {
      const auto found = std::find_if(words.begin(), words.end(), [&](const Word& word) { return word.text == name; });
      return found == words.end() ? -1 : static_cast<int>(found - words.begin());
    };
    if (words.front().text == "Rank") {
      ++ranks_listed_;
      if (const int on = place("on"); on > 0 && on + 1 < static_cast<int>(words.size()))
        hosts_listed_.insert(words[static_cast<std::size_t>(on) + 1].text);
    } else if ((words.front().text == "size" || words.front().text == "bytes") && place("time") > 0) {
      log_.tool = "nccl-tests";
      time_ = place("time");
      algbw_ = place("algbw");
      busbw_ = place("busbw");
      unit_s_ = 1e-6;
    } else if (words.front().text == "(B)" && time_ > 0) {
      const auto unit =
          std::find_if(words.begin(), words.end(), [](const Word& w) { return w.text == "(us)" || w.text == "(ms)"; });
      if (unit != words.end()) unit_s_ = unit->text == "(ms)" ? 1e-3 : 1e-6;
    } else if (words.front().text == "Size" && line.find("Latency") != std::string::npos) {
      log_.tool = "OSU";
      time_ = 1;
      algbw_ = busbw_ = -1;
      unit_s_ = line.find("(ms)") != std::string::npos ? 1e-3 : 1e-6;
    }
  }

  void row(const std::vector<Word>& words) {
    const auto number = [&](int index, const char* what) {
      const Word& word = words.at(static_cast<std::size_t>(index));
      const auto value = parse_number(word.text);
      if (!value) fail(word, cat("'", word.text, "' stands where the ", what, " should be"));
      return *value;
    };
    const double bytes = number(0, "size");
    const double time_s = number(time_, "time") * unit_s_;
    const Word& time_word = words.at(static_cast<std::size_t>(time_));
    if (bytes < 0) fail(words.front(), "the size is negative");
    if (bytes > kMostBytes) fail(words.front(), cat("a message of ", words.front().text, " bytes is larger than any memory"));
    if (!(time_s > 0)) fail(time_word, cat("the time is ", time_word.text, "; it must be positive"));
    if (time_s < kLeastTime_s || time_s > kMostTime_s)
      fail(time_word, cat("the time is ", time_word.text, ", which is ", time_s, " s; no message takes that"));
    if (bytes == 0) return;
    if (!log_.points.empty() && bytes <= log_.points.back().bytes)
      fail(words.front(),
           cat("the size ", words.front().text, " is not larger than the one before; give one run of one benchmark"));
    if (algbw_ > 0 && algbw_ < static_cast<int>(words.size())) {
      const double algbw = number(algbw_, "bandwidth") * 1e9;
      // Bandwidths have two digits behind the point, so that 0.01 GB/s is the least that can be compared, to half of that.
      if (std::abs(bytes / time_s - algbw) > 0.0051e9 + 0.03 * algbw)
        fail(time_word, cat(words.front().text, " bytes in ", time_word.text, " are ", bytes / time_s / 1e9,
                            " GB/s, but algbw says ", algbw / 1e9, "; the units of the columns are not those of nccl-tests"));
      if (busbw_ > 0 && busbw_ < static_cast<int>(words.size()) && algbw > 1e9)
        ratio_ = number(busbw_, "bandwidth") * 1e9 / algbw;
    }
    log_.points.push_back({bytes, time_s, line_});
  }

  [[nodiscard]] std::optional<CollectiveKind> kind_by_bandwidths() const {
    const double n = log_.ranks;
    if (n < 3 || ratio_ == 0) return std::nullopt;
    if (std::abs(ratio_ - 2 * (n - 1) / n) < 0.02) return CollectiveKind::all_reduce;
    if (std::abs(ratio_ - (n - 1) / n) < 0.02) return CollectiveKind::all_gather;
    return std::nullopt;
  }

  [[noreturn]] void fail(const Word& word, const std::string& what) const {
    throw InputError(cat(log_.file, ", line ", line_, ", column ", word.column, ": ", what));
  }

  const std::string& text_;
  BenchLog log_;
  int line_ = 0;
  int time_ = -1;
  int algbw_ = -1;
  int busbw_ = -1;
  double unit_s_ = 1e-6;
  double ratio_ = 0;
  int ranks_listed_ = 0;
  std::set<std::string> hosts_listed_;
};

}  // namespace

BenchLog parse_bench_log(const std::string& text, const std::string& file_name) { return LogReader(text, file_name).read(); }

}  // namespace convoy
