"""Makes the fixtures of tests/weights, run once with PyTorch 1.13.1 and NumPy 1.26.4:
python tests/data/weights/make.py tests/data/weights"""
import json, os, struct, sys
import numpy as np
import torch
import torch.nn.functional as F

out = sys.argv[1]


def safetensors(name, tensors):
    header, data = {}, b""
    for key, t in tensors.items():
        raw = t.contiguous().numpy().astype("<f4").tobytes()
        header[key] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(out, name), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


# ---- position.safetensors: every kind of resampling by PyTorch, in float64 ----
torch.manual_seed(1)
KINDS = {
    "bicubic_antialias": dict(mode="bicubic", align_corners=False, antialias=True),
    "bilinear": dict(mode="bilinear", align_corners=False),
    "bicubic": dict(mode="bicubic", align_corners=False),
    "bicubic_offset": dict(mode="bicubic", align_corners=False),
    "bicubic_corners": dict(mode="bicubic", align_corners=True),
    "linear_corners": dict(mode="bilinear", align_corners=True),  # scipy.ndimage.zoom(order=1): end points aligned
}
tensors = {}
for size, to in ((4, 6), (7, 5), (9, 2), (3, 1), (1, 3)):
    grid = torch.randn(size, size, 3).float()
    tensors["in.%d" % size] = grid
    for kind, options in KINDS.items():
        x = grid.double().permute(2, 0, 1)[None]
        if kind == "bicubic_offset":  # facebookresearch/dinov2 interpolate_pos_encoding
            y = F.interpolate(x, scale_factor=(to + 0.1) / size, **options)
        else:
            y = F.interpolate(x, size=(to, to), **options)
        assert y.shape[-1] == to
        tensors["%s.%d.%d" % (kind, size, to)] = y[0].permute(1, 2, 0).float()
safetensors("position.safetensors", tensors)

# ---- PyTorch archives ----
w = torch.arange(24.0).reshape(4, 6)
big = torch.arange(60.0).reshape(3, 4, 5)
layer = torch.nn.BatchNorm1d(2)
torch.save({
    "weight": w, "transposed": w.t(), "slice": w[1:3, 1:4], "permuted": big.permute(1, 0, 2),
    "half": w.half(), "bfloat": w.bfloat16(), "double": w.double(), "long": torch.arange(5),
    "bool": torch.tensor([True, False]), "scalar": torch.tensor(3.5), "empty": torch.zeros(0, 3),
    "parameter": torch.nn.Parameter(w[0].clone()), "module": layer.state_dict(),
    "nested": {"list": [torch.ones(2)], 3: torch.full((2,), 7.0)},
    "size": w.shape, "device": torch.device("cpu"), "dtype": torch.float32, "float": 1.5, "none": None,
    "negative": -5, "large": 2**40, "text": "abc", "true": True,
}, os.path.join(out, "mixed.pth"))
torch.save({"weight": w, "view": w[2:]}, os.path.join(out, "protocol4.pth"), pickle_protocol=4)

# ---- NumPy archives ----
np.savez(os.path.join(out, "arrays.npz"), **{
    "a/b": np.arange(6, dtype="<f4").reshape(2, 3), "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "int": np.arange(3) - 1, "half": np.array([1, -0.5], np.float16), "scalar": np.float32(2),
    "bfloat": np.array([0x3F80, 0xC000], "<u2").view("V2"), "byte": np.array([200], np.uint8)})
np.savez_compressed(os.path.join(out, "deflated.npz"), x=np.arange(600, dtype="<f4").reshape(20, 30))
