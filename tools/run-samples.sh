#!/bin/sh
# Classify the pictures in samples/ and show the answers: run-samples.sh VIT [MODEL]
set -u

vit=$1 model=${2:-}
code=0
if [ -n "$model" ]; then
    "$vit" classify -m "$model" samples || code=$?
else
    "$vit" classify samples || code=$?
    # 3: the model cannot be used; and none was named
    [ $code -ne 3 ] ||
        echo "There is no model inside this binary. Name one: make run MODEL=model.safetensors (or a folder)" >&2
fi
exit $code
