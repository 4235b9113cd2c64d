/// The words that people type about a pipeline, as values and back.
#pragma once

#include <string>
#include <vector>

#include "reference/plans/pipeline.h"

namespace convoy {

/// "conv2,fc1" as its words, spaces around them left out; none of "". An InputError for an empty word between two commas.
std::vector<std::string> split_list(const std::string& text);
/// The inverse.
std::string join_list(const std::vector<std::string>& words);

/// The number of a stage, 0 or more. An InputError for another word.
int parse_stage(const std::string& word);

/// What was typed about a pipeline; "" and 0: nothing was.
struct PipelineText {
  int micro_batches = 0;
  std::string order = "";  ///< a name, or the file of an order
  int stages_per_rank = 0;
  std::string stages = "";     ///< nodes with which stages begin
  std::string recompute = "";  ///< "none", "all" or numbers of stages
};

/// Whether a word names the file of an order, and not one that comes with Convoy.
bool is_order_file(const std::string& word);
/// An order in a file, with as many stages and micro-batches as it has, unless others were typed.
struct OrderFile {
  PipelineTable table;
  PipelineShape shape;
  std::vector<std::string> complaints;  ///< what check_table() finds, with file, line and column
};
/// An InputError names file, line and column of what cannot be read.
OrderFile read_order_file(const std::string& file, const PipelineText& typed);

/// What a run chooses about its pipeline, before its mesh is known.
struct PipelineChoice {
  Pipeline settings{.micro_batches = 0};  ///< 0 micro-batches: as many as the plan takes by itself
  bool recompute_all = false;
  int ranks = 1;  ///< --plan hybrid: in a row of pipelines beside data and the inner axis
  friend bool operator==(const PipelineChoice&, const PipelineChoice&) = default;
};

/// Puts what was typed into the choice, over what is there. Reads the file of an order; an InputError names the option, or file, line
/// and column.
void put(const PipelineText& typed, PipelineChoice& choice);

/// What differs from what a pipeline is by itself, as it is typed: " --micro-batches 8 --order gpipe". An order of a file is FILE.txt,
/// since its name is not known any more.
std::string to_words(const PipelineChoice& choice);

/// The settings for a pipeline of so many ranks, where `standard` is what the plan takes by itself.
Pipeline settings_of(const PipelineChoice& choice, const Pipeline& standard, int ranks);

}  // namespace convoy
