"""Exports small networks with tools other than torch's exporters, with inputs and outputs.

    pip install -r requirements-onnx-others.txt
    python make_onnx_others.py FOLDER [WRITER..]

Writers are keras-tensorflow, keras-torch, keras-jax, tf2onnx, skl2onnx and jax2onnx; each runs in a process
of its own. For each network NAME.onnx; NAME.npy, inputs as float32; and NAME.json:

- "outputs", what onnxruntime gives for the inputs: of a classifier, its probabilities;
- "runtime", instead, where onnxruntime refuses the file: its message; "outputs" are the framework's;
- "refused", where pfp refuses the file: a part of its message.

The weights are random, from fixed seeds. tf2onnx numbers and orders some nodes differently in each run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

LABELS = "leave it out with --outputs"
# What pfp refuses: pools of four dimensions, recurrent layers as loops, labels of classes.
REFUSED = {
    "keras_jax_lstm": "Loop of opset 23, has control flow",
    "skl2onnx_binary": LABELS,
    "skl2onnx_classes": LABELS,
    "skl2onnx_labels": LABELS,
}


def listed(values):
    return [float(f"{value:.9g}") for value in np.ravel(values).tolist()]


def save(folder, name, model, x, wanted=None):
    """Writes a model (a ModelProto) without what tells of the machine that wrote it, its inputs and outputs."""
    import onnx
    import onnxruntime

    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    for item in [*nodes, *model.graph.value_info, *model.graph.input, *model.graph.output]:
        item.doc_string = ""
        del item.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    del model.metadata_props[:], model.graph.metadata_props[:]
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    np.save(folder / f"{name}.npy", np.ascontiguousarray(x, np.float32))
    table = {}
    try:
        session = onnxruntime.InferenceSession(str(path))
        outputs = session.run(None, {session.get_inputs()[0].name: x})
        # Classifiers have labels first.
        table["outputs"] = listed(outputs[-1])
        if wanted is not None:
            np.testing.assert_allclose(outputs[-1].ravel(), np.ravel(wanted), rtol=1e-4, atol=1e-5)
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument as error:
        table["outputs"] = listed(wanted)
        table["runtime"] = str(error)
    if name in REFUSED:
        table["refused"] = REFUSED[name]
    (folder / f"{name}.json").write_text(json.dumps(table) + "\n")
    print(path.name, path.stat().st_size)


def keras_networks():
    """Sequential networks with weights that are not those of a network that was never trained."""
    import keras
    from keras import layers

    networks = {
        "cnn": (
            (12, 12, 2),
            [
                layers.Conv2D(4, 3, padding="same", activation="relu"),
                layers.BatchNormalization(),
                layers.MaxPooling2D(2),
                layers.Conv2D(6, 3, use_bias=False),
                layers.BatchNormalization(),
                layers.Activation("relu"),
                layers.AveragePooling2D(2),
                layers.Flatten(),
                layers.Dense(8, activation="relu"),
                layers.Dense(3),
            ],
        ),
        "mobile": (
            (12, 12, 2),
            [
                layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(6.0),
                layers.DepthwiseConv2D(3, padding="same"),
                layers.Activation("silu"),
                layers.Conv2D(6, 1),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax"),
            ],
        ),
        "conv1d": (
            (20, 2),
            [
                layers.Conv1D(4, 5, padding="causal", activation="elu"),
                layers.MaxPooling1D(2),
                layers.Conv1D(4, 3, dilation_rate=2),
                layers.LeakyReLU(0.1),
                layers.GlobalMaxPooling1D(),
                layers.Dense(2, activation="sigmoid"),
            ],
        ),
        "mlp": (
            (5,),
            [
                layers.Dense(8, activation="tanh"),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
                layers.Dense(6, activation="softplus"),
                layers.Dense(2),
            ],
        ),
        "norm": (
            (5,),
            [layers.Dense(8, activation="gelu"), layers.LayerNormalization(), layers.Dense(2)],
        ),
        "lstm": ((7, 4), [layers.LSTM(6), layers.Dense(2)]),
        "unet": (
            (8, 8, 1),
            [
                layers.Conv2D(3, 3, padding="same", activation="relu"),
                layers.MaxPooling2D(),
                layers.Conv2D(4, 3, padding="same", activation="swish"),
                layers.UpSampling2D(),
                layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
            ],
        ),
        "steps": (
            (6, 5),
            [
                layers.Dense(4, activation="tanh"),
                layers.LayerNormalization(),
                layers.Dense(3),
                layers.Flatten(),
                layers.Dense(2),
            ],
        ),
        "embedding": ((6,), [layers.Embedding(11, 5), layers.GlobalAveragePooling1D(), layers.Dense(2)]),
    }
    for number, (name, (shape, stack)) in enumerate(networks.items()):
        whole = name == "embedding"
        network = keras.Sequential([keras.Input(shape, dtype="int32" if whole else None), *stack])
        generator = np.random.default_rng(number)
        for weight in network.weights:
            largest = 0.4 if len(weight.shape) == 1 else (2 / np.prod(weight.shape[:-1])) ** 0.5
            positive = weight.path.endswith(("gamma", "moving_variance"))
            low, high = (0.5, 2) if positive else (-largest, largest)
            weight.assign(generator.uniform(low, high, weight.shape).astype(np.float32))
        x = generator.normal(size=(2, *shape)).astype(np.float32)
        x = generator.integers(0, 11, (2, *shape)).astype(np.int32) if whole else x
        wanted = keras.ops.convert_to_numpy(network(x, training=False))
        yield name, network, x, wanted


# Networks that a backend of Keras 3.15 writes no valid file of: GELU on tensorflow becomes an operator that
# is not one of ONNX, LayerNormalization on torch fails.
INVALID = {("tensorflow", "norm"), ("torch", "norm"), ("torch", "steps")}


def keras_export(folder, backend):
    import onnx

    for name, network, x, wanted in keras_networks():
        if (backend, name) not in INVALID:
            path = folder / f"keras_{backend}_{name}.onnx"
            network.export(str(path), format="onnx", verbose=False)
            save(folder, path.stem, onnx.load(path), x, wanted)


def tf2onnx_export(folder):
    import tensorflow as tf
    import tf2onnx

    for name, network, x, wanted in keras_networks():
        if name in ("cnn", "mobile", "mlp", "conv1d"):
            signature = [tf.TensorSpec((None, *x.shape[1:]), tf.float32, name="x")]
            function = tf.function(lambda value, network=network: network(value, training=False), signature)
            model, _ = tf2onnx.convert.from_function(function, signature, opset=18)
            save(folder, f"tf2onnx_{name}", model, x, wanted)


def skl2onnx_export(folder):
    from skl2onnx import to_onnx
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(3)
    x = generator.normal(size=(60, 4)).astype(np.float32)
    score = x @ generator.normal(size=(4, 3)) + 0.3 * generator.normal(size=(60, 3))
    settings = {"hidden_layer_sizes": (8, 6), "max_iter": 60, "random_state": 0}
    cases = {
        "binary": (MLPClassifier(activation="tanh", **settings), score[:, 0] > 0),
        "classes": (MLPClassifier(**settings), score.argmax(1)),
        "labels": (MLPClassifier(activation="logistic", **settings), score > 0),
        "regressor": (MLPRegressor(**settings), score[:, 0]),
        "regressor2": (MLPRegressor(activation="tanh", **settings), score[:, :2]),
        "scaled": (make_pipeline(StandardScaler(), MLPRegressor(**settings)), score[:, 0]),
    }
    for name, (model, y) in cases.items():
        model.fit(x, y)
        classifier = isinstance(model, MLPClassifier)
        options = {id(model): {"zipmap": False}} if classifier else {}
        wanted = model.predict_proba(x[:2]) if classifier else model.predict(x[:2])
        written = to_onnx(model, x[:1], options=options)
        save(folder, f"skl2onnx_{name}", written, x[:2], wanted)
        if classifier:
            # The same without the labels.
            output = written.graph.output[-1].name
            written = select_model_inputs_outputs(written, output)
            save(folder, f"skl2onnx_{name}_probabilities", written, x[:2], wanted)


def jax2onnx_export(folder):
    import jax
    from flax import nnx
    from jax2onnx import to_onnx

    class Mlp(nnx.Module):
        def __init__(self, rngs):
            self.first, self.norm = nnx.Linear(5, 8, rngs=rngs), nnx.LayerNorm(8, rngs=rngs)
            self.second = nnx.Linear(8, 2, rngs=rngs)

        def __call__(self, x):
            return self.second(nnx.gelu(self.norm(self.first(x))))

    class Cnn(nnx.Module):
        def __init__(self, rngs):
            self.conv = nnx.Conv(2, 4, (3, 3), rngs=rngs)
            self.norm = nnx.BatchNorm(4, use_running_average=True, rngs=rngs)
            self.head = nnx.Linear(36 * 4, 3, rngs=rngs)

        def __call__(self, x):
            x = nnx.max_pool(nnx.relu(self.norm(self.conv(x))), window_shape=(2, 2), strides=(2, 2))
            return self.head(x.reshape(x.shape[0], -1))

    for name, kind, shape in (("mlp", Mlp, (5,)), ("cnn", Cnn, (12, 12, 2))):
        network = kind(nnx.Rngs(7))
        generator = np.random.default_rng(7)

        def settled(value, generator=generator):
            uniform = generator.uniform(0.3, 1.0, value.shape).astype(np.float32)
            return jax.numpy.asarray(uniform) if value.ndim == 1 else value

        graph, state = nnx.split(network)
        network = nnx.merge(graph, jax.tree.map(settled, state))
        x = generator.normal(size=(2, *shape)).astype(np.float32)
        model = to_onnx(network, inputs=[("B", *shape)])
        save(folder, f"jax2onnx_{name}", model, x, np.asarray(network(x)))


EXPORTS = {
    "keras-tensorflow": lambda folder: keras_export(folder, "tensorflow"),
    "keras-torch": lambda folder: keras_export(folder, "torch"),
    "keras-jax": lambda folder: keras_export(folder, "jax"),
    "tf2onnx": tf2onnx_export,
    "skl2onnx": skl2onnx_export,
    "jax2onnx": jax2onnx_export,
}


def main(folder, *writers):
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    for writer in writers or EXPORTS:
        backend = writer.removeprefix("keras-") if writer.startswith("keras-") else "tensorflow"
        settings = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        code = f"import make_onnx_others as m, pathlib; m.EXPORTS[{writer!r}](pathlib.Path({str(folder)!r}))"
        here = {"PYTHONPATH": str(Path(__file__).parent), "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-W", "ignore", "-c", code]
        subprocess.run(command, env=os.environ | settings | here, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
