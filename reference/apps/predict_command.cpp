#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include "reference/apps/commands.h"
#include "reference/apps/options.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/json_fields.h"
#include "reference/io/model_file.h"
#include "reference/io/weights_file.h"
#include "reference/model/zoo.h"
#include "reference/train/predict.h"

namespace convoy {
namespace {

struct PredictOptions {
  std::string weights;
  std::string model;
  std::vector<std::string> images;
  int top = 5;
  int threads = default_threads();
  std::string json;
};

/// The network whose weights are in the file.
Model model_of(const PredictOptions& options, const std::string& bytes) {
  if (!options.model.empty()) return load_model(options.model).model;
  const SafeTensors file = parse_safetensors(bytes_of(bytes), options.weights);
  const auto found = file.metadata.find("model");
  if (found == file.metadata.end())
    throw InputError(cat("'", options.weights, "' does not say of which network its weights are; add --model NAME"));
  return load_model(found->second).model;
}

/// The classes of one picture, most likely first.
std::vector<std::size_t> ranked(const std::vector<double>& probabilities, int count) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return probabilities[a] > probabilities[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  return order;
}

void run_predict(const PredictOptions& options) {
  require_at_least("--top", options.top, 1);
  require_thread_count(options.threads);
  require_writable(options.json);
  const std::string bytes = read_file(options.weights);
  const Model model = model_of(options, bytes);
  const WeightsFile file = parse_weights_file(bytes_of(bytes), options.weights, model);
  const InputFacts input = input_facts(file.metadata);
  std::vector<std::string> names;
  const Dataset pictures = open_pictures(options.images, model, input, names);
  const std::vector<std::vector<double>> all = predict(model, file.values, pictures, options.threads);
  const auto class_name = [&](std::size_t label) {
    return label < input.class_names.size() ? input.class_names[label] : cat("class ", label);
  };
  std::FILE* out = table_stream(options.json);
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < all.size(); ++i) {
    fmt::print(out, "{}\n", names[i]);
    nlohmann::ordered_json answers = nlohmann::ordered_json::array();
    for (const std::size_t label : ranked(all[i], options.top)) {
      fmt::print(out, "  {:>6.2f} %  {}\n", 100 * all[i][label], class_name(label));
      answers.push_back({{"class", label}, {"name", class_name(label)}, {"probability", all[i][label]}});
    }
    json.push_back({{"image", names[i]}, {"classes", answers}});
  }
  write_json(options.json, json_text(json, 2) + "\n");
}

}  // namespace

void add_predict_verb(Verb& app) {
  const std::string program = app.get_name();
  Verb* verb = add_verb(app, "predict", "Says what a trained network sees in pictures: the most likely classes.",
                            {program + " train --epochs 10 --save lenet5.safetensors",
                             program + " predict --weights lenet5.safetensors shirt.png photo.jpg t10k-images-idx3-ubyte"});
  const auto options = std::make_shared<PredictOptions>();
  verb->add_option("--weights", options->weights, "Weights or checkpoint, as 'train' writes them")->required()->type_name("FILE");
  verb->add_option("--model", options->model, "The network, where the file does not name it");
  verb->add_option("images", options->images, "JPEG, PNG or IDX files")->required()->type_name("FILE");
  verb->add_option("--top", options->top, "Classes that are shown")->capture_default_str();
  verb->add_option("--threads", options->threads, kThreadsHelp)->capture_default_str();
  verb->add_option("--json", options->json, "Write the result to this file; - is stdout")->type_name("FILE");
  verb->callback([options] { run_predict(*options); });
}

}  // namespace convoy
