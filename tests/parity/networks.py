"""The networks that torchvision has too: outputs and gradients."""
import os
import subprocess
import tempfile

from comparing import (ALLOWED, EXACT, FLOOR, Comparison, difference_of, functional, make_inputs, read_tensors, torch, torchvision,
                       write_tensors)

HEADS = 1e-3  # of the gradients of the last layers of a network that trains in float32, by the norm
WIDE, NARROW = 4096, 96  # as in tests/parity/parity.h


def quiet(network):
    """Drops neither values nor blocks, and narrows the hidden linear layers of AlexNet and VGG as parity_run does."""
    for module in network.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0
    classifier = getattr(network, "classifier", None)
    for i, module in enumerate(classifier if isinstance(classifier, torch.nn.Sequential) else []):
        if isinstance(module, torch.nn.Linear) and WIDE in (module.in_features, module.out_features):
            inputs, outputs = (NARROW if n == WIDE else n for n in (module.in_features, module.out_features))
            classifier[i] = torch.nn.Linear(inputs, outputs)
    return network


def random_statistics(network):
    """Weights and running statistics as training might leave them, so that evaluation has something to do."""
    generator = torch.Generator().manual_seed(7)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(0.8 + 0.4 * torch.rand(module.num_features, generator=generator))
            with torch.no_grad():
                module.weight.copy_(0.8 + 0.4 * torch.rand(module.num_features, generator=generator))
                module.bias.copy_(0.1 * torch.randn(module.num_features, generator=generator))
    return network


def vgg_names(network):
    """Convoy numbers VGG's layers by block: conv1_1, ..., fc6, fc7, fc8."""
    names, block, number = {}, 1, 1
    for i, module in enumerate(network.features):
        if isinstance(module, torch.nn.Conv2d):
            names[f"features.{i}"] = f"conv{block}_{number}"
            number += 1
        elif isinstance(module, torch.nn.MaxPool2d):
            block, number = block + 1, 1
    linears = [i for i, module in enumerate(network.classifier) if isinstance(module, torch.nn.Linear)]
    names.update({f"classifier.{i}": f"fc{6 + n}" for n, i in enumerate(linears)})
    return names


class Network:
    """A network of torchvision's, what Convoy calls it, and the images on which both run. `fast`: training with the fast kernels in
    float32, where the images are too large for the naive ones; then only gradients of layers whose names begin so are compared, since
    rounding moves ReLUs across 0, and the farther from the loss, the more of them differ."""

    def __init__(self, name, make, image=(3, 33, 33), batch=1, heads=(), fast=()):
        self.name, self.make, self.image, self.batch, self.heads, self.fast = name, make, image, batch, heads, fast

    def build(self):
        torch.manual_seed(3)
        return random_statistics(quiet(self.make()))

    def our_word(self):
        return f"{self.name}@{'x'.join(map(str, self.image))}"

    def our_name(self, network, name):
        layer, _, rest = name.rpartition(".")
        return (vgg_names(network)[layer] if self.name.startswith("vgg") else layer) + "." + rest

    def outputs(self, network, x):
        """The logits by the name of their loss and its weight; the last one is the network's answer."""
        result = network(x)
        if not self.heads or not network.training:
            return [("loss", 1.0, result)]
        # GoogLeNet.forward() unpacks (x, aux2, aux1) as (x, aux1, aux2): what it returns as aux_logits2 is of the head aux1.
        by_name = {"aux1.loss": "aux_logits2", "aux2.loss": "aux_logits1", "AuxLogits.loss": "aux_logits"}
        return [(head, weight, getattr(result, by_name[head])) for head, weight in self.heads] + [("loss", 1.0, result.logits)]


def models():
    """On 33 x 33 pixels the layers of a ResNet see 17, 9, 5, 3 and 2 rows: strides, padding, order and weights all have their say.
    Networks of many small layers get two images."""
    small, middle = (3, 32, 32), (3, 64, 64)
    vision = torchvision.models
    plain = {"weights": None}
    inception = {"weights": None, "init_weights": False}

    def named(name, theirs=None, **options):
        return Network(name, lambda: getattr(vision, theirs or name)(**plain), **options)

    table = [named("alexnet", image=(3, 160, 160)), named("vgg11", image=small), named("vgg16", image=small), named("vgg19", image=small)]
    table += [named(name) for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")]
    table += [named("resnext50", "resnext50_32x4d"), named("densenet121", image=middle), named("squeezenet1_1", image=middle)]
    table += [named("shufflenet_v2", "shufflenet_v2_x1_0", batch=2)]
    table += [named(name, batch=2) for name in ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "efficientnet_b0")]
    table.append(Network("googlenet", lambda: vision.googlenet(aux_logits=False, **inception), middle))
    table.append(Network("googlenet_aux", lambda: vision.googlenet(aux_logits=True, **inception), middle,
                         heads=(("aux1.loss", 0.3), ("aux2.loss", 0.3))))
    table.append(Network("inception_v3", lambda: vision.inception_v3(aux_logits=False, **inception), (3, 107, 107)))
    # The head needs 17 x 17 pixels and ends in one, and BatchNorm2d needs two values of a channel: two whole images.
    table.append(Network("inception_v3_aux", lambda: vision.inception_v3(aux_logits=True, **inception), (3, 299, 299), 2,
                         heads=(("AuxLogits.loss", 0.4),), fast=("AuxLogits", "fc")))
    return table


def step(network, torch_network, images, labels):
    """Loss, logits by head and gradients of one step in the type of the images: of images and weights, or of the heads' weights."""
    x = images.clone().requires_grad_(not network.fast)
    heads = network.outputs(torch_network, x)
    loss = sum(weight * functional.cross_entropy(logits, labels) for _, weight, logits in heads)
    tensors = {} if network.fast else {"dx": x}
    tensors.update({"d." + network.our_name(torch_network, name): p for name, p in torch_network.named_parameters()
                    if not network.fast or name.startswith(network.fast)})
    results = dict(zip(tensors, torch.autograd.grad(loss, list(tensors.values()))))
    results.update({f"{head}.logits": logits.detach() for head, _, logits in heads})
    results["loss"] = loss.detach()
    return results


def write_weights(network, torch_network, folder):
    state = {network.our_name(torch_network, name): tensor for name, tensor in torch_network.state_dict().items()
             if not name.endswith("num_batches_tracked")}
    write_tensors(os.path.join(folder, "weights.safetensors"), state)


def one_network(comparison, runner, network):
    torch_network = network.build()
    with tempfile.TemporaryDirectory() as folder:
        write_weights(network, torch_network, folder)
        images, labels = make_inputs(folder, network.image, network.batch, 1000)
        way = "fast" if network.fast else "naive"
        subprocess.run([runner, "network", way, network.our_word(), folder, str(network.batch)], check=True)
        ours, _ = read_tensors(os.path.join(folder, "train.safetensors"))
        evaluated, _ = read_tensors(os.path.join(folder, "evaluate.safetensors"))
    torch_network.eval()
    with torch.no_grad():
        single = torch_network(images.float())
        double = torch_network.double()(images)
    theirs = difference_of(single, double)
    answers = comparison.check(f"{network.name} answers in float32", evaluated["loss.logits"], double, max(ALLOWED * theirs, FLOOR))
    torch_network.train()
    expected = step(network, torch_network, images, labels)
    if set(expected) - set(ours) or (set(ours) != set(expected) and not network.fast):
        comparison.failures.append(f"{network.name}: other tensors than torchvision's: {sorted(set(ours) ^ set(expected))[:6]}")
    worst = {"logits": 0.0, "dx": 0.0, "dw": 0.0}
    # Some gradients are 0 but for rounding: what is added to all pixels of a channel, the next BatchNorm2d takes away again.
    nothing = 1e-7 * max(float(value.abs().max()) for name, value in expected.items() if name.startswith("d."))
    for name in sorted(set(ours) & set(expected)):
        group = "dw" if name.startswith("d.") else "dx" if name == "dx" else "logits"
        by_norm = network.fast and group != "logits"
        allowed = EXACT if not network.fast else HEADS if by_norm else FLOOR
        found = comparison.check(f"{network.name} {name}", ours[name], expected[name], allowed, 2 if by_norm else float("inf"), nothing)
        worst[group] = max(worst[group], found)
    print(f"{network.name:18} {len(expected):4} tensors in {'float32' if network.fast else 'float64'}: "
          + ", ".join(f"{group} {value:.0e}" for group, value in worst.items())
          + f"; answers in float32 {answers:.0e} (PyTorch's {theirs:.0e})", flush=True)


def networks(runner, names):
    comparison = Comparison()
    for network in models():
        if not names or network.name in names:
            one_network(comparison, runner, network)
    return comparison.finish("networks")
