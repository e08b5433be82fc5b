#!/bin/sh
# The tables in README.md and docs/norm-placement.md, the page and the picture in docs/norm are what vit report makes
# of the lines in docs/norm. Anything else is a number that somebody typed in, or that is no longer so.
exec tools/docs-norm.sh "${VIT_BIN:-bin/vit}" --check
