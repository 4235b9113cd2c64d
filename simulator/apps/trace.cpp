#include "simulator/report/trace.h"

#include <array>
#include <memory>

#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/chrome_trace.h"
#include "simulator/report/trace_svg.h"

namespace convoy {
namespace {

struct TraceOptions {
  std::string file;
  std::string chrome_file;
  std::string svg_file;
  int step = -1;
};

void run(const TraceOptions& options, const Verb& verb) {
  if (options.chrome_file.empty() && options.svg_file.empty())
    throw InputError(
        cat("what shall become of ", options.file, "? Give --chrome FILE, for ui.perfetto.dev, or --svg FILE, a picture"));
  if (options.svg_file.empty()) refuse_typed(verb, {"--step"}, "without --svg, which draws one step");
  const std::string text = read_file(options.file);
  if (!options.chrome_file.empty()) {
    write_file_atomically(options.chrome_file, chrome_trace(parse_timeline(text, options.file)));
    note("wrote " + options.chrome_file);
  }
  if (!options.svg_file.empty()) {
    const std::array traces = {read_trace(text, options.file)};
    const int steps = static_cast<int>(traces[0].steps.size());
    if (options.step < -1 || options.step >= steps)
      throw InputError(
          cat("--step is ", options.step, ", and ", options.file, " has steps 0 to ", steps - 1, "; -1 is the last"));
    write_file_atomically(options.svg_file, trace_svg(traces, {.step = options.step}));
    note("wrote " + options.svg_file);
  }
}

}  // namespace

void add_trace(Verb& app) {
  Verb* verb = add_verb(app, "trace", "Turn the timeline of a run into a Chrome trace or a picture.",
                        {"convoy trace timeline.json --chrome trace.json", "convoy trace timeline.json --svg step.svg"});
  const auto options = std::make_shared<TraceOptions>();
  verb->add_option("file", options->file,
                   "A timeline, from 'convoy train --timeline' or 'convoy simulate --timeline'; --svg takes Chrome traces too")
      ->required()
      ->type_name("FILE");
  add_result_file(*verb, "--chrome", options->chrome_file, "Write it for chrome://tracing and ui.perfetto.dev");
  add_result_file(*verb, "--svg", options->svg_file, "Draw one step");
  verb->add_option("--step", options->step, "The step to draw, from 0; -1: the last")->capture_default_str()->type_name("N");
  verb->callback([options, verb] { run(*options, *verb); });
}

}  // namespace convoy
