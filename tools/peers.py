#!/usr/bin/env python3
"""Times of vit bench beside ONNX Runtime, OpenVINO and PyTorch: the same shapes, taken in turns.

    python3 -m venv peers && peers/bin/pip install torch onnx onnxruntime openvino
    peers/bin/python tools/peers.py bin/vit            every model and batch of PAIRS
    peers/bin/python tools/peers.py bin/vit ti:1 b:8   some of them

VIT_CPP=PROGRAM adds vit.cpp at batch 1: "PROGRAM vit_tiny_patch16_224 f32|q8_0 THREADS RUNS" has to load its model,
forward once for warming up and RUNS times, and print milliseconds, a line each. vit.cpp has no such program of its
own; ours calls its vit_predict().

Nothing of the product or its tests needs this file. Weights are random: time does not depend on them. Every
engine holds its own process with its own threads and waits asleep for its turn; a round gives each of them
RUNS forwards, and the median over all rounds is shown with the least. A share is of the multiply-add limit that
vit bench --limits measured in the same round. Environment that slows OpenBLAS is removed.

int8 of ONNX Runtime is its dynamic quantisation (per channel, activations by tensor), that of vit a scale for
every row of weights and activations: neither needs calibration."""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

THREADS = 2
ROUNDS = 3
# image, patch, width, depth, heads, hidden, classes; the name that vit knows
ARCHS = {
    "ti": ((224, 16, 192, 12, 3, 768, 1000), "vit_tiny_patch16_224"),
    "s": ((224, 16, 384, 12, 6, 1536, 1000), "vit_small_patch16_224"),
    "b": ((224, 16, 768, 12, 12, 3072, 1000), "vit_base_patch16_224"),
    "cifar": ((32, 4, 192, 12, 3, 768, 10), "plain-4"),
}
PAIRS = {"ti:1": 15, "ti:8": 3, "s:1": 7, "b:1": 3, "b:8": 1, "cifar:1": 40, "cifar:128": 2}  # runs of a round
PEERS = ("onnxruntime f32", "openvino f32", "torch f32", "onnxruntime int8")


# ---- one engine, in a process of its own ----


def network(shape, fused_attention):
    import torch
    from torch import nn

    image, patch, width, depth, heads, hidden, classes = shape

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

        def forward(self, x):
            n, t, d = x.shape
            q, k, v = self.qkv(self.norm1(x)).reshape(n, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
            if fused_attention:
                a = nn.functional.scaled_dot_product_attention(q, k, v)
            else:
                a = ((q @ k.transpose(-2, -1)) * (d // heads) ** -0.5).softmax(-1) @ v
            x = x + self.proj(a.transpose(1, 2).reshape(n, t, d))
            return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x))))

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Conv2d(3, width, patch, patch)
            self.cls = nn.Parameter(torch.randn(1, 1, width) * 0.02)
            self.pos = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, width) * 0.02)
            self.blocks = nn.Sequential(*[Block() for _ in range(depth)])
            self.norm, self.head = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, classes)

        def forward(self, x):
            x = self.embed(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1) + self.pos
            return self.head(self.norm(self.blocks(x))[:, 0])

    torch.manual_seed(0)
    return ViT().eval()


def export(folder, name):
    """folder/name.onnx and folder/name.int8.onnx, unless they are there."""
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    path, small = f"{folder}/{name}.onnx", f"{folder}/{name}.int8.onnx"
    if os.path.exists(small):
        return
    shape = ARCHS[name][0]
    torch.onnx.export(network(shape, False), torch.randn(1, 3, shape[0], shape[0]), path, opset_version=17,
                      input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})
    quantize_dynamic(path, small, weight_type=QuantType.QInt8, per_channel=True)


def forward_of(engine, folder, name, x):
    kind, dtype = engine.split()
    path = f"{folder}/{name}{'.int8' if dtype == 'int8' else ''}.onnx"
    if kind == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = THREADS, 3
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"x": x})
    if kind == "openvino":
        import openvino

        model = openvino.Core().read_model(path)
        model.reshape(list(x.shape))
        hints = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY"}
        request = openvino.Core().compile_model(model, "CPU", hints).create_infer_request()
        return lambda: request.infer({0: x})
    import torch

    torch.set_num_threads(THREADS)
    pixels = torch.from_numpy(x)
    with torch.inference_mode():
        traced = torch.jit.trace(network(ARCHS[name][0], True), pixels)
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    def forward():
        with torch.inference_mode():
            return frozen(pixels)

    return forward


def serve(engine, folder, name, batch):
    """A line with a number of runs comes in, a line of milliseconds goes out."""
    import numpy

    image = ARCHS[name][0][0]
    x = numpy.random.default_rng(0).standard_normal((batch, 3, image, image), dtype=numpy.float32)
    forward = forward_of(engine, folder, name, x)
    for _ in range(3):
        forward()
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            forward()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps(times), flush=True)


# ---- all of them in turns ----


def start(engine, folder, name, batch):
    command = [sys.executable, __file__, "--serve", engine, folder, name, str(batch)]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    if worker.stdout.readline().strip() != "ready":
        sys.exit(f"{engine}: did not start; try: {' '.join(command)}")
    return worker


def ask(worker, runs):
    worker.stdin.write(f"{runs}\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def vit(program, name, batch, runs, dtype):
    command = [program, "bench", "forward", "--arch", ARCHS[name][1], "-b", str(batch), "-t", str(THREADS), "-r",
               str(runs), "--dtype", dtype, "--limits", "-o", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0])


def vit_cpp(name, runs, dtype):
    command = [os.environ["VIT_CPP"], ARCHS[name][1], {"f32": "f32", "int8": "q8_0"}[dtype], str(THREADS), str(runs)]
    return statistics.median(map(float, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()))


def compare(program, folder, pair):
    name, batch = pair.split(":")
    batch, runs = int(batch), PAIRS.get(pair, 3)
    workers = {engine: start(engine, folder, name, batch) for engine in PEERS}
    more = ("vit.cpp f32", "vit.cpp int8") if "VIT_CPP" in os.environ and batch == 1 and name != "cifar" else ()
    times = {engine: [] for engine in (*PEERS, *more, "vit f32", "vit int8")}
    shares = {"vit f32": [], "vit int8": []}
    for _ in range(ROUNDS):
        for dtype in ("f32", "int8"):
            row = vit(program, name, batch, runs, dtype)
            times[f"vit {dtype}"] += [row["ms_median"]]
            shares[f"vit {dtype}"] += [row["share"]]
        for engine, worker in workers.items():
            times[engine] += [statistics.median(ask(worker, runs))]
        for engine in more:
            times[engine] += [vit_cpp(name, runs, engine.split()[1])]
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    row = [f"{name} {batch}"]
    for engine in () if more else ("vit.cpp f32", "vit.cpp int8"):
        times[engine] = [math.nan]
    for dtype in ("f32", "int8"):
        medians = {e: statistics.median(t) for e, t in times.items() if e.endswith(dtype)}
        mine = medians.pop(f"vit {dtype}")
        row += [f"{mine:.3g} ({statistics.median(shares[f'vit {dtype}']):.0%})"]
        best = min(t for t in medians.values() if t == t)
        row += ["" if t != t else f"{t:.3g}" for t in medians.values()] + [f"{best / mine:.2f}x"]
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve(*sys.argv[2:5], int(sys.argv[5]))
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)
    folder = os.path.join(tempfile.gettempdir(), "vit-peers")
    os.makedirs(folder, exist_ok=True)
    pairs = sys.argv[2:] or list(PAIRS)
    for name in dict.fromkeys(pair.split(":")[0] for pair in pairs):
        subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {os.path.dirname(__file__) or '.'!r}); "
                        f"import peers; peers.export({folder!r}, {name!r})"], check=True, capture_output=True)
    print("| model, batch | vit f32 (share) | ONNX Runtime f32 | OpenVINO f32 | PyTorch f32 | vit.cpp f32 | "
          "vit against the best | vit int8 (share) | ONNX Runtime int8 | vit.cpp q8_0 | vit against the best |")
    print("|---|" + "---|" * 10, flush=True)
    for pair in pairs:
        compare(sys.argv[1], folder, pair)


if __name__ == "__main__":
    main()
