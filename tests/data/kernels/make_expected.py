#!/usr/bin/env python3
"""Write expected.h: inputs as floats and what PyTorch computes from them in double precision.

Needs PyTorch (made with 1.13.1):  python3 tests/data/kernels/make_expected.py > tests/data/kernels/expected.h
"""
import math

import torch
import torch.nn.functional as F

torch.manual_seed(20)
print("/* Made by make_expected.py with PyTorch", torch.__version__.split("+")[0] + "; do not edit. */")


def emit(name, tensor, kind="double"):
    values = tensor.detach().flatten().tolist()
    digits = "%.9gf" if kind == "float" else "%.17g"
    text = [digits % v for v in values]
    text = [t.replace("f", ".0f") if kind == "float" and "." not in t and "e" not in t else t for t in text]
    print(f"static const {kind} {name}[{len(values)}] = {{")
    for i in range(0, len(text), 6):
        print("    " + ", ".join(text[i : i + 6]) + ",")
    print("};")


def given(name, *shape, scale=1.0):
    """Random numbers that are exact in float."""
    x = (torch.randn(*shape) * scale).float()
    emit(name, x, "float")
    return x.double().requires_grad_(True)


def gradients(prefix, out, inputs, dout):
    """The gradients of inputs ({name: tensor}) for the gradient dout of out."""
    for name, g in zip(inputs, torch.autograd.grad(out, list(inputs.values()), dout)):
        emit(f"{prefix}_d{name}", g)


def linear():
    x, w, b = given("linear_x", 5, 7), given("linear_w", 9, 7), given("linear_b", 9)
    gain, skip, dout = given("linear_gain", 9), given("linear_skip", 5, 9), given("linear_dout", 5, 9)
    y = x @ w.T + b
    emit("linear_pre", y)
    emit("linear_out", F.gelu(y) * gain + 0.5 * skip)
    gradients("linear", y, {"x": x, "w": w, "b": b}, dout)


def activations():
    x = [-30.0, -12.0, -6.5, -5.0, -3.0, -1.5, -0.75, -0.1, -1e-4, 1e-4, 0.1, 0.75, 1.5, 3.0, 6.5, 30.0]
    x = torch.tensor(x)
    emit("act_x", x, "float")
    x = x.float().double().requires_grad_(True)
    sigmoid = torch.sigmoid
    k = math.sqrt(2 / math.pi)
    # erfc, not 1 + erf: the tails keep their digits.
    functions = {
        "none": lambda v: v * 1,
        "gelu": lambda v: v * 0.5 * torch.special.erfc(-v / math.sqrt(2)),
        "gelu_tanh": lambda v: v * sigmoid(2 * k * (v + 0.044715 * v**3)),
        "quick_gelu": lambda v: v * sigmoid(1.702 * v),
        "relu": torch.relu,
        "silu": F.silu,
        "tanh": torch.tanh,
    }
    for name, f in functions.items():
        y = f(x)
        emit(f"act_{name}", y)
        emit(f"act_{name}_slope", torch.autograd.grad(y.sum(), x)[0])


def norms():
    x, gain = given("norm_x", 4, 6), given("norm_gain", 6)
    bias, dout = given("norm_bias", 6), given("norm_dout", 4, 6)
    alpha = torch.tensor([0.75], dtype=torch.float64, requires_grad=True)
    inputs = {"x": x, "gain": gain, "bias": bias}
    results = {
        "layernorm": F.layer_norm(x, (6,), gain, bias, 1e-3),
        "rmsnorm": x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-3) * gain + bias,
        "dyt": torch.tanh(alpha * x) * gain + bias,
    }
    for name, y in results.items():
        emit(f"{name}_out", y)
        gradients(name, y, dict(inputs, alpha=alpha) if name == "dyt" else inputs, dout)


def attention():
    b, t, h, e = 2, 5, 2, 3
    qkv, dctx = given("attend_qkv", b, t, 3 * h * e), given("attend_dctx", b, t, h * e)
    q, k, v = qkv.reshape(b, t, 3, h, e).permute(2, 0, 3, 1, 4)
    p = torch.softmax(q @ k.transpose(-2, -1) * 0.6, -1)
    ctx = (p @ v).transpose(1, 2).reshape(b, t, h * e)
    emit("attend_prob", p)
    emit("attend_ctx", ctx)
    gradients("attend", ctx, {"qkv": qkv}, dctx)


def convolution():
    """NHWC in and out; the weight as (out, row, column, channel)."""
    x, w = given("conv_x", 2, 5, 6, 3), given("conv_w", 4, 3, 3, 3)
    y = F.conv2d(x.permute(0, 3, 1, 2), w.permute(0, 3, 1, 2), stride=2, padding=1).permute(0, 2, 3, 1)
    dout = given("conv_dout", *y.shape)
    emit("conv_out", y)
    gradients("conv", y, {"x": x}, dout)
    y = F.max_pool2d(x.permute(0, 3, 1, 2), 3, 2, 1).permute(0, 2, 3, 1)
    dout = given("pool_dout", *y.shape)
    emit("pool_out", y)
    gradients("pool", y, {"x": x}, dout)


def adamw():
    w = given("adamw_w", 7).detach().clone().requires_grad_(True)
    grads = given("adamw_grads", 3, 7).detach()
    optimiser = torch.optim.AdamW([w], lr=0.01, betas=(0.9, 0.95), eps=1e-6, weight_decay=0.1)
    for g in grads:
        w.grad = 0.5 * g
        optimiser.step()
    emit("adamw_after", w)


linear()
activations()
norms()
attention()
convolution()
adamw()
