#include <memory>
#include <nlohmann/json.hpp>

#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/verbs.h"
#include "simulator/validate/report.h"

namespace convoy {
namespace {

struct ValidateOptions {
  std::string folder;
  std::string csv_file;
  std::string fidelity = "auto";
  bool points = false;
  Output output;
};

void run(const ValidateOptions& options) {
  const std::vector<Prediction> predictions = predict_all(read_tables(options.folder), parse_fidelity(options.fidelity));
  options.output.text(validation_text(predictions, options.points));
  if (!options.csv_file.empty()) write_file_atomically(options.csv_file, validation_csv(predictions));
  options.output.json(validation_json(predictions));
}

}  // namespace

void add_validate(Verb& app) {
  Verb* verb = add_verb(app, "validate",
                        "Predict published measurements and print predicted, measured and error; every row that cannot be "
                        "predicted is counted with the reason.",
                        {"convoy validate published/", "convoy validate published/ --points --csv errors.csv"});
  const auto options = std::make_shared<ValidateOptions>();
  verb->add_option("folder", options->folder, "A folder with hardware.csv and tables of measurements, see docs/validation.md")
      ->required()
      ->type_name("DIR");
  verb->add_option(
          "--fidelity", options->fidelity,
          "formula: closed forms. flows or steps: what has a schedule is simulated on links. auto: formulas, but jobs that "
          "share links are simulated")
      ->type_name("auto|steps|flows|formula");
  verb->add_flag("--points", options->points, "Print every row, not only cases");
  add_result_file(*verb, "--csv", options->csv_file, "Write every row as CSV");
  options->output.add_to(*verb);
  verb->callback([options] { run(*options); });
}

}  // namespace convoy
