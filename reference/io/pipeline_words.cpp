#include "reference/io/pipeline_words.h"

#include <algorithm>
#include <charconv>

#include "reference/core/error.h"
#include "reference/io/file.h"

namespace convoy {
namespace {

/// "my.txt:2:7: rank 1: F0 is there already, as entry 1".
std::string complaint_of(const PipelineFault& fault, const ParsedTable& parsed, const std::string& file) {
  const auto& row = parsed.where[static_cast<std::size_t>(fault.rank)];
  const auto place = static_cast<std::size_t>(fault.place);
  const std::string where = place < row.size() ? cat(row[place].first, ":", row[place].second) : cat(row.back().first);
  return cat(file, ":", where, ": rank ", fault.rank, ": ", fault.sentence);
}

void put_order_file(const std::string& file, const PipelineText& typed, Pipeline& pipeline) {
  const OrderFile order = read_order_file(file, typed);
  if (const std::size_t more = order.complaints.size(); more > 0)
    throw InputError(cat(order.complaints.front(),
                         more > 1 ? cat(" (and ", more - 1, " more; convoy schedule --grid shows them)") : ""));
  pipeline.order = kOwnOrder;
  pipeline.stages_per_rank = order.shape.stages_per_rank;
  pipeline.micro_batches = order.shape.micro_batches;
  pipeline.table.clear();
  for (const std::vector<PipelineAction>& row : order.table) pipeline.table.push_back(row_text(row, order.shape));
}

}  // namespace

bool is_order_file(const std::string& word) {
  return word.find('/') != std::string::npos || word.find('.') != std::string::npos;
}

OrderFile read_order_file(const std::string& file, const PipelineText& typed) {
  const ParsedTable parsed = parse_table(read_file(file), file);
  const auto ranks = static_cast<int>(parsed.table.size());
  OrderFile order{.table = parsed.table,
                  .shape = {ranks, std::max(1, (parsed.stages + ranks - 1) / ranks), parsed.micro_batches},
                  .complaints = {}};
  if (typed.stages_per_rank > 0) order.shape.stages_per_rank = typed.stages_per_rank;
  if (typed.micro_batches > 0) order.shape.micro_batches = typed.micro_batches;
  for (const PipelineFault& fault : check_table(order.table, order.shape))
    order.complaints.push_back(complaint_of(fault, parsed, file));
  return order;
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t first = text.find_first_not_of(' ', begin);
    if (first >= end) throw InputError(cat("'", text, "' has an empty word in it; write words with commas between them"));
    words.push_back(text.substr(first, text.find_last_not_of(' ', end - 1) + 1 - first));
    begin = end + 1;
    if (begin == text.size()) throw InputError(cat("'", text, "' ends with a comma; write words with commas between them"));
  }
  return words;
}

std::string join_list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

int parse_stage(const std::string& word) {
  int stage = 0;
  const char* end = word.data() + word.size();
  const auto [rest, status] = std::from_chars(word.data(), end, stage);
  if (status != std::errc{} || rest != end || stage < 0)
    throw InputError(cat("'", word, "' is no stage; write numbers from 0 on with commas between them, as in 0,1"));
  return stage;
}

void put(const PipelineText& typed, PipelineChoice& choice) {
  Pipeline& pipeline = choice.settings;
  if (typed.micro_batches > 0) pipeline.micro_batches = typed.micro_batches;
  if (typed.stages_per_rank > 0) pipeline.stages_per_rank = typed.stages_per_rank;
  if (is_order_file(typed.order)) {
    put_order_file(typed.order, typed, pipeline);
  } else if (!typed.order.empty()) {
    pipeline.order = pipeline_order(typed.order).name;
    pipeline.table.clear();
    if (pipeline.order == "interleaved" && typed.stages_per_rank == 0 && pipeline.stages_per_rank == 1) pipeline.stages_per_rank = 2;
  }
  if (!typed.stages.empty()) pipeline.cuts = split_list(typed.stages);
  if (typed.recompute.empty()) return;
  choice.recompute_all = typed.recompute == "all";
  pipeline.recompute.clear();
  if (typed.recompute == "all" || typed.recompute == "none") return;
  for (const std::string& word : split_list(typed.recompute)) pipeline.recompute.push_back(parse_stage(word));
}

std::string to_words(const PipelineChoice& choice) {
  const PipelineChoice standard;
  const Pipeline& settings = choice.settings;
  std::vector<std::string> recompute;
  for (const int stage : settings.recompute) recompute.push_back(cat(stage));
  std::string words;
  if (choice.ranks > 1) words += cat(" --pipeline ", choice.ranks);
  if (settings.micro_batches > 0) words += cat(" --micro-batches ", settings.micro_batches);
  if (settings.order != standard.settings.order) words += cat(" --order ", settings.order == kOwnOrder ? "FILE.txt" : settings.order);
  if (settings.stages_per_rank > 1) words += cat(" --stages-per-rank ", settings.stages_per_rank);
  if (!settings.cuts.empty()) words += cat(" --stages ", join_list(settings.cuts));
  if (choice.recompute_all || !recompute.empty())
    words += cat(" --recompute ", choice.recompute_all ? "all" : join_list(recompute));
  return words;
}

Pipeline settings_of(const PipelineChoice& choice, const Pipeline& standard, int ranks) {
  Pipeline pipeline = choice.settings;
  if (pipeline.micro_batches == 0) pipeline.micro_batches = standard.micro_batches;
  if (!choice.recompute_all) return pipeline;
  pipeline.recompute.clear();
  for (int stage = 0; stage < ranks * pipeline.stages_per_rank; ++stage) pipeline.recompute.push_back(stage);
  return pipeline;
}

}  // namespace convoy
