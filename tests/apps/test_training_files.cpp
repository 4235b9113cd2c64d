/// Runs that are killed and go on, and the files that training leaves.
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "reference/core/error.h"
#include "tests/apps/command.h"
#include "tests/catch.h"
#include "tests/data/picture_files.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// 60 steps an epoch, three epochs, learning rate and images varied from step to step.
constexpr const char* kRun =
    "train --data synthetic --samples 1200 --batch 20 --epochs 3 --schedule cosine --warm-up 0.5 --augment crop,flip ";

/// A CSV without its columns of time.
std::string without_times(const std::string& csv) {
  std::string out;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    for (int column = 0; column < 2; ++column) line.erase(line.rfind(','));
    out += line + "\n";
  }
  return out;
}

/// Runs convoy-train in the background and kills it so many milliseconds after it has written the checkpoint, which is not there
/// before, so that every killed run has moved on however fast the machine is. Whether it was killed and not at its end by then.
bool killed_after(const std::string& arguments, const std::string& checkpoint, int milliseconds) {
  REQUIRE_FALSE(std::filesystem::exists(command::path(checkpoint)));
  return command::run_line(cat("{ '", CONVOY_BIN_DIR, "/convoy-train' ", arguments,
                               " & pid=$!; while kill -0 $pid 2>/dev/null && [ ! -e ", checkpoint,
                               " ]; do sleep 0.001; done; sleep ", milliseconds / 1000.0, "; kill -9 $pid; wait $pid; }"))
             .exit_code == 128 + 9;
}

std::size_t unfinished_files() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(command::path("x")).parent_path()))
    count += contains(entry.path().string(), ".unfinished-") ? 1U : 0U;
  return count;
}

}  // namespace

TEST_CASE("a run that is killed again and again comes to the same bits as one that is not") {
  for (const char* ranks : {"--ranks 1 ", "--ranks 2 "}) {
    const std::string run = std::string(kRun) + ranks;
    const command::Result whole = command::run_train(run + "--save whole.safetensors --csv whole.csv");
    INFO(whole.err);
    REQUIRE(whole.exit_code == 0);
    std::filesystem::remove(command::path("c.safetensors"));
    std::filesystem::remove(command::path("from.safetensors"));
    const std::string kept = run + "--checkpoint c.safetensors --checkpoint-every 4 --csv killed.csv --save killed.safetensors ";
    const std::string resumed = kept + "--resume from.safetensors";
    int kills = 0;
    for (const int milliseconds : {0, 7, 2, 11, 4, 1, 3}) {
      if (!killed_after(kills == 0 ? kept : resumed, "c.safetensors", milliseconds)) {  // it was at its end before the blow
        std::filesystem::remove(command::path("c.safetensors"));
        continue;
      }
      ++kills;
      std::filesystem::rename(command::path("c.safetensors"), command::path("from.safetensors"));
    }
    REQUIRE(kills >= 1);
    const command::Result last = command::run_train(resumed);
    INFO(last.err);
    REQUIRE(last.exit_code == 0);
    CAPTURE(kills);
    CHECK(command::read("killed.safetensors") == command::read("whole.safetensors"));
    CHECK(without_times(command::read("killed.csv")) == without_times(command::read("whole.csv")));
    CHECK(unfinished_files() == 0);
  }
}

TEST_CASE("a stop between two steps: resumed on threads and on MPI, bit for bit") {
  const std::string run = "train --data synthetic --samples 300 --batch 30 --ranks 2 --schedule constant --momentum 0.8 ";
  REQUIRE(command::run(run + "--epochs 3 --save whole.safetensors --csv whole.csv").exit_code == 0);
  const bool mpi = nlohmann::json::parse(command::run_train("facts").out).at("mpi") == true;
  for (const std::string transport : {"", "--transport mpi "}) {
    if (!transport.empty() && !mpi) continue;
    REQUIRE(command::run(run + transport + "--epochs 1 --checkpoint one.safetensors").exit_code == 0);
    const command::Result result = command::run(run + transport +
                                                "--epochs 3 --resume one.safetensors --checkpoint one.safetensors "
                                                "--save three.safetensors --csv three.csv --curve three.svg --json three.json");
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(command::read("three.safetensors") == command::read("whole.safetensors"));
    CHECK(without_times(command::read("three.csv")) == without_times(command::read("whole.csv")));
    const nlohmann::json json = nlohmann::json::parse(command::read("three.json"));
    CHECK(json.at("train_loss_per_epoch").size() == 3);
    CHECK(json.at("test_loss_per_epoch").size() == 3);
    CHECK(contains(command::read("three.svg"), "</svg>"));
  }
}

TEST_CASE("files that cannot be gone on from are refused with a sentence, and stay as they were") {
  const std::string run = "train --data synthetic --samples 60 --batch 30 --ranks 1 --epochs 1 ";
  REQUIRE(command::run_train(run + "--checkpoint c.safetensors --save w.safetensors").exit_code == 0);
  const std::string whole = command::read("c.safetensors");
  const auto refused = [&](const std::string& arguments, const std::string& sentence) {
    const command::Result result = command::run_train(arguments);
    INFO(result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, sentence));
  };
  refused(run + "--resume nothing.safetensors", "nothing.safetensors");
  refused(run + "--resume w.safetensors", "is no checkpoint");
  refused(run + "--seed 2 --resume c.safetensors", "--seed 1, and this run has --seed 2");
  refused(run + "--checkpoint-every 3", "--checkpoint");
  refused(run + "--schedule slow", "constant, linear, step, cosine");
  refused(run + "--augment twist", "write none, crop, flip, or crop,flip");
  refused(run + "--nesterov on --momentum 0", "--momentum is 0");
  refused(run + "--warm-up 1", "leaves none of the 1 epochs");
  std::string changed = whole;
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 4);
  for (const std::string& damaged : {changed, whole.substr(0, whole.size() - 100)}) {
    command::write("c.safetensors", damaged);
    const command::Result result = command::run_train(run + "--resume c.safetensors --checkpoint c.safetensors --csv none.csv");
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, "'c.safetensors'"));
    CHECK(command::read("c.safetensors") == damaged);
    CHECK(command::read("none.csv").empty());
  }
}

TEST_CASE("threads come from OMP_NUM_THREADS unless they are typed") {
  const auto threads = [](const std::string& environment, const std::string& typed) {
    const command::Result result =
        command::run_line(cat(environment, " '", CONVOY_BIN_DIR,
                              "/convoy-train' train --data synthetic --samples 8 --batch 8 --ranks 1 ", typed, " --json -"));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out).at("threads").get<int>();
  };
  CHECK(threads("OMP_NUM_THREADS=2", "") == 2);
  CHECK(threads("OMP_NUM_THREADS=2,1", "") == 2);
  CHECK(threads("OMP_NUM_THREADS=2", "--threads 1") == 1);
  CHECK(threads("env -u OMP_NUM_THREADS", "") == 1);
}

TEST_CASE("label smoothing changes the loss by what it adds, and a run goes on only with its own") {
  const std::string run =
      "train --data synthetic --samples 64 --batch 32 --steps 1 --learning-rate 1e-12 --schedule constant --json - ";
  const auto loss = [&](const std::string& options) {
    const command::Result result = command::run_train(run + options);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return nlohmann::json::parse(result.out).at("train_loss_per_epoch").at(0).get<double>();
  };
  // (1 - s) times the loss, and s times the mean of -log y over all classes: equal to what s = 0 and s = 0.5 say of s = 0.25.
  const double without = loss(""), half = loss("--label-smoothing 0.5"), quarter = loss("--label-smoothing 0.25");
  CHECK(half != without);
  CHECK(std::abs(quarter - (without + half) / 2) <= 1e-5 * quarter);
  CHECK(loss("--label-smoothing 0") == without);

  const std::string kept = "--checkpoint smooth.safetensors ";
  (void)loss(kept + "--label-smoothing 0.1");
  const command::Result other = command::run_train(run + kept + "--epochs 2 --resume smooth.safetensors");
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "--label-smoothing"));
  const command::Result wrong = command::run_train(run + "--label-smoothing 1");
  CHECK(wrong.exit_code == 2);
  CHECK(contains(wrong.err, "--label-smoothing is 1; write 0 or more and less than 1"));
}

TEST_CASE("a network trained on a folder of pictures knows them again") {
  command::run_line("mkdir -p pictures/dark pictures/light");
  for (int i = 0; i < 15; ++i)
    for (const auto& [name, shade] : {std::pair("dark", 20 + 3 * i), std::pair("light", 190 + 3 * i)})
      command::write(cat("pictures/", name, "/", i, ".png"),
                     png_file(std::vector<unsigned char>(30 * 40, static_cast<unsigned char>(shade)), 30, 40, PNG_FORMAT_GRAY));
  const command::Result trained = command::run(
      "train --data pictures --ranks 2 --batch 8 --epochs 12 --learning-rate 0.02 --augment crop,flip --save shades.safetensors");
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  const command::Result result =
      command::run("predict --weights shades.safetensors pictures/dark/3.png pictures/light/4.png --json p.json");
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(command::read("p.json"));
  REQUIRE(json.size() == 2);
  CHECK(json[0].at("classes")[0].at("name") == "dark");
  CHECK(json[1].at("classes")[0].at("name") == "light");
  CHECK(json[0].at("classes").size() == 5);
  double sum = 0;
  for (const auto& answer : json[1].at("classes")) sum += answer.at("probability").get<double>();
  CHECK(sum > 0.9);
  CHECK(sum <= 1.00001);
  CHECK(contains(result.out, "pictures/light/4.png\n"));
  command::write("broken.png", "no picture");
  const command::Result broken = command::run("predict --weights shades.safetensors broken.png");
  CHECK(broken.exit_code == 2);
  CHECK(contains(broken.err, "'broken.png' is neither a JPEG nor a PNG file"));
  command::write("pictures/dark/3.png", "no picture");
  const command::Result during = command::run("train --data pictures --ranks 2 --batch 8 --epochs 1 --augment flip");
  CHECK(during.exit_code == 2);
  CHECK(contains(during.err, "3.png' is neither"));
}

TEST_CASE("time to accuracy: steps of real runs times the step of a cluster") {
  const std::string run = "train --data synthetic --samples 640 --batch 32 --epochs 2 --ranks 2 --evaluate-every 5 ";
  const command::Result data = command::run(run + "--json data.json");
  INFO(data.err);
  REQUIRE(data.exit_code == 0);
  CHECK(contains(data.out, "test accuracy first reached, of 8 evaluations"));
  REQUIRE(command::run(run + "--plan parameter_server --server-mode async --json async.json").exit_code == 0);
  const auto curve = nlohmann::json::parse(command::read("data.json")).at("accuracy_curve");
  REQUIRE(curve.size() == 8);
  const double reached = curve.at(3).at("test_accuracy"), never = 1;
  const command::Result both = command::run("accuracy data.json async.json --cluster flat-100gbit --accuracy " +
                                            std::to_string(reached) + "," + std::to_string(never) + " --json accuracy.json");
  INFO(both.err);
  REQUIRE(both.exit_code == 0);
  const auto rows = nlohmann::json::parse(command::read("accuracy.json")).at("runs");
  REQUIRE(rows.size() == 2);
  CHECK(rows.at(1).at("plan") == "parameter_server async");
  std::int64_t steps = 0;
  for (const auto& point : curve)
    if (steps == 0 && point.at("test_accuracy") >= std::stod(std::to_string(reached))) steps = point.at("steps");
  const auto& row = rows.at(0);
  CHECK(row.at("reached").at(0).at("steps") == steps);
  CHECK(row.at("reached").at(0).at("time_s").get<double>() ==
        Approx(static_cast<double>(steps) * row.at("step_time_s").get<double>()));
  // Two ranks of a ring send half of the gradients to each other, twice.
  CHECK(row.at("busiest_link").at("bytes_per_step").get<double>() == Approx(4.0 * 61706));
  const command::Result none = command::run("simulate --ranks 2 --cluster dgx-v100 --json simulated.json");
  REQUIRE(none.exit_code == 0);
  const command::Result refused = command::run("accuracy simulated.json --cluster flat-100gbit");
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "simulated.json"));
}
