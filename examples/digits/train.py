"""Train the two digit networks with JAX, to compare with `train.sh`, and evaluate them.

    python train.py --directory DIRECTORY

Mean-field Gaussian variational inference: every weight and bias has an independent
Gaussian posterior; its mean and variance maximise the tempered evidence lower bound
(see README.md for the recipe). Batch-norm parameters are deterministic.
"""

import argparse
import dataclasses
import json
import struct
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import evaluate
from evaluate import BATCH_NORM_EPSILON, NETWORKS, PIXEL_MEAN, PIXEL_STD, normalise
from make_data import CLASSES, SEED, TRAIN_IMAGES, TRAIN_LABELS, make_data, write_data

WEIGHT_SHAPES = {
    "mlp": {"fc1": (64, 64), "fc2": (64, 64), "fc3": (CLASSES, 64)},
    "cnn": {
        "conv1": (8, 1, 3, 3),
        "conv2": (16, 8, 3, 3),
        "fc1": (32, 64),
        "fc2": (CLASSES, 32),
    },
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    steps: int
    # Standard deviation of the zero-mean Gaussian prior of all weights and biases.
    # Weights that the digits do not determine keep it, and it is these that answer to
    # out-of-domain images. Three dense layers in a row multiply it; the convolutional
    # network, whose weights are shared and mostly determined, needs a wider one.
    prior_std: float
    # Factor of the KL term. At 1 the 2,794 training images are too few against the
    # prior, and most hidden units are pruned.
    kl_weight: float = 0.1
    batch: int = 128
    learning_rate: float = 3e-3
    # Scales have further to go (from INITIAL_STD to the prior) than means.
    scale_learning_rate: float = 12e-3
    warm_up: float = 0.25  # share of the steps in which the KL factor grows from 0


RECIPES = {
    "mlp": Recipe(steps=10_000, prior_std=0.5),
    "cnn": Recipe(steps=12_000, prior_std=3.0),
}
INITIAL_STD = 0.05
BATCH_NORM_MOMENTUM = 0.99


# Variational inference ----------------------------------------------------------


def std(raw):
    return jax.nn.softplus(raw)


def initial_parameters(network, rng):
    raw = float(np.log(np.expm1(INITIAL_STD)))
    parameters = {}
    for layer, shape in WEIGHT_SHAPES[network].items():
        he = np.sqrt(2 / np.prod(shape[1:]))
        parameters[layer] = {
            "weight": {
                "mean": jnp.asarray(he * rng.standard_normal(shape), jnp.float32),
                "raw_std": jnp.full(shape, raw),
            },
            "bias": {"mean": jnp.zeros(shape[0]), "raw_std": jnp.full(shape[0], raw)},
        }
    for operation, layer in NETWORKS[network]:
        if operation == "batch_norm":
            channels = 8
            parameters[layer] = {"gamma": jnp.ones(channels), "beta": jnp.zeros(channels)}
    return parameters


def sampled_dense(key, layer, x):
    """Local reparameterisation: each image meets weights of its own."""
    weight, bias = layer["weight"], layer["bias"]
    mean = x @ weight["mean"].T + bias["mean"]
    var = x**2 @ (std(weight["raw_std"]) ** 2).T + std(bias["raw_std"]) ** 2
    return mean + jnp.sqrt(var) * jax.random.normal(key, mean.shape)


def sampled_conv2d(key, layer, x):
    """Draws one kernel per image.

    Noise on the outputs instead would be independent from pixel to pixel, which a
    kernel that slides over the image is not.
    """
    n, _, h, w = x.shape
    weight_key, bias_key = jax.random.split(key)

    def draw(key, parameter):
        noise = jax.random.normal(key, (n, *parameter["mean"].shape))
        return parameter["mean"] + std(parameter["raw_std"]) * noise

    weight = draw(weight_key, layer["weight"])
    bias = draw(bias_key, layer["bias"])
    padded = jnp.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifted = jnp.stack(
        [padded[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)], axis=2
    )
    kernel = weight.reshape(n, weight.shape[1], weight.shape[2], 9)
    return jnp.einsum("nocs,ncshw->nohw", kernel, shifted) + bias[:, :, None, None]


def max_pool(x):
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5))


def sampled_forward(network, parameters, statistics, key, x):
    """Logits under sampled weights, and the running batch-norm statistics after `x`."""
    statistics = dict(statistics)
    for operation, name in NETWORKS[network]:
        key, layer_key = jax.random.split(key)
        layer = parameters.get(name)
        if operation == "dense":
            x = sampled_dense(layer_key, layer, x)
        elif operation == "conv2d":
            x = sampled_conv2d(layer_key, layer, x)
        elif operation == "batch_norm":
            mean, var = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
            statistics[name] = jax.tree.map(
                lambda old, new: BATCH_NORM_MOMENTUM * old + (1 - BATCH_NORM_MOMENTUM) * new,
                statistics[name],
                {"running_mean": mean, "running_var": var},
            )
            scale = layer["gamma"] / jnp.sqrt(var + BATCH_NORM_EPSILON)
            x = (x - mean[:, None, None]) * scale[:, None, None] + layer["beta"][:, None, None]
        elif operation == "relu":
            x = jax.nn.relu(x)
        elif operation == "max_pool":
            x = max_pool(x)
        elif operation == "flatten":
            x = x.reshape(x.shape[0], -1)
        else:
            raise ValueError(f"no sampled form of {operation}")
    return x, statistics


def kl_divergence(network, parameters, prior_std):
    """KL(posterior || prior), summed over all weights and biases."""
    total = 0.0
    for layer in WEIGHT_SHAPES[network]:
        for parameter in parameters[layer].values():
            ratio = std(parameter["raw_std"]) / prior_std
            shift = parameter["mean"] / prior_std
            total += jnp.sum(0.5 * (ratio**2 + shift**2 - 1) - jnp.log(ratio))
    return total


def train(network, recipe, inputs, targets, seed):
    """Returns the tensors of the network's safetensors file."""
    parameters = initial_parameters(network, np.random.default_rng([seed, 2]))
    statistics = {
        layer: {
            "running_mean": jnp.zeros_like(parameters[layer]["beta"]),
            "running_var": jnp.ones_like(parameters[layer]["gamma"]),
        }
        for operation, layer in NETWORKS[network]
        if operation == "batch_norm"
    }

    def rate(peak):
        return optax.adam(optax.cosine_decay_schedule(peak, recipe.steps))

    optimiser = optax.multi_transform(
        {"scale": rate(recipe.scale_learning_rate), "other": rate(recipe.learning_rate)},
        jax.tree_util.tree_map_with_path(
            lambda path, _: "scale" if path[-1].key == "raw_std" else "other", parameters
        ),
    )

    def loss(parameters, statistics, key, x, y, kl_weight):
        logits, statistics = sampled_forward(network, parameters, statistics, key, x)
        misfit = -(y * jax.nn.log_softmax(logits)).sum(axis=1).mean()
        kl = kl_divergence(network, parameters, recipe.prior_std) / len(inputs)
        return misfit + kl_weight * kl, (statistics, misfit, kl)

    def step(state, i):
        parameters, statistics, optimiser_state, key = state
        key, batch_key, noise_key = jax.random.split(key, 3)
        batch = jax.random.randint(batch_key, (recipe.batch,), 0, len(inputs))
        kl_weight = recipe.kl_weight * jnp.minimum(1, i / (recipe.warm_up * recipe.steps))
        (_, (statistics, misfit, kl)), gradient = jax.value_and_grad(loss, has_aux=True)(
            parameters, statistics, noise_key, inputs[batch], targets[batch], kl_weight
        )
        update, optimiser_state = optimiser.update(gradient, optimiser_state)
        parameters = optax.apply_updates(parameters, update)
        return (parameters, statistics, optimiser_state, key), (misfit, kl)

    inputs, targets = jnp.asarray(inputs), jnp.asarray(targets)
    many_steps = jax.jit(lambda state, steps: jax.lax.scan(step, state, steps))
    state = (parameters, statistics, optimiser.init(parameters), jax.random.key(seed))
    for steps in np.arange(recipe.steps).reshape(-1, 2_000):
        state, (misfit, kl) = many_steps(state, steps)
        print(
            f"{network} step {steps[-1] + 1}: misfit {misfit.mean():.4f},"
            f" KL {kl.mean():.3f} nat per image",
            flush=True,
        )

    parameters, statistics, *_ = jax.tree.map(lambda a: np.asarray(a, np.float64), state[:2])
    tensors = {}
    for layer, values in parameters.items():
        for name, value in values.items():
            if isinstance(value, dict):
                tensors[f"{layer}.{name}.mean"] = value["mean"]
                tensors[f"{layer}.{name}.var"] = np.logaddexp(0, value["raw_std"]) ** 2
            else:
                tensors[f"{layer}.{name}"] = value
    for layer, values in statistics.items():
        for name, value in values.items():
            tensors[f"{layer}.{name}"] = value
    return {name: tensors[name].astype(np.float32) for name in sorted(tensors)}


# Files --------------------------------------------------------------------------


def write_safetensors(path, tensors, metadata):
    """Writes float32 tensors.

    The safetensors package orders metadata at random; here the same training gives the
    same bytes.
    """
    header = {"__metadata__": metadata}
    offset = 0
    for name, value in tensors.items():
        end = offset + value.nbytes
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(value.astype("<f4").tobytes() for value in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def metadata(network, recipe, seed):
    return {
        "network": f"digits {network}, mean-field Gaussian posterior; .var is a variance",
        "source": "examples/digits/train.py",
        "seed": str(seed),
        "normalisation": f"(pixel / 16 - {PIXEL_MEAN}) / {PIXEL_STD}, pixel in 0..16",
        "prior": f"N(0, {recipe.prior_std}^2), KL weight {recipe.kl_weight}",
        "training_data": "UCI Optical Recognition of Handwritten Digits,"
        " E. Alpaydin and C. Kaynak, 1998, CC BY 4.0, via scikit-learn",
        "licence": "as the project; training data CC BY 4.0",
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    directory, seed = arguments.directory, arguments.seed
    directory.mkdir(parents=True, exist_ok=True)

    data = make_data(seed)
    write_data(directory, data)
    inputs, targets = normalise(data[TRAIN_IMAGES]), data[TRAIN_LABELS]
    for network, recipe in RECIPES.items():
        start = time.monotonic()
        tensors = train(network, recipe, inputs, targets, seed)
        write_safetensors(
            directory / f"{network}.safetensors", tensors, metadata(network, recipe, seed)
        )
        print(f"{network}: {time.monotonic() - start:.0f} s")
    failures = evaluate.run(directory, write_reference=True)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
