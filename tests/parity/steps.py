"""Ten steps of training with the same weights and images."""
import os
import subprocess
import tempfile

from comparing import ALLOWED, EXACT, Comparison, difference_of, functional, make_inputs, read_tensors, torch, write_tensors

RATE = 0.01  # of learning


class LeNet5(torch.nn.Module):
    """LeNet-5 as Convoy has it, with its names."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = torch.nn.Linear(400, 120), torch.nn.Linear(120, 84), torch.nn.Linear(84, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(functional.relu(self.fc2(functional.relu(self.fc1(x)))))


class Block(torch.nn.Module):
    """A residual block of ResNet-20, with Convoy's names."""

    def __init__(self, before, channels, halves):
        super().__init__()
        stride = 2 if halves else 1
        self.conv1, self.bn1 = torch.nn.Conv2d(before, channels, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = torch.nn.Conv2d(channels, channels, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(channels)
        self.halves = halves
        if halves:
            self.conv_shortcut = torch.nn.Conv2d(before, channels, 1, stride, bias=False)
            self.bn_shortcut = torch.nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (self.bn_shortcut(self.conv_shortcut(x)) if self.halves else x))


class ResNet20(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Module()
        self.stem.conv, self.stem.bn = torch.nn.Conv2d(3, 16, 3, 1, 1, bias=False), torch.nn.BatchNorm2d(16)
        self.blocks, channels = [], 16
        for stage in (1, 2, 3):
            for number in range(3):
                block = Block(channels, 8 << stage, stage > 1 and number == 0)
                channels = 8 << stage
                self.add_module(f"block{stage}_{number}", block)
                self.blocks.append(block)
        self.fc = torch.nn.Linear(64, 10)

    def forward(self, x):
        x = functional.relu(self.stem.bn(self.stem.conv(x)))
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


def train(make, state, images, labels, batch, count):
    """Losses and weights of `count` steps, and the gradients of the first, in the type of the images."""
    network = make().to(images.dtype)
    network.load_state_dict(state)
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4)
    results, losses = {}, []
    for i in range(count):
        optimiser.zero_grad()
        loss = functional.cross_entropy(network(images[i * batch:(i + 1) * batch]), labels[i * batch:(i + 1) * batch])
        loss.backward()
        if i == 0:
            results.update({"d." + name: p.grad.clone() for name, p in network.named_parameters()})
        losses.append(loss.detach())
        optimiser.step()
    results["losses"] = torch.stack(losses)
    results.update({"w." + name: p.detach() for name, p in network.named_parameters()})
    return results


def steps(runner, _):
    """In float64, and with the fast kernels in float32. Steps of training multiply differences: PyTorch's own float32 is off by 2 % in
    the loss of ResNet-20 after ten of them, from 1e-7 in the first. In float64 what is left is the rounding of the file, 6e-8, and of
    sums in another order; in float32 the bounds are ALLOWED times PyTorch's own difference, or what MOST says."""
    most = {"losses": 1e-4, "d.": 1e-3, "w.": 1e-3}
    comparison = Comparison()
    count = 10
    for name, make, image, batch in (("lenet5", LeNet5, (1, 28, 28), 16), ("resnet20", ResNet20, (3, 32, 32), 4)):
        torch.manual_seed(3)
        state = make().state_dict()
        ours = {}
        with tempfile.TemporaryDirectory() as folder:
            write_tensors(os.path.join(folder, "weights.safetensors"),
                          {key: tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")})
            images, labels = make_inputs(folder, image, count * batch, 10)
            for way in ("naive", "fast"):
                subprocess.run([runner, "steps", way, name, folder, str(batch), str(count), str(RATE)], check=True)
                ours[way], _ = read_tensors(os.path.join(folder, "steps.safetensors"))
        expected = train(make, state, images, labels, batch, count)
        single = train(make, state, images.float(), labels, batch, count)
        worst = {"naive": dict.fromkeys(most, 0.0), "fast": dict.fromkeys(most, 0.0)}
        for way, tensors in ours.items():
            if set(tensors) != set(expected):
                comparison.failures.append(f"{name}: other tensors than PyTorch's: {sorted(set(tensors) ^ set(expected))[:6]}")
            for key in sorted(set(tensors) & set(expected)):
                norm = float("inf") if way == "naive" or key == "losses" else 2
                theirs = difference_of(single[key], expected[key], norm)
                group = next(prefix for prefix in most if key.startswith(prefix))
                allowed = EXACT if way == "naive" else max(most[group], ALLOWED * theirs)
                found = comparison.check(f"{name} {key} ({way} kernels)", tensors[key], expected[key], allowed, norm)
                worst[way][group] = max(worst[way][group], found)
        for label, losses in (("ours, float64", ours["naive"]), ("PyTorch, float64", expected), ("ours, float32", ours["fast"]),
                              ("PyTorch, float32", single)):
            print(f"{name}: losses of {label:16} {' '.join(f'{float(v):.6f}' for v in losses['losses'])}")
        for way, found in worst.items():
            print(f"{name}: {way} kernels: losses {found['losses']:.0e}, gradients of the first step {found['d.']:.0e}, "
                  f"weights after the last {found['w.']:.0e}", flush=True)
    return comparison.finish("steps")
