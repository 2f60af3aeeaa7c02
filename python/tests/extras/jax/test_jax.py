"""Modules of flax, and posteriors of NumPyro, with small real models."""

import unittest

import flax.linen as nn
import flax.traverse_util
import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pfp
from flax import nnx
from numpyro.contrib.module import random_flax_module, random_nnx_module
from numpyro.infer import SVI, Trace_ELBO
from numpyro.infer.autoguide import AutoNormal
from test_docs import run


class Convolutions(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(4, (3, 3))(x))
        x = nn.max_pool(x, (2, 2), strides=(2, 2))
        x = nn.avg_pool(nn.Conv(4, (2, 2), padding="VALID", use_bias=False)(x), (3, 3))
        x = x.reshape((x.shape[0], -1))
        x = nn.gelu(nn.Dense(8)(x))
        x = nn.silu(nn.Dense(8)(x))
        x = nn.leaky_relu(jnp.tanh(nn.Dense(8, use_bias=False)(x)))
        x = nn.sigmoid(nn.softplus(x))
        return nn.Dense(3)(x) * 2.0 - 1.0


class Small(nn.Module):
    @nn.compact
    def __call__(self, x):
        return nn.Dense(2)(nn.tanh(nn.Dense(8)(x)))


class SmallNnx(nnx.Module):
    def __init__(self, rngs):
        self.hidden, self.out = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, x):
        return self.out(nnx.relu(self.hidden(x)))


def posterior_of(params, scale):
    flat = flax.traverse_util.flatten_dict(params, sep=".")
    means = {f"{name}.mean": np.asarray(array) for name, array in flat.items()}
    return means | {f"{name}.std": np.full(array.shape, scale) for name, array in flat.items()}


def blobs():
    x = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    return x, (x[:, 0] > 0).astype(int)


def fitted(network):
    """The params of a guide of NumPyro for a network."""
    x, y = blobs()

    def model(x, y):
        numpyro.sample("obs", dist.Categorical(logits=network()(x)), obs=y)

    svi = SVI(model, AutoNormal(model), numpyro.optim.Adam(0.02), Trace_ELBO())
    return svi.run(jax.random.key(0), 600, x, y, progress_bar=False).params


class Modules(unittest.TestCase):
    def test_the_mean_network_is_that_of_flax(self):
        net = Convolutions()
        x = jax.random.normal(jax.random.key(1), (5, 9, 8, 1))
        variables = net.init(jax.random.key(0), x)
        posterior = posterior_of(variables["params"], 0.05)
        mean = pfp.compile(net, posterior, input_shape=(9, 8, 1), mode="mean")(x).mean
        np.testing.assert_allclose(mean, net.apply(variables, x), rtol=1e-4, atol=1e-5)
        self.assertTrue((pfp.compile(net, posterior, input_shape=(9, 8, 1))(x).variance > 0).all())

    def test_a_module_of_nnx_has_its_means(self):
        net = SmallNnx(nnx.Rngs(0))
        x = np.ones((3, 4), np.float32)
        plain = pfp.compile(net, input_shape=(4,))(x)
        np.testing.assert_allclose(plain.mean, net(x), rtol=1e-4, atol=1e-5)
        deviations = {"out.kernel.std": np.ones((8, 2))}
        gaussian = pfp.compile(net, deviations, deterministic=True, input_shape=(4,))(x)
        hidden = nnx.relu(net.hidden(x))
        np.testing.assert_allclose(gaussian.variance, np.repeat((hidden**2).sum(1)[:, None], 2, 1), rtol=1e-4)

    def test_guides_of_numpyro(self):
        x, y = blobs()
        prior = dist.Normal(0.0, 1.0)
        linen = fitted(lambda: random_flax_module("nn", Small(), prior, input_shape=(1, 4)))
        function = pfp.compile(Small(), linen, input_shape=(4,))
        self.assertGreater((function(x).mean.argmax(1) == y).mean(), 0.9)
        arrays = pfp.Parameters(function.parameters).arrays()
        kernel = np.asarray(linen["nn/Dense_0.kernel_auto_scale"]).T
        np.testing.assert_allclose(arrays["Dense_0.kernel.var"], kernel**2, rtol=1e-5)
        net = SmallNnx(nnx.Rngs(0))
        of_nnx = fitted(lambda: random_nnx_module("nn", net, prior))
        function = pfp.compile(net, of_nnx, input_shape=(4,))
        self.assertGreater((function(x).mean.argmax(1) == y).mean(), 0.9)

    def test_what_is_not_known_is_said_by_name(self):
        def refuses(message, *given, **options):
            with self.assertRaises(pfp.Error) as caught:
                pfp.compile(*given, **options)
            self.assertIn(message, str(caught.exception))

        class Cumulative(nn.Module):
            @nn.compact
            def __call__(self, x):
                return jnp.cumsum(nn.Dense(2)(x), axis=1)

        x = np.zeros((1, 4))
        posterior = posterior_of(Small().init(jax.random.key(0), x)["params"], 0.1)
        refuses("input_shape", Small(), posterior)
        some = {name: array for name, array in posterior.items() if name != "Dense_1.bias.std"}
        refuses("no variance of Dense_1.bias", Small(), some, input_shape=(4,))
        refuses("no mean of", Small(), {"Dense_0.kernel.std": np.ones((4, 8))}, input_shape=(4,))
        cumulative = posterior_of(Cumulative().init(jax.random.key(0), x)["params"], 0.1)
        refuses("cumsum", Cumulative(), cumulative, input_shape=(4,))

    def test_the_page_does_what_it_says(self):
        run("flax")


if __name__ == "__main__":
    unittest.main()
