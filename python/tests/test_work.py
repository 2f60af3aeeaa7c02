"""Training, evaluation, calibration and imports: the commands on arrays."""

import json
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import numpy as np
import pfp
from networks import LINEAR, MODULE, PARAMETERS, ROOT, WEIGHTS, digits

ONNX = ROOT / "test" / "import" / "onnx"
FRAMEWORKS = ROOT / "test" / "import" / "files"

#: A network as `numpyro_plain` has its sites: weights in x out.
PLAIN = """
func.func @plain(%x: tensor<?x4xf32>) -> !gauss.tensor<?x3xf32> {
  %w = gauss.parameter "w" : !gauss.tensor<3x4xf32>
  %0 = gauss.dense %x, %w : (tensor<?x4xf32>, !gauss.tensor<3x4xf32>) -> !gauss.tensor<?x3xf32>
  return %0 : !gauss.tensor<?x3xf32>
}
"""


class Training(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        images, labels = digits()
        cls.items, cls.labels = images.astype(np.float32) / 16, labels
        cls.training = pfp.train(
            MODULE,
            (cls.items[:200], labels[:200]),
            validation=(cls.items[200:300], labels[200:300]),
            epochs=40,
            learning_rate=3e-3,
            seed=3,
        )

    def test_a_training_has_history_and_posterior(self):
        training = self.training
        self.assertEqual([each["epoch"] for each in training.history], list(range(1, 41)))
        self.assertLess(training.history[-1]["loss"], training.history[0]["loss"])
        self.assertIn("validation", training.history[0])
        self.assertEqual(training.summary["items"], 200)
        self.assertIn("fc1.weight.var", training.posterior.arrays())
        self.assertIn("<svg", training._repr_html_())

    def test_a_training_compiles(self):
        function = self.training.compile(head="mean-field")
        right = function(self.items[300:]).probabilities.argmax(1) == self.labels[300:]
        self.assertGreater(right.mean(), 0.5)

    def test_the_same_seed_gives_the_same_posterior(self):
        again = [pfp.train(MODULE, (self.items[:50], self.labels[:50]), epochs=1, seed=5) for _ in range(2)]
        first, second = (each.posterior.arrays() for each in again)
        for name, array in first.items():
            np.testing.assert_array_equal(array, second[name])

    def test_a_regression_learns_its_noise(self):
        random = np.random.default_rng(0)
        x = random.normal(size=(400, 3))
        y = x @ np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 1.0]]) + random.normal(size=(400, 2)) * 0.1
        training = pfp.train(LINEAR, (x, y), loss="gaussian", epochs=60, learning_rate=0.05)
        self.assertEqual(training.noise_variance.shape, (2,))
        np.testing.assert_allclose(training.noise_variance, 0.01, rtol=0.5)

    def test_a_calibration_lowers_the_likelihood_and_rejects(self):
        calibration = pfp.calibrate(self.training, (self.items[200:], self.labels[200:]))
        held_out = calibration.report["held_out"]
        self.assertLess(held_out["after"]["nll"], held_out["before"]["nll"] + 0.05)
        decision = calibration.compile(head="sample:100")(self.items[:20]).decision
        self.assertTrue(((decision >= pfp.UNKNOWN) & (decision < 10)).all())
        self.assertIn("<table>", calibration._repr_html_())

    def test_an_evaluation_compares_modes(self):
        noise = np.random.default_rng(0).random((50, 1, 8, 8))
        data = (self.items[200:300], self.labels[200:300])
        evaluation = pfp.evaluate(self.training, data, ood=noise, modes=("moments", "mean"), no_latency=True)
        self.assertEqual([each["mode"] for each in evaluation["modes"]], ["moments", "mean"])
        self.assertEqual([each["items"] for each in evaluation["sets"]], [100, 50])
        self.assertIn("accuracy", evaluation._repr_html_())
        with self.assertRaises(pfp.Error):
            pfp.evaluate(self.training, self.items, no_latency=True)

    def test_a_signal_ends_a_run(self):
        # A job in the background of a shell is started with the signal ignored.
        program = f"""
import signal
import numpy as np, pfp
signal.signal(signal.SIGINT, signal.default_int_handler)
x = np.zeros((20000, 1, 8, 8), np.float32)
print("begins", flush=True)
try:
    pfp.train({str(MODULE)!r}, (x, np.zeros(20000, np.int64)), epochs=100000)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.kill)
        self.assertEqual(child.stdout.readline(), "begins\n")
        time.sleep(2)
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.communicate(timeout=60)[0], "interrupted\n")
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(child.returncode, 0)


class Imports(unittest.TestCase):
    model, posterior, names = (
        ONNX / f"conv1d{end}" for end in ["_dynamo.onnx", ".posterior.safetensors", ".safetensors"]
    )

    def test_an_onnx_model_and_its_posterior_give_what_the_command_line_gives(self):
        x = np.load(ONNX / "conv1d.npy")
        answer = pfp.command("run", self.model, posterior=self.posterior, names=self.names, input=ONNX / "conv1d.npy")
        mean, variance = (np.reshape(each["values"], each["shape"]) for each in answer["outputs"])
        arrays, metadata = _safetensors(self.posterior)
        self.assertEqual(metadata.get("representation", "std"), "std")
        weights, _ = _safetensors(self.names)
        named = {}
        for name, array in arrays.items():
            name = name.removesuffix(".scale")
            named |= {f"{name}.mean": weights[name], f"{name}.std": array}

        class ModelProto:
            def SerializeToString(proto):
                return self.model.read_bytes()

        given = [(self.model, self.posterior), (self.model.read_bytes(), self.posterior), (ModelProto(), named)]
        for model, posterior in given:
            prediction = pfp.compile(model, posterior, names=self.names)(x)
            np.testing.assert_allclose(prediction.mean, mean, rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(prediction.variance, variance, rtol=1e-4)

    def test_an_onnx_model_needs_no_posterior(self):
        x = np.load(ONNX / "conv1d.npy")
        expected = json.loads((ONNX / "conv1d.json").read_text())["outputs"]
        np.testing.assert_allclose(pfp.compile(self.model)(x).mean.ravel(), expected, rtol=1e-4, atol=1e-5)
        self.assertTrue((pfp.compile(self.model, "constant:0.05")(x).variance > 0).all())

    def test_params_of_numpyro(self):
        random = np.random.default_rng(0)
        mean, std = random.normal(size=(4, 3)), random.random((4, 3)) + 0.1
        params = {"w_auto_loc": mean, "w_auto_scale": std}
        x = random.normal(size=(5, 4))
        for options in [{"framework": "numpyro"}, {}]:
            prediction = pfp.compile(PLAIN, params, map={"w": "w:transpose"}, **options)(x)
            np.testing.assert_allclose(prediction.mean, x @ mean, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(prediction.variance, x**2 @ std**2, rtol=1e-4)

    def test_files_of_frameworks(self):
        expected = json.loads((FRAMEWORKS / "numpyro_plain.json").read_text())
        shape = np.shape(expected["w1"]["mean"])
        self.assertEqual(shape, (4, 3))
        options = {"framework": "numpyro", "map": {"w1": "w:transpose", "(b1|w2|b2)": ""}}
        function = pfp.compile(PLAIN, FRAMEWORKS / "numpyro_plain.pkl", **options)
        x = np.eye(4)
        np.testing.assert_allclose(function(x).mean, expected["w1"]["mean"], rtol=1e-5)
        np.testing.assert_allclose(function(x).variance, expected["w1"]["variance"], rtol=1e-5)

    def test_options_that_mean_nothing_are_refused(self):
        for work in [
            lambda: pfp.compile(LINEAR, WEIGHTS, names="net.safetensors"),
            lambda: pfp.compile(LINEAR, representation="std"),
            lambda: pfp.compile(LINEAR, WEIGHTS, input_shape=(3,)),
            lambda: pfp.compile(LINEAR, object(), framework="pyro"),
        ]:
            with self.assertRaises(pfp.Error):
                work()


def _safetensors(path):
    from pfp import _files

    return _files.read_safetensors(path.read_bytes())


class CommandLine(unittest.TestCase):
    def test_any_command_gives_its_answer(self):
        answer = pfp.command("inspect", MODULE, params=PARAMETERS)
        self.assertIn("digits_mlp", json.dumps(answer))

    def test_the_program_is_there(self):
        done = subprocess.run([sys.executable, "-m", "pfp", "--version"], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (0, f"pfp {pfp.__version__}\n"))
        wrong = subprocess.run([sys.executable, "-m", "pfp", "inspect", "nope.mlir"], capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 1)
        self.assertIn("cannot read nope.mlir", wrong.stderr)

    def test_an_import_brings_no_library_along(self):
        program = "import sys, pfp; print([name for name in ('numpy', 'torch', 'sklearn') if name in sys.modules])"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual(done.stdout, "[]\n")

    def test_types_are_told(self):
        folder = pathlib.Path(pfp.__file__).parent
        self.assertTrue((folder / "py.typed").exists())
        stubs = (folder / "__init__.pyi").read_text()
        for name in pfp.__all__:
            self.assertRegex(stubs, rf"(class|def) {name}\b|{name}:")


if __name__ == "__main__":
    unittest.main()
