#!/usr/bin/env python3
"""Times of vit bench beside ONNX Runtime, OpenVINO, PyTorch and vit.cpp: the same shapes, taken in turns.

    python3 -m venv peers && peers/bin/pip install torch onnx onnxruntime openvino
    peers/bin/python tools/peers.py bin/vit                      every row of ROWS
    peers/bin/python tools/peers.py bin/vit ti:1 b:8             some models and batches, in every kind of numbers
    peers/bin/python tools/peers.py bin/vit cifar:128:train-f32  one row

Engines that are not installed, and numbers an engine does not have, leave their column empty; torch and onnx write the
networks for ONNX Runtime and OpenVINO. VIT_CPP=PROGRAM adds vit.cpp at batch 1: "PROGRAM vit_tiny_patch16_224 f32|q8_0
THREADS RUNS" has to load its model, forward once for warming up and RUNS times, and print milliseconds, a line each.
vit.cpp has no such program of its own; ours calls its vit_predict().

Nothing of the product or its tests needs this file. Weights are random: time does not depend on them. Every
engine holds its own process with its own threads and waits asleep for its turn; a round gives each of them
RUNS forwards or steps, and the median over all rounds is shown. A share is of the multiply-add limit that
vit bench --limits measured in the same round. Environment that slows OpenBLAS is removed.

bf16: PyTorch with weights and activations in bf16, traced and frozen; OpenVINO asked for bf16. Without a row asked
for, bf16 is left out where the CPU does not multiply it: PyTorch takes seconds a forward there. int8 of ONNX Runtime
is its dynamic quantisation (per channel, activations by tensor), that of vit a scale for every row of weights and
activations: neither needs calibration. Training is forward, backward, clipping and AdamW; in bf16 with weights in f32
(PyTorch's autocast)."""

import importlib.util
import json
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
FORWARD = ("f32", "bf16", "int8")
WORKS = (*FORWARD, "train-f32", "train-bf16")
# model and batch, runs of a round, what is done
ROWS = {
    "ti:1": (15, FORWARD),
    "ti:8": (3, FORWARD),
    "s:1": (7, FORWARD),
    "b:1": (3, FORWARD),
    "b:8": (1, FORWARD),
    "cifar:1": (40, FORWARD),
    "cifar:128": (2, WORKS),
}
# what writes the networks that the first two of PEERS read
EXPORTERS = ("torch", "onnx")
# the column, the package and those it needs, what it does
PEERS = (
    ("ONNX Runtime", ("onnxruntime", *EXPORTERS), ("f32", "int8")),
    ("OpenVINO", ("openvino", *EXPORTERS), ("f32", "bf16")),
    ("PyTorch", ("torch",), ("f32", "bf16", "train-f32", "train-bf16")),
)
VIT_CPP = {"f32": "f32", "int8": "q8_0"}


# ---- one engine, in a process of its own ----


def installed(*packages):
    return all(map(importlib.util.find_spec, packages))


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
    return ViT()


def export(folder, name):
    """folder/name.onnx and, with ONNX Runtime, folder/name.int8.onnx, unless that is there."""
    import torch

    path, small = f"{folder}/{name}.onnx", f"{folder}/{name}.int8.onnx"
    if os.path.exists(small):
        return
    shape = ARCHS[name][0]
    torch.onnx.export(network(shape, False).eval(), torch.randn(1, 3, shape[0], shape[0]), path, opset_version=17,
                      input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}}, dynamo=False)
    if not installed("onnxruntime"):
        return
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(path, small, weight_type=QuantType.QInt8, per_channel=True)


def forward_of_onnxruntime(folder, name, work, x):
    import onnxruntime

    path = f"{folder}/{name}{'.int8' if work == 'int8' else ''}.onnx"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = THREADS, 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"x": x})


def forward_of_openvino(folder, name, work, x):
    import openvino

    model = openvino.Core().read_model(f"{folder}/{name}.onnx")
    model.reshape(list(x.shape))
    hints = {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": work}
    request = openvino.Core().compile_model(model, "CPU", hints).create_infer_request()
    return lambda: request.infer({0: x})


def step_of_torch(model, work, x):
    import torch

    model.train()
    labels = torch.randint(0, 10, (len(x),))
    loss = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05, foreach=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=work == "train-bf16"):
            now = loss(model(x), labels)
        now.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def work_of_torch(folder, name, work, x):
    import torch

    torch.set_num_threads(THREADS)
    model, pixels = network(ARCHS[name][0], True), torch.from_numpy(x)
    if work.startswith("train"):
        return step_of_torch(model, work, pixels)
    if work == "bf16":
        model, pixels = model.bfloat16(), pixels.bfloat16()
    with torch.inference_mode():
        traced = torch.jit.trace(model.eval(), pixels)
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    def forward():
        with torch.inference_mode():
            return frozen(pixels)

    return forward


def serve(package, folder, name, batch, work):
    """A line with a number of runs comes in, a line of milliseconds goes out."""
    import numpy

    image = ARCHS[name][0][0]
    x = numpy.random.default_rng(0).standard_normal((batch, 3, image, image), dtype=numpy.float32)
    make = {"onnxruntime": forward_of_onnxruntime, "openvino": forward_of_openvino, "torch": work_of_torch}[package]
    run = make(folder, name, work, x)
    for _ in range(3):
        run()
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps(times), flush=True)


# ---- all of them in turns: each a function of the runs to do, that returns their median ----


def start(package, folder, name, batch, work):
    command = [sys.executable, __file__, "--serve", package, folder, name, str(batch), work]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def peer(worker):
    if worker.stdout.readline().strip() != "ready":
        sys.exit(f"an engine did not start; try: {' '.join(worker.args)}")

    def turn(runs):
        worker.stdin.write(f"{runs}\n")
        worker.stdin.flush()
        return statistics.median(json.loads(worker.stdout.readline()))

    return turn


def vit_cpp(name, work):
    def turn(runs):
        command = [os.environ["VIT_CPP"], ARCHS[name][1], VIT_CPP[work], str(THREADS), str(runs)]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return statistics.median(map(float, lines))

    return turn


def vit(program, name, batch, work, shares):
    """The share of the limit goes to shares."""
    what, dtype = ("train", work[len("train-"):]) if work.startswith("train") else ("forward", work)
    command = [program, "bench", what, "--arch", ARCHS[name][1], "-b", str(batch), "-t", str(THREADS), "--dtype", dtype,
               "--limits", "-o", "json"]

    def turn(runs):
        lines = subprocess.run([*command, "-r", str(runs)], check=True, capture_output=True, text=True).stdout
        row = json.loads(lines.splitlines()[0])
        shares.append(row["share"])
        return row["ms_median"]

    return turn


def compare(program, folder, name, batch, work, runs):
    """One row of the table."""
    shares = []
    turns = {"vit": vit(program, name, batch, work, shares)}
    workers = {column: start(packages[0], folder, name, batch, work) for column, packages, works in PEERS
               if work in works and installed(*packages)}
    turns.update({column: peer(worker) for column, worker in workers.items()})
    if "VIT_CPP" in os.environ and work in VIT_CPP and batch == 1 and name != "cifar":
        turns["vit.cpp"] = vit_cpp(name, work)
    times = {column: [] for column in turns}
    for _ in range(ROUNDS):
        for column, turn in turns.items():
            times[column].append(turn(runs))
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    medians = {column: statistics.median(t) for column, t in times.items()}
    mine = medians.pop("vit")
    cells = [f"{name} {batch}", work.replace("-", " "), f"{mine:.3g} ({statistics.median(shares):.0%})"]
    cells += [f"{medians[c]:.3g}" if c in medians else "" for c in (*(p[0] for p in PEERS), "vit.cpp")]
    cells.append(f"{min(medians.values()) / mine:.2f}x" if medians else "")
    print("| " + " | ".join(cells) + " |", flush=True)


def cpu_multiplies_bf16():
    with open("/proc/cpuinfo") as file:
        return "avx512_bf16" in file.read()


def wanted(arguments):
    """(name, batch, work, runs) for each row."""
    narrow = cpu_multiplies_bf16()
    for argument in arguments or ROWS:
        name, *more = argument.split(":")
        if name not in ARCHS or not more or not more[0].isdigit() or not set(more[1:]) <= set(WORKS):
            sys.exit(f"{argument}: expected MODEL:BATCH or MODEL:BATCH:NUMBERS, models {', '.join(ARCHS)}, "
                     f"numbers {', '.join(WORKS)}")
        batch, *work = more
        runs, works = ROWS.get(f"{name}:{batch}", (3, FORWARD))
        for w in work or [w for w in works if narrow or "bf16" not in w]:
            yield name, int(batch), w, runs


def main():
    if sys.argv[1:2] == ["--serve"]:
        return serve(*sys.argv[2:5], int(sys.argv[5]), sys.argv[6])
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(variable, None)
    folder = os.path.join(tempfile.gettempdir(), "vit-peers")
    os.makedirs(folder, exist_ok=True)
    rows = list(wanted(sys.argv[2:]))
    for name in dict.fromkeys(row[0] for row in rows) if installed(*EXPORTERS) else ():
        code = (f"import sys; sys.path.insert(0, {os.path.dirname(__file__) or '.'!r}); "
                f"import peers; peers.export({folder!r}, {name!r})")
        made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        if made.returncode:
            sys.exit(f"{name} cannot be exported:\n{made.stderr}")
    print("| model, batch | numbers | vit (share) | ONNX Runtime | OpenVINO | PyTorch | vit.cpp | against the best |")
    print("|---|" + "---|" * 7, flush=True)
    for row in rows:
        compare(sys.argv[1], folder, *row)


if __name__ == "__main__":
    main()
