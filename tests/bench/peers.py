"""Compares training steps of Convoy with PyTorch's; scripts/bench-peers installs what it needs and runs it.

Both train the same network on the same number of synthetic images with the same number of threads. Every process is started
once and kept; steps are taken in turns, so that whatever else the machine does meets all of them. Ratios above 1: Convoy is faster.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BATCHES = {"lenet5": 64, "resnet20": 64, "resnet56": 64, "alexnet": 16, "vgg11": 4, "vgg16": 4, "vgg19": 4, "resnet18": 16,
           "resnet34": 16, "resnet50": 16, "googlenet": 16, "densenet121": 16, "squeezenet1_1": 16, "mobilenet_v1": 16,
           "mobilenet_v2": 16}
TABLE = ["lenet5", "resnet20", "alexnet", "vgg16", "resnet50"]
WAYS = ["contiguous", "channels_last", "contiguous+SkylakeX", "channels_last+SkylakeX"]


class Worker:
    """One process that takes steps when it is asked to."""

    def __init__(self, name, command, environment):
        self.name = name
        self.step_times, self.cpu_times = [], []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended with {self.process.wait()} before it answered")
        return json.loads(line)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.answer()

    def run(self, steps):
        times = self.ask(f"run {steps}")
        self.step_times += times["step_times_s"]
        self.cpu_times += times["cpu_times_s"]

    def median(self):
        return statistics.median(self.step_times)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def peers(network, batch, threads, ways):
    """PyTorch in the ways in which it might be fastest. OpenBLAS may not know the processor, hence the second pair."""
    for way in ways:
        layout, _, core = way.partition("+")
        name = layout + (f", OPENBLAS_CORETYPE={core}" if core else "")
        environment = {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
        environment.update({"OPENBLAS_CORETYPE": core} if core else {})
        yield Worker("PyTorch, " + name,
                     [sys.executable, os.path.join(HERE, "peer_step.py"), network, str(batch), str(threads), layout], environment)


def fastest_peer(network, batch, threads, ways, steps):
    best = None
    for worker in peers(network, batch, threads, ways):
        if len(ways) == 1:
            worker.run(1)
            best = worker
            break
        worker.run(1)
        worker.step_times, worker.cpu_times = [], []
        worker.run(steps)
        if best is None or min(worker.step_times) < min(best.step_times):
            best, worker = worker, best
        if worker is not None:
            worker.end()
    best.step_times, best.cpu_times = [], []
    return best


def steps_at_once(worker, seconds):
    worker.run(2)
    steps = max(1, round(seconds / max(1e-4, min(worker.step_times))))
    worker.step_times, worker.cpu_times = [], []
    return steps


def compare(network, batch, threads, options):
    command = [os.path.join(options.programs, "bench_training_step"), network, str(batch), str(threads)]
    ours = Worker("Convoy", command, {"OMP_NUM_THREADS": str(threads)})
    turn_s = options.seconds / options.rounds / 2
    our_steps = steps_at_once(ours, turn_s)
    peer = fastest_peer(network, batch, threads, options.ways, 2 if network in ("vgg16", "resnet50") else 4)
    peer_steps = steps_at_once(peer, turn_s)
    for _ in range(options.rounds):
        ours.run(our_steps)
        peer.run(peer_steps)
    our_memory, peer_memory = ours.ask("memory"), peer.ask("memory")
    ours.end()
    peer.end()
    cpu = [statistics.median(w.cpu_times) for w in (ours, peer)]
    return {"network": network, "batch": batch, "threads": threads,
            "ours_step_time_s": ours.median(), "peer_step_time_s": peer.median(), "ratio": peer.median() / ours.median(),
            "ours_fastest_step_s": min(ours.step_times), "peer_fastest_step_s": min(peer.step_times),
            "ours_cpu_time_s": cpu[0], "peer_cpu_time_s": cpu[1], "cpu_ratio": cpu[1] / cpu[0],
            "ours_steps": len(ours.step_times), "peer_steps": len(peer.step_times), "peer": peer.name,
            "ours_peak_memory_bytes": our_memory["peak_bytes"] - our_memory["baseline_bytes"],
            "peer_peak_memory_bytes": peer_memory["peak_bytes"] - peer_memory["baseline_bytes"],
            "ours_process_peak_bytes": our_memory["peak_bytes"], "peer_process_peak_bytes": peer_memory["peak_bytes"]}


def machine():
    name = "unknown processor"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers", description=__doc__.split("\n\n")[1])
    parser.add_argument("--networks", default=",".join(TABLE), help="names with commas between them; lenet5:128 sets a batch")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", metavar="FILE", help="write the rows to this file")
    parser.add_argument("--rounds", type=int, default=6, help="turns that each program takes")
    parser.add_argument("--seconds", type=float, default=12, help="for each network, about; every turn has a step at least")
    parser.add_argument("--ways", default=",".join(WAYS), help="of PyTorch, among which the fastest is looked for first: "
                        "a memory format, and behind + a value of OPENBLAS_CORETYPE; one way saves the search (default: %(default)s)")
    parser.add_argument("--programs", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.threads < 1 or options.rounds < 1 or not options.seconds > 0:
        parser.error("--threads, --rounds and --seconds must be positive")
    options.ways = options.ways.split(",")
    for way in options.ways:
        if way.partition("+")[0] not in ("contiguous", "channels_last"):
            parser.error(f"no way '{way}'; ways are {', '.join(WAYS)}")
    return options


def main():
    options = arguments()
    rows = []
    print(f"one training step, {options.threads} thread{'s' if options.threads > 1 else ''}, {machine()}")
    print(f"{'network':<14}{'batch':>6}{'Convoy':>12}{'PyTorch':>12}{'ratio':>7}{'CPU ratio':>11}{'memory':>17}  PyTorch's fastest way")
    for word in options.networks.split(","):
        network, _, batch = word.partition(":")
        if network not in BATCHES and not batch:
            sys.exit(f"scripts/bench-peers: no batch is known for '{network}'; write {network}:BATCH, or one of {', '.join(BATCHES)}")
        row = compare(network, int(batch or BATCHES[network]), options.threads, options)
        rows.append(row)
        memory = f"{row['ours_peak_memory_bytes'] / 2**20:.0f} / {row['peer_peak_memory_bytes'] / 2**20:.0f} MiB"
        print(f"{network:<14}{row['batch']:>6}{1e3 * row['ours_step_time_s']:>9.2f} ms{1e3 * row['peer_step_time_s']:>9.2f} ms"
              f"{row['ratio']:>7.2f}{row['cpu_ratio']:>11.2f}{memory:>17}  {row['peer'].removeprefix('PyTorch, ')}", flush=True)
    if options.json:
        document = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "command": " ".join(sys.argv), "rows": rows}
        with open(options.json + ".part", "w") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
        os.replace(options.json + ".part", options.json)


try:
    main()
except RuntimeError as error:
    sys.exit(f"scripts/bench-peers: {error}")
