#!/usr/bin/env python3
"""The polynomial constants of kernels/native_math.h.

Each function is fitted for least largest relative error (iteratively reweighted least squares on
Chebyshev nodes, in double precision), rounded to float, and then measured in float arithmetic.
Needs numpy:  python3 tests/data/kernels/fit_constants.py
"""
import math

import numpy as np


def nodes(low, high, count=2000):
    u = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return low + (high - low) * (u + 1) / 2


def minimax(columns, target, scale, rounds=400):
    """Coefficients c with least max |columns c - target| / scale (Lawson's algorithm)."""
    weight = np.ones(len(target)) / len(target)
    best, best_error = None, np.inf
    for _ in range(rounds):
        root = np.sqrt(weight) / scale
        c = np.linalg.lstsq(columns * root[:, None], target * root, rcond=None)[0]
        error = np.abs(columns @ c - target) / scale
        if error.max() < best_error:
            best, best_error = c, error.max()
        weight = weight * error
        weight /= weight.sum()
    return best, best_error


def show(name, c, error):
    print(f"{name}: largest error {error:.2e}")
    for v in c:
        print(f"    {np.float32(v):.9g}f,")


def exponential():
    """2^f = 1 + f P(f) on |f| <= 1/2."""
    f = nodes(-0.501, 0.501)
    columns = np.stack([f ** (1 + i) for i in range(6)], 1)
    c, error = minimax(columns, 2**f - 1, 2**f)
    show("2^f, P, rising powers", c, error)


def tangent():
    """tanh(x) = x + x^3 P(x^2) on |x| <= 0.65."""
    x = nodes(1e-3, 0.65)
    columns = np.stack([x ** (3 + 2 * i) for i in range(5)], 1)
    c, error = minimax(columns, np.tanh(x) - x, np.tanh(x))
    show("tanh, P, rising powers", c, error)


def tail():
    """R(a) = Phi(-a) exp(a^2 / 2) = erfcx(a / sqrt 2) / 2 = P(a) / Q(a) on 0 <= a <= 14, Q(0) = 1."""
    a = nodes(0, 14, 6000)
    target = np.array([math.erfc(v / math.sqrt(2)) * math.exp(v * v / 2) / 2 for v in a])
    for p, q in ((4, 5),):
        # P - target (Q - 1) = target, linear in the coefficients; reweighted by the last Q.
        columns = np.stack([a ** i for i in range(p + 1)] + [-target * a ** i for i in range(1, q + 1)], 1)
        size = np.abs(columns).max(0)
        scale = target.copy()
        best, best_error = None, np.inf
        for _ in range(40):
            c, _ = minimax(columns / size, target, scale, 60)
            c = c / size
            bottom = 1 + sum(c[p + i] * a ** i for i in range(1, q + 1))
            top = sum(c[i] * a ** i for i in range(p + 1))
            error = np.abs(top / bottom / target - 1).max()
            if error < best_error:
                best, best_error = c, error
            scale = target * np.abs(bottom)
        show(f"tail {p}/{q}, P", best[: p + 1], best_error)
        show(f"tail {p}/{q}, Q without its 1", best[p + 1 :], best_error)


exponential()
tangent()
tail()
