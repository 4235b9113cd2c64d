#include <memory>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/model_file.h"
#include "reference/io/model_options.h"
#include "reference/model/zoo.h"
#include "simulator/apps/output.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/model_table.h"

namespace convoy {
namespace {

struct Arguments {
  std::string name;
  int classes = 0;
  std::string image;
  int batch = 1;
  std::string dtype = "f32";
  std::vector<Option*> of_a_network = {};  ///< options that mean nothing without one
  Output output;
};

void run(const Arguments& options) {
  if (options.batch < 1) throw InputError(cat("--batch is ", options.batch, ", expected 1 or more images"));
  if (options.name.empty()) {
    for (const Option* option : options.of_a_network)
      if (option->count() > 0)
        throw InputError(
            cat(option->get_name(), " needs a network, for example 'convoy model lenet5'; without one all are listed"));
    options.output.text(zoo_table());
    options.output.json(zoo_json());
    return;
  }
  if (options.of_a_network.at(2)->count() > 0 && options.classes < 1)
    throw InputError(cat("--classes is ", options.classes, ", expected 1 or more"));
  const bool changed = options.classes != 0 || !options.image.empty();
  const Model model =
      changed ? make_model(options.name, model_options(options.classes, options.image)) : load_model(options.name).model;
  const DType dtype = parse_dtype(options.dtype);
  options.output.text(model_table(model, options.batch, dtype));
  options.output.json(model_json(model, options.batch, dtype));
}

}  // namespace

void add_model(Verb& app) {
  Verb* verb = add_verb(app, "model", "List the networks, or the layers of one: shapes, parameters, FLOPs, bytes.",
                        {"convoy model vgg16 --batch 32", "convoy model resnet20 --image 1x28x28", "convoy model"});
  const auto options = std::make_shared<Arguments>();
  verb->add_option("name", options->name, "Network, or an ONNX file; without it all are listed")->type_name("NAME|FILE.onnx");
  options->of_a_network = {
      verb->add_option("--batch,--batch-per-rank", options->batch, "Images")->capture_default_str()->type_name("N"),
      verb->add_option("--dtype", options->dtype, "Elements: f32 or f64")->capture_default_str()->type_name("TYPE"),
      verb->add_option("--classes", options->classes, "Classes to tell apart [as published]")->type_name("N"),
      verb->add_option("--image", options->image, "Channels, rows and columns of an image, such as 1x28x28 [as published]")
          ->type_name("CxHxW")};
  options->output.add_to(*verb);
  verb->callback([options] { run(*options); });
}

}  // namespace convoy
