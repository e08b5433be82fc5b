#!/usr/bin/env python3
"""Models that vit convert --names writes, loaded by the framework they are for: do they answer the same?

    python3 -m venv peers && peers/bin/pip install timm transformers
    peers/bin/python tools/check-export.py bin/vit MODEL...

Every MODEL (a file or folder that vit opens) is written for each family that has such a model, loaded there, and
shown noise; the largest difference of a logit is printed as a part of the largest logit, or why the family has no
such model. Fails above 1e-5, when vit convert fails in another way, or when no model could be written. Nothing of the
product or its tests needs this file."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import safetensors.torch
import torch

LIMIT = 1e-5  # ten times what is seen
UNUSABLE = 3  # how vit convert ends where the family has no such model
CLASSES = {
    "hf-vit": "ViTForImageClassification",
    "hf-deit": "DeiTForImageClassificationWithTeacher",
    "hf-dinov2": "Dinov2ForImageClassification",
}


def load(family, folder):
    """A function from pictures to logits."""
    if family == "timm":
        import timm

        return timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    import transformers

    model, info = getattr(transformers, CLASSES[family]).from_pretrained(folder, output_loading_info=True)
    wrong = {key: value for key, value in info.items() if value}
    if wrong:
        raise SystemExit(f"{family}: {wrong}")
    transformers.AutoImageProcessor.from_pretrained(folder)
    model.eval()
    return lambda x: model(pixel_values=x).logits


def image_size(folder):
    config = json.loads((folder / "config.json").read_text())
    return config["model_args"]["img_size"] if "model_args" in config else config["image_size"]


def logits(vit, model, x, folder):
    safetensors.torch.save_file({"input": x}, folder / "in")
    subprocess.run([vit, "logits", "-q", "-m", model, "-i", folder / "in", "-o", folder / "out"], check=True)
    return safetensors.torch.load_file(folder / "out")["logits"]


def main():
    vit, *models = sys.argv[1:]
    worst, count = 0.0, 0
    torch.manual_seed(0)
    for model in models:
        for family in ("timm", *CLASSES):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "model"
                command = [vit, "convert", model, folder, "--names", family]
                made = subprocess.run(command, capture_output=True, text=True)
                if made.returncode:
                    print(f"{model} as {family}: {made.stderr.strip()}", flush=True)
                    if made.returncode != UNUSABLE:
                        sys.exit(f"vit convert ended with {made.returncode}")
                    continue
                x = torch.randn(2, 3, image_size(folder), image_size(folder))
                ours = logits(vit, model, x, Path(place))
                with torch.no_grad():
                    theirs = load(family, str(folder))(x)
                off = float((theirs - ours).abs().max() / ours.abs().max())
                print(f"{model} as {family}: {off:.1e}", flush=True)
                worst, count = max(worst, off), count + 1
    print(f"{count} models, largest difference {worst:.1e} of the largest logit")
    sys.exit(0 if count and worst < LIMIT else 1)


if __name__ == "__main__":
    main()
