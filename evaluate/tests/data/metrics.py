#!/usr/bin/env python3
"""Writes metrics.json: measures by scikit-learn, SciPy and NumPy for evaluate/src/metrics.rs.

    pip install scikit-learn==1.9.1
    python3 metrics.py > metrics.json
"""
import json

import numpy as np
from scipy.stats import pearsonr, spearmanr
from sklearn.calibration import calibration_curve
from sklearn.metrics import (accuracy_score, average_precision_score, brier_score_loss, log_loss,
                             roc_auc_score, roc_curve)

rng = np.random.default_rng(1)


def detection(inside, outside):
    scores = np.concatenate([inside, outside])
    is_outside = np.repeat([0, 1], [len(inside), len(outside)])
    # Items in domain are what must pass: positives of the negated score.
    fpr, tpr, _ = roc_curve(1 - is_outside, -scores, drop_intermediate=False)
    return {
        "inside": inside.tolist(),
        "outside": outside.tolist(),
        "auroc": roc_auc_score(is_outside, scores),
        "aupr": average_precision_score(is_outside, scores),
        "fpr95": fpr[np.argmax(tpr >= 0.95)],
    }


def classification(items, classes, each, sharpness):
    logits = rng.normal(size=(items, classes)) * sharpness
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.stack([rng.choice(classes, size=each, p=p) for p in probabilities ** 0.7
                       / (probabilities ** 0.7).sum(1, keepdims=True)])
    probabilities = probabilities.astype(np.float32).astype(np.float64)
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    right = (labels == predicted[:, None]).any(1)
    # Every label is an item of its own where there are several.
    repeated, flat = np.repeat(probabilities, each, 0), labels.reshape(-1)
    every = list(range(classes))
    accuracy, mean_confidence = calibration_curve(right, confidence, n_bins=15)
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence)
    counts = np.bincount(bins, minlength=15)
    errors = ~right[np.argsort(-confidence)]
    return {
        "classes": classes,
        "labels_per_item": each,
        "probabilities": probabilities.reshape(-1).tolist(),
        "labels": flat.tolist(),
        "accuracy": accuracy_score(right, np.ones(items, bool)),
        "nll": log_loss(flat, repeated, labels=every),
        "brier": brier_score_loss(flat, repeated, labels=every, scale_by_half=False),
        "ece": np.sum(counts[counts > 0] * np.abs(accuracy - mean_confidence)) / items,
        "aurc": np.mean(np.cumsum(errors) / np.arange(1, items + 1)),
    }


def correlation():
    x = rng.normal(size=60).round(1)
    y = (x + rng.normal(size=60)).round(1)
    return {"x": x.tolist(), "y": y.tolist(), "pearson": pearsonr(x, y)[0],
            "spearman": spearmanr(x, y)[0], "median": np.median(x)}


print(json.dumps({
    "detection": [
        detection(rng.normal(size=60), rng.normal(1.5, 2.0, size=40)),
        # Ties, within and between the groups.
        detection(rng.integers(0, 8, size=80) / 4, rng.integers(3, 12, size=30) / 4),
        # Worse than chance.
        detection(rng.normal(1.0, 1.0, size=20), rng.normal(size=50)),
    ],
    "classification": [
        classification(80, 3, 1, 1.5),
        classification(60, 5, 2, 2.0),
    ],
    "correlation": correlation(),
}))
