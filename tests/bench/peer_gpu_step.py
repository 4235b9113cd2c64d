"""The steps that scripts/gpu-check has trained, in PyTorch on the same GPU: times, and how many times as long Convoy took.

    python3 peer_gpu_step.py training.json [cpu]

float32 without TF32, random images in the GPU's memory, forward, loss, backward and update with momentum; median of 20 after 5. With
cpu it runs on the processor, which says nothing about anything and is for trying this script where there is no GPU.
"""
import json
import os
import statistics
import sys
import time

import torch

from peer_step import network, torchvision


def timed_s(step, device):
    """Seconds of one call: between events of the GPU, or by the clock."""
    if device == "cpu":
        begin_s = time.perf_counter()
        step()
        return time.perf_counter() - begin_s
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    begin.record()
    step()
    end.record()
    end.synchronize()
    return begin.elapsed_time(end) * 1e-3


def step_time_s(name, batch, device):
    torch.manual_seed(1)
    model, image, classes = network(name)
    model = model.to(device).train()
    images = torch.randn(batch, *image, device=device)
    labels = torch.randint(classes, (batch,), device=device)
    loss_of = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()
        optimizer.step()

    times = [timed_s(step, device) for _ in range(25)]
    return statistics.median(times[5:])


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    device = sys.argv[2] if len(sys.argv) > 2 else "cuda"
    with open(sys.argv[1]) as file:
        runs = json.load(file)
    rows = []
    for run in runs:
        name = run["model"]
        if run["run"] is None or (torchvision is None and name not in ("lenet5", "resnet20")):
            print(f"{name}: not compared")
            continue
        ours = run["run"]["step_time_s"]
        theirs = step_time_s(name, run["batch"], device)
        rows.append({"model": name, "batch": run["batch"], "convoy_s": ours, "pytorch_s": theirs, "ratio": ours / theirs})
        print(f"{name}, {run['batch']} images: Convoy {1e3 * ours:.2f} ms, PyTorch {1e3 * theirs:.2f} ms, {ours / theirs:.2f} times as long")
    to = sys.argv[1].replace("training.json", "pytorch.json")
    with open(to + ".part", "w") as file:
        json.dump({"torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "rows": rows}, file, indent=2)
    os.replace(to + ".part", to)


if __name__ == "__main__":
    main()
