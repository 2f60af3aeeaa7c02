"""Write the data files of this directory: digits, blends of two of them, tiles of photographs.

    python make_data.py [--directory DIRECTORY]

Training inputs and their soft labels are for `pfp train` and for `train.py`; the rest is held out.
"""

import argparse
import struct
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.model_selection import train_test_split

import evaluate

SEED = 1
CLASSES = 10
TEST_DIGITS = 400
TEST_BLENDS = 300
OOD_TILES_PER_PHOTO = 150
# Share of a label that is spread over all classes. Without it nothing bounds the logits of an easy
# digit, so their variance is free to be as large as a stranger's.
LABEL_NOISE = 0.05

TRAIN_IMAGES = "train-images.idx3-ubyte"
TRAIN_LABELS = "train-labels.npy"


def blends(images, labels, count, rng):
    """Ambiguous images: mixtures of two digits of different class.

    Returns pixels, the two classes, and the share of the first, which is also the
    probability of its label. The share stays near one half, so that a person could
    not say which digit was meant; the maximum is stretched back to 16, so that
    ambiguity is not given away by faintness.
    """
    first = rng.permutation(np.arange(count) % len(images))
    second = np.array([rng.choice(np.flatnonzero(labels != labels[i])) for i in first])
    share = rng.uniform(0.35, 0.65, count)
    mixed = (
        share[:, None, None] * images[first] + (1 - share)[:, None, None] * images[second]
    )
    pixels = np.rint(16 * mixed / mixed.max(axis=(1, 2), keepdims=True))
    return pixels, np.stack([labels[first], labels[second]], axis=1), share


def photo_tiles(count):
    """Out-of-domain images: `count` tiles of each of scikit-learn's two photographs.

    A tile is reduced as the digits were: 32x32 pixels, 4x4 of them to one. The tiles
    of highest contrast are kept (the others are sky and blur) and stretched to the
    full range 0..16, which nearly every digit fills.
    """
    tiles = []
    for photo in load_sample_images().images:
        grey = photo.astype(np.float64).mean(axis=2)
        h, w = grey.shape[0] // 32, grey.shape[1] // 32
        reduced = grey[: 32 * h, : 32 * w].reshape(h, 8, 4, w, 8, 4).mean(axis=(2, 5))
        reduced = reduced.transpose(0, 2, 1, 3).reshape(-1, 8, 8)
        contrast = reduced.std(axis=(1, 2))
        tiles.append(reduced[np.sort(np.argsort(-contrast, kind="stable")[:count])])
    tiles = np.concatenate(tiles)
    low = tiles.min(axis=(1, 2), keepdims=True)
    high = tiles.max(axis=(1, 2), keepdims=True)
    return np.rint(16 * (tiles - low) / (high - low))


def make_data(seed):
    """All files, by their names: arrays of bytes, and the label distributions of the training images."""
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.images,
        digits.target,
        test_size=TEST_DIGITS,
        stratify=digits.target,
        random_state=seed,
    )
    train_rng, test_rng = (np.random.default_rng([seed, part]) for part in (0, 1))

    blend_x, pair, share = blends(train_x, train_y, len(train_x), train_rng)
    one_hot = np.eye(CLASSES)
    labels = np.concatenate(
        [
            one_hot[train_y],
            share[:, None] * one_hot[pair[:, 0]] + (1 - share)[:, None] * one_hot[pair[:, 1]],
        ]
    )
    labels = (1 - LABEL_NOISE) * labels + LABEL_NOISE / CLASSES

    ambiguous_x, ambiguous_y, _ = blends(test_x, test_y, TEST_BLENDS, test_rng)
    return {
        TRAIN_IMAGES: np.concatenate([train_x, blend_x]),
        TRAIN_LABELS: labels.astype(np.float32),
        "test-images.idx3-ubyte": test_x,
        "test-labels.idx1-ubyte": test_y,
        "ambiguous-images.idx3-ubyte": ambiguous_x,
        "ambiguous-labels.idx2-ubyte": ambiguous_y,
        "ood-images.idx3-ubyte": photo_tiles(OOD_TILES_PER_PHOTO),
    }


def write_idx(path, array):
    data = np.asarray(array)
    if data.min() < 0 or data.max() > 255:
        raise ValueError(f"{path}: values do not fit unsigned bytes")
    header = struct.pack(f">HBB{data.ndim}I", 0, 8, data.ndim, *data.shape)
    path.write_bytes(header + data.astype(np.uint8).tobytes())


def write_data(directory, data):
    directory.mkdir(parents=True, exist_ok=True)
    for name, array in data.items():
        path = directory / name
        if path.suffix == ".npy":
            np.save(path, array)
        else:
            write_idx(path, array)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, default=evaluate.HERE)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    write_data(arguments.directory, make_data(arguments.seed))


if __name__ == "__main__":
    main()
