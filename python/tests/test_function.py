"""A compiled function: what it takes, what it gives, what it refuses."""

import gc
import pathlib
import pickle
import tempfile
import threading
import unittest

import numpy as np
import pfp
from networks import LINEAR, MODULE, PARAMETERS, WEIGHTS, digits, linear


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.function = pfp.compile(LINEAR, WEIGHTS)
        cls.random = np.random.default_rng(0)

    def items(self, count):
        return self.random.normal(size=(count, 3)).astype(np.float32)

    def check(self, given, x):
        prediction = self.function(given)
        mean, variance = linear(np.asarray(x, dtype=np.float64))
        np.testing.assert_allclose(prediction.mean, mean, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(prediction.variance, variance, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(prediction.std, np.sqrt(variance), rtol=1e-5, atol=1e-5)

    def test_any_number_of_items_has_the_moments_of_the_formula(self):
        for count in [1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 200]:
            with self.subTest(count=count):
                x = self.items(count)
                self.check(x, x)
                self.assertEqual(len(self.function(x)), count)

    def test_no_items_give_no_results(self):
        prediction = self.function(np.zeros((0, 3), np.float32))
        self.assertEqual(prediction.mean.shape, (0, 2))

    def test_one_item_needs_no_batch(self):
        x = self.items(1)
        self.check(x[0], x)

    def test_other_kinds_of_numbers_and_layouts_are_converted(self):
        x = self.items(6)
        integers = np.arange(18).reshape(6, 3)
        for given in [x.astype(np.float64), np.asfortranarray(x), x.astype(">f4"), x[::2], x[:, ::-1], x.tolist()]:
            self.check(given, np.asarray(given))
        for dtype in [np.uint8, np.int64, np.float16, bool]:
            self.check(integers.astype(dtype), integers.astype(dtype))

    def test_arrays_of_other_libraries_are_taken(self):
        x = self.items(4)

        class HasArray:
            def __array__(self, dtype=None, copy=None):
                return x

        class HasDlpack:
            def __dlpack__(self, **options):
                return x.__dlpack__(**options)

            def __dlpack_device__(self):
                return x.__dlpack_device__()

        self.check(HasArray(), x)
        self.check(HasDlpack(), x)

    def test_items_of_one_size_of_batch_have_the_same_bits_wherever_they_are(self):
        function = pfp.compile(MODULE, PARAMETERS, batch=16)
        images = digits()[0][:40].astype(np.float32) / 16
        together = function(images)
        for index in [0, 5, 17, 39]:
            alone = function(images[index])
            np.testing.assert_array_equal(alone.mean[0], together.mean[index])
            np.testing.assert_array_equal(alone.variance[0], together.variance[index])

    def test_arrays_outlive_the_prediction_and_can_be_written(self):
        x = self.items(5)
        mean = self.function(x).mean
        gc.collect()
        np.testing.assert_allclose(mean, linear(x)[0], rtol=1e-5, atol=1e-5)
        mean[:] = 0
        self.assertTrue((self.function(x).mean != 0).any())

    def test_threads_call_at_the_same_time(self):
        x = self.items(300)
        expected = self.function(x).mean
        wrong = []

        def call():
            for _ in range(50):
                if not np.array_equal(self.function(x).mean, expected):
                    wrong.append(1)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_a_function_tells_what_it_takes_and_gives(self):
        self.assertEqual(self.function.inputs, {"input": (3,)})
        self.assertEqual(self.function.outputs, {"mean": (2,), "variance": (2,)})
        self.assertEqual(self.function.sizes, (1, 8, 64))
        self.assertEqual(self.function(self.items(2)).keys(), ("mean", "variance"))
        self.assertIn("input (items, 3) -> mean (items, 2)", repr(self.function))
        self.assertIn("<table>", self.function._repr_html_())
        self.assertIn("±", self.function(self.items(2))._repr_html_())

    def test_a_pickled_function_gives_the_same(self):
        x = self.items(9)
        again = pickle.loads(pickle.dumps(self.function))
        np.testing.assert_array_equal(again(x).variance, self.function(x).variance)


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.function = pfp.compile(LINEAR, WEIGHTS)

    def refuses(self, message, work, *help):
        with self.assertRaises(pfp.Error) as caught:
            work()
        self.assertIn(message, caught.exception.message)
        for text in help:
            self.assertIn(text, caught.exception.help)
        return caught.exception

    def test_shapes(self):
        self.refuses("takes any number of items of shape [3]", lambda: self.function(np.zeros((2, 4))))
        self.refuses("reads 1 array(s), got 0", lambda: self.function(), "input")
        self.refuses("reads 1 array(s), got 2", lambda: self.function(np.zeros(3), np.zeros(3)), "input")

    def test_numbers(self):
        x = np.zeros((4, 3))
        x[2, 1] = np.nan
        self.refuses("NaN in item 2, element 1", lambda: self.function(x))
        x[2, 1] = 1e300
        self.refuses("inf in item 2, element 1", lambda: self.function(x))
        for given in ["text", [["a", "b", "c"]], np.zeros((1, 3), complex), object()]:
            self.refuses("'input'", lambda given=given: self.function(given))

    def test_variances_of_inputs_are_not_negative(self):
        module = LINEAR.replace("%x: tensor<?x3xf32>", "%x: !gauss.tensor<?x3xf32>")
        module = module.replace("(tensor<?x3xf32>, ", "(!gauss.tensor<?x3xf32>, ")
        function = pfp.compile(module, WEIGHTS)
        mean, variance = np.ones((2, 3)), np.zeros((2, 3))
        np.testing.assert_array_equal(function(mean, -variance).mean, function(mean, variance).mean)
        variance[1, 2] = -1
        self.refuses("the variance -1 in item 1, element 2", lambda: function(mean, variance))

    def test_networks(self):
        self.refuses("cannot read nope.mlir", lambda: pfp.compile("nope.mlir"))
        self.refuses("a int is no network", lambda: pfp.compile(3), "module")
        error = self.refuses("gauss.dance", lambda: pfp.compile(LINEAR.replace("gauss.dense", "gauss.dance"), WEIGHTS))
        self.assertIn("model.mlir:4", str(error))

    def test_posteriors(self):
        self.refuses("without values", lambda: pfp.compile(LINEAR))
        self.refuses("w", lambda: pfp.compile(LINEAR, {"v.mean": np.ones((2, 3)), "v.std": np.ones((2, 3))}))
        wrong = {"w.mean": np.ones((3, 2)), "w.std": np.ones((3, 2))}
        self.refuses("w", lambda: pfp.compile(LINEAR, wrong))
        twice = WEIGHTS | {"w.std": np.ones((2, 3))}
        self.refuses("spread twice", lambda: pfp.compile(LINEAR, twice))
        negative = {"w.mean": np.ones((2, 3)), "w.std": -np.ones((2, 3))}
        self.refuses("negative standard deviation", lambda: pfp.compile(LINEAR, negative))

    def test_options(self):
        self.refuses("'--heads'", lambda: pfp.compile(LINEAR, WEIGHTS, heads="mean-field"), "--head")
        self.refuses("batch", lambda: pfp.compile(LINEAR, WEIGHTS, batch=0))
        self.refuses(
            "no meaning with --mode mean", lambda: pfp.compile(LINEAR, WEIGHTS, mode="mean", head="mean-field")
        )

    def test_outputs_that_are_not_there(self):
        prediction = self.function(np.zeros(3))
        self.assertFalse(hasattr(prediction, "probabilities"))
        with self.assertRaises(pfp.MissingOutput) as caught:
            prediction.probabilities
        self.assertIn("head=", caught.exception.help)
        with self.assertRaises(KeyError):
            prediction["logits"]


class Outputs(unittest.TestCase):
    def test_a_classifier_gives_probabilities_uncertainty_and_decisions(self):
        function = pfp.compile(MODULE, PARAMETERS, head="sample:200", reject_epistemic=0.9, return_covariance=True)
        images, _ = digits()
        prediction = function(images[:70].astype(np.float32) / 16)
        self.assertEqual(prediction.probabilities.shape, (70, 10))
        np.testing.assert_allclose(prediction.probabilities.sum(1), 1, atol=1e-5)
        total, aleatoric, epistemic = prediction.uncertainty
        np.testing.assert_allclose(total, aleatoric + epistemic, atol=1e-5)
        decision = prediction.decision
        self.assertEqual(decision.dtype, np.int64)
        rejected = epistemic > 0.9
        self.assertTrue(rejected.any() and not rejected.all())
        self.assertTrue((decision[rejected] == pfp.UNKNOWN).all())
        kept = prediction.probabilities.argmax(1)[~rejected]
        np.testing.assert_array_equal(decision[~rejected], kept)
        covariance = prediction.covariance
        self.assertEqual(covariance.shape, (70, 10, 10))
        np.testing.assert_allclose(np.einsum("nii->ni", covariance), prediction.variance, rtol=1e-4)

    def test_a_regression_gives_intervals(self):
        function = pfp.compile(LINEAR, WEIGHTS, head="interval:0.9")
        interval = function(np.ones((3, 3))).interval
        self.assertEqual(interval.lower.shape, (3, 2))
        self.assertTrue((interval.lower <= interval.upper).all())

    def test_modes_give_the_mean_network_and_draws(self):
        x = np.ones((20, 3), np.float32)
        mean = pfp.compile(LINEAR, WEIGHTS, mode="mean")(x)
        np.testing.assert_allclose(mean.mean, linear(x)[0], rtol=1e-5, atol=1e-5)
        with self.assertRaises(pfp.MissingOutput):
            mean.variance
        drawn = pfp.compile(LINEAR, WEIGHTS, mode="sample:30", draws=True)(x)
        self.assertEqual(drawn.draws.shape, (30, 20, 2))
        np.testing.assert_allclose(drawn.draws.mean(0), drawn.mean, atol=1e-4)

    def test_a_fixed_batch_is_kept(self):
        function = pfp.compile(LINEAR.replace("?x", "4x"), WEIGHTS)
        self.assertEqual(function.sizes, (4,))
        x = np.ones((6, 3), np.float32)
        np.testing.assert_allclose(function(x).variance, linear(x)[1], rtol=1e-5)


class Files(unittest.TestCase):
    def test_what_is_saved_is_what_the_command_line_writes(self):
        function = pfp.compile(MODULE, PARAMETERS, head="mean-field", cpu="x86-64-v3")
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            files = function.save(folder / "saved", batch=4)
            self.assertEqual([path.name for path in files], ["digits_mlp.o", "digits_mlp.h", "digits_mlp.json"])
            pfp.command(
                "compile",
                MODULE,
                params=PARAMETERS,
                head="mean-field",
                cpu="x86-64-v3",
                batch=4,
                output=folder / "line",
            )
            for path in files[:2]:
                self.assertEqual(path.read_bytes(), (folder / "line" / path.name).read_bytes())
            board = function.save(folder / "board", target="aarch64-linux-gnu", cpu="cortex-a72", emit=("obj", "rust"))
            self.assertEqual(board[0].read_bytes()[18], 183)

    def test_parameters_are_read_and_written(self):
        parameters = pfp.Parameters.of({"w.mean": np.ones(3), "w.std": np.full(3, 2.0), "b": np.zeros(2)})
        arrays = parameters.arrays()
        self.assertEqual(sorted(arrays), ["b", "w.mean", "w.var"])
        np.testing.assert_array_equal(arrays["w.var"], np.full(3, 4.0))


if __name__ == "__main__":
    unittest.main()
