"""Trains a network in PyTorch on random images held in memory; the same conversation as bench_training_step.

    python3 peer_step.py NETWORK BATCH THREADS contiguous|channels_last

A step is forward, loss, backward and update with momentum, as there. scripts/bench-peers drives it.
"""
import json
import sys
import time


def status_bytes(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field + ":"):
                return 1024 * int(line.split()[1])
    return 0


def forget_peak():
    """What setting up took is no part of a step."""
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")


import torch
from torch import nn

try:
    import torchvision
except ImportError:
    torchvision = None


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(inplace=True), nn.Linear(120, 84), nn.ReLU(inplace=True), nn.Linear(84, 10))


class Block(nn.Module):
    """Residual block of the CIFAR networks; its shortcut is a 1x1 convolution where shapes change."""

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        return self.relu(y)


def cifar_resnet(blocks):
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    inputs = 16
    for stage in range(3):
        for block in range(blocks):
            channels = 16 << stage
            layers.append(Block(inputs, channels, 2 if stage > 0 and block == 0 else 1))
            inputs = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def mobilenet_v1():
    def unit(inputs, outputs, kernel, stride, groups):
        return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True)]

    layers, inputs = unit(3, 32, 3, 2, 1), 32
    for outputs, stride in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + 5 * [(512, 1)] + [(1024, 2), (1024, 1)]:
        layers += unit(inputs, inputs, 3, stride, inputs) + unit(inputs, outputs, 1, 1, 1)
        inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


OWN = {"lenet5": (lenet5, (1, 28, 28), 10), "resnet20": (lambda: cifar_resnet(3), (3, 32, 32), 10),
       "resnet56": (lambda: cifar_resnet(9), (3, 32, 32), 10), "mobilenet_v1": (mobilenet_v1, (3, 224, 224), 1000)}


def network(name):
    if name in OWN:
        make, image, classes = OWN[name]
        return make(), image, classes
    without_heads = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    image = (3, 299, 299) if name == "inception_v3" else (3, 224, 224)
    return getattr(torchvision.models, name)(weights=None, **without_heads), image, 1000


def main():
    name, batch, threads, memory_format = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    baseline = status_bytes("VmRSS")
    model, image, classes = network(name)
    images = torch.randn(batch, *image)
    labels = torch.randint(classes, (batch,))
    if memory_format == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    model.train()
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()
        optimizer.step()

    step()
    forget_peak()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words == ["memory"]:
            print(json.dumps({"peak_bytes": status_bytes("VmHWM"), "baseline_bytes": baseline}), flush=True)
        elif len(words) == 2 and words[0] == "run":
            step_times, cpu_times = [], []
            for _ in range(int(words[1])):
                wall, cpu = time.perf_counter(), time.process_time()
                step()
                step_times.append(time.perf_counter() - wall)
                cpu_times.append(time.process_time() - cpu)
            print(json.dumps({"step_times_s": step_times, "cpu_times_s": cpu_times}), flush=True)
        else:
            print(json.dumps({"error": "expected 'run K' or 'memory'"}), flush=True)


if __name__ == "__main__":
    main()
