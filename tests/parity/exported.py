"""Networks that torchvision exports as ONNX, read by Convoy."""
import os
import subprocess
import tempfile
import warnings

from comparing import EXACT, Comparison, make_inputs, read_tensors, torch, torchvision
from networks import random_statistics


def export(network, path, image, keep_norms):
    """torch.onnx.export as people call it; with keep_norms without folding BatchNorm2d into convolutions."""
    mode = torch.onnx.TrainingMode.PRESERVE if keep_norms else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(network, torch.zeros(1, *image), path, training=mode)


EXPORTED = ("squeezenet1_1", "resnet18", "densenet121", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large",
            "efficientnet_b0", "shufflenet_v2_x1_0", "mnasnet1_0", "regnet_x_400mf", "regnet_y_400mf", "resnext50_32x4d")


def onnx(runner, names):
    """Files that torchvision's networks are exported to, read by Convoy: their answers in float64 are PyTorch's. ConvNeXt, which has layers
    that Convoy has not, is refused with node and operator."""
    warnings.filterwarnings("ignore")
    comparison = Comparison()
    image, batch = (3, 64, 64), 2
    with tempfile.TemporaryDirectory() as folder:
        images, _ = make_inputs(folder, image, batch, 1000)
        for i, name in enumerate(names or EXPORTED):
            options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
            torch.manual_seed(3)
            network = random_statistics(getattr(torchvision.models, name)(weights=None, **options)).eval()
            path = os.path.join(folder, name + ".onnx")
            export(network, path, image, keep_norms=i % 2 == 0)
            subprocess.run([runner, "onnx", path, folder, str(batch)], check=True)
            evaluated, _ = read_tensors(os.path.join(folder, "evaluate.safetensors"))
            os.remove(path)
            with torch.no_grad():
                expected = network.double()(images)
            # Folding BatchNorm2d into a convolution rounds its weights to float32 again.
            found = comparison.check(f"{name} from its file", evaluated["loss.logits"], expected, EXACT if i % 2 == 0 else 1e-5)
            print(f"{name:18} answers from the ONNX file differ by {found:.0e}", flush=True)
        path = os.path.join(folder, "convnext.onnx")
        export(torchvision.models.convnext_tiny(weights=None).eval(), path, image, keep_norms=False)
        refused = subprocess.run([runner, "onnx", path, folder, str(batch)], capture_output=True, text=True)
        print("convnext_tiny:", refused.stderr.strip()[:120])
        if refused.returncode == 0 or "node '" not in refused.stderr or "Convoy" not in refused.stderr:
            comparison.failures.append(f"convnext_tiny is not refused with its node: {refused.stderr}")
    return comparison.finish("onnx")
