"""Ten steps of torch.optim.AdamW on golden/timm-cls, in float64: losses and some final tensors.

    python3 make.py ../golden/timm-cls adamw.safetensors        (PyTorch 1.13.1, NumPy)

The network is written out below, so that nothing but torch and the golden folder is needed.
"""
import json, struct, sys
import numpy as np
import torch
import torch.nn.functional as F


def read(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    types = {"F32": np.float32, "I64": np.int64, "F64": np.float64}
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(raw[8 + n + a:8 + n + b], types[t["dtype"]]).reshape(t["shape"]).copy()
    return out


def write(path, tensors):
    header, data = {}, b""
    for name, x in tensors.items():
        x = np.ascontiguousarray(x, np.float32)
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [len(data), len(data) + x.nbytes]}
        data += x.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % 64)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)


def forward(p, x, depth=3, heads=3):
    b, d = x.shape[0], p["cls_token"].shape[-1]
    x = F.conv2d(x, p["patch_embed.proj.weight"], p["patch_embed.proj.bias"], stride=8).flatten(2).transpose(1, 2)
    x = torch.cat([p["cls_token"].expand(b, -1, -1), x], 1) + p["pos_embed"]
    norm = lambda x, n: F.layer_norm(x, (d,), p[n + ".weight"], p[n + ".bias"], 1e-6)
    lin = lambda x, n: F.linear(x, p[n + ".weight"], p[n + ".bias"])
    for i in range(depth):
        n = "blocks.%d." % i
        q, k, v = lin(norm(x, n + "norm1"), n + "attn.qkv").reshape(b, -1, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (d // heads) ** -0.5).softmax(-1)
        x = x + lin((a @ v).transpose(1, 2).reshape(b, -1, d), n + "attn.proj")
        x = x + lin(F.gelu(lin(norm(x, n + "norm2"), n + "mlp.fc1")), n + "mlp.fc2")
    return lin(norm(x, "norm")[:, 0], "head")


folder, out = sys.argv[1:]
p = {k: torch.tensor(v, dtype=torch.float64, requires_grad=True) for k, v in read(folder + "/model.safetensors").items()}
e = read(folder + "/expect.safetensors")
x, y = torch.tensor(e["input"], dtype=torch.float64), torch.tensor(e["labels"])
assert np.abs(forward(p, x).detach().numpy() - e["logits"]).max() < 1e-5
matrix = [t for k, t in p.items() if k.endswith(".weight") and t.ndim > 1]
rest = [t for k, t in p.items() if not (k.endswith(".weight") and t.ndim > 1)]
opt = torch.optim.AdamW([{"params": matrix, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}],
                        lr=1e-3, betas=(0.9, 0.98), eps=1e-8)
losses = []
for step in range(10):
    opt.zero_grad()
    loss = F.cross_entropy(forward(p, x), y)
    loss.backward()
    opt.step()
    losses.append(loss.item())
keep = ["pos_embed", "blocks.0.attn.proj.weight", "blocks.1.mlp.fc2.bias", "blocks.2.norm1.weight", "head.weight"]
write(out, {"loss": np.array(losses), **{k: p[k].detach().numpy() for k in keep}})
print(losses)
