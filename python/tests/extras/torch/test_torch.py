"""Modules of torch, and posteriors of libraries for it, with small real models."""

import tempfile
import unittest
import warnings

import ivon
import laplace
import numpy as np
import pfp
import pyro
import pyro.distributions as dist
import safetensors.numpy
import torch
from pyro.infer.autoguide import AutoDiagonalNormal, AutoLowRankMultivariateNormal, AutoNormal
from pyro.nn import PyroModule, PyroSample
from test_docs import run
from torch import nn
from torch.nn import functional as F

warnings.simplefilter("ignore")


class Residual(nn.Module):
    """A network with a branch, functions and layers in layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2)
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding="same"), nn.BatchNorm2d(4), nn.GELU())
        self.pool, self.mean = nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)
        self.drop, self.out = nn.Dropout(), nn.Linear(4, 3)

    def forward(self, x):
        x = F.leaky_relu(self.stem(x), 0.2)
        x = self.pool(torch.relu(x + self.block(x)))
        return self.out(self.drop(self.mean(x).flatten(1))) * 2.0 - 1.0


def deviations(module, scale):
    return {f"{name}.std": scale * torch.ones_like(each) for name, each in module.named_parameters()}


def blobs():
    """Items of two classes."""
    torch.manual_seed(0)
    x = torch.randn(200, 4)
    return x, (x[:, 0] > 0).long()


def mlp():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


class Modules(unittest.TestCase):
    def agrees(self, net, shape):
        """Without a posterior the function is the network itself."""
        x = torch.randn(5, *shape)
        was_training = net.training
        net.eval()
        expected = net(x).detach().numpy()
        net.train(was_training)
        np.testing.assert_allclose(pfp.compile(net, input_shape=shape)(x).mean, expected, rtol=1e-4, atol=1e-5)

    def test_layers_and_functions_are_those_of_torch(self):
        torch.manual_seed(0)
        image, line, vector = (2, 9, 8), (3, 16), (6,)
        layers = [
            (image, nn.Conv2d(2, 4, 3, stride=(2, 1), padding=(1, 0), dilation=1, groups=2)),
            (image, nn.Conv2d(2, 4, (3, 5), padding="same", bias=False)),
            (image, nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1)),
            (line, nn.Conv1d(3, 5, 3, padding=2, dilation=2)),
            (line, nn.ConvTranspose1d(3, 5, 3)),
            (image, nn.BatchNorm2d(2)),
            (image, nn.BatchNorm2d(2, affine=False)),
            (vector, nn.LayerNorm(6)),
            (image, nn.MaxPool2d(3, 2, padding=1, ceil_mode=True)),
            (image, nn.AvgPool2d(2, count_include_pad=False)),
            (line, nn.AvgPool1d(4)),
            (image, nn.AdaptiveAvgPool2d(1)),
            (image, nn.AdaptiveMaxPool2d(1)),
            (vector, nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Linear(3, 4), nn.Flatten())),
            (vector, nn.Sequential(nn.Identity(), nn.Linear(6, 2, bias=False))),
        ]
        activations = [nn.ReLU, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh]
        activations += [nn.Softplus, nn.Hardsigmoid, nn.Hardswish, nn.ReLU6, nn.Hardtanh]
        for shape, layer in layers + [((6,), kind()) for kind in activations]:
            with self.subTest(layer=str(layer)):
                self.agrees(layer, shape)

    def test_a_module_of_modules(self):
        torch.manual_seed(0)
        net = Residual()
        net(torch.randn(8, 1, 16, 16))
        self.agrees(net, (1, 16, 16))
        self.assertTrue(net.training)
        function = pfp.compile(net, deviations(net, 0.05), input_shape=(1, 16, 16))
        self.assertIn('gauss.parameter "block.0.weight" : !gauss.tensor', function.module)
        x = torch.randn(3, 1, 16, 16)
        net.eval()
        mean = pfp.compile(net, deviations(net, 0.05), input_shape=(1, 16, 16), mode="mean")(x).mean
        np.testing.assert_allclose(mean, net(x).detach().numpy(), rtol=1e-4, atol=1e-5)
        drawn = pfp.compile(net, deviations(net, 0.01), input_shape=(1, 16, 16), mode="sample:2000")(x)
        closed = pfp.compile(net, deviations(net, 0.01), input_shape=(1, 16, 16))(x)
        np.testing.assert_allclose(closed.variance, drawn.variance, rtol=0.3)

    def test_a_posterior_in_a_file(self):
        net = mlp()
        scales = {name: np.full(each.shape, 0.1, np.float32) for name, each in net.named_parameters()}
        with tempfile.NamedTemporaryFile(suffix=".safetensors") as file:
            arrays = {f"{name}.scale": array for name, array in scales.items()}
            safetensors.numpy.save_file(arrays, file.name, metadata={"representation": "std"})
            of_file = pfp.compile(net, file.name)
        of_arrays = pfp.compile(net, deviations(net, 0.1))
        x = torch.ones(1, 4)
        np.testing.assert_array_equal(of_file(x).variance, of_arrays(x).variance)

    def test_a_module_is_trained(self):
        x, y = blobs()
        training = pfp.train(mlp(), (x, y), epochs=80, learning_rate=0.02)
        self.assertGreater((training.compile()(x).mean.argmax(1) == y.numpy()).mean(), 0.9)

    def refuses(self, message, *given, **options):
        with self.assertRaises(pfp.Error) as caught:
            pfp.compile(*given, **options)
        self.assertIn(message, str(caught.exception))

    def test_what_is_not_known_is_said_by_name(self):
        net = mlp()
        some = {"0.weight.std": torch.ones(8, 4)}
        self.refuses("no variance of 0.bias, 2.weight, 2.bias", net, some)
        self.refuses("'3.weight.std'", net, {"3.weight.std": torch.ones(1)})
        self.refuses("'0.weight.var' has the shape (4, 8)", net, {"0.weight.std": torch.ones(4, 8)}, deterministic=True)
        self.refuses("no layer for RReLU ('1')", nn.Sequential(nn.Linear(3, 3), nn.RReLU()))
        self.refuses("no layer for RNN", nn.Sequential(nn.RNN(3, 3)), input_shape=(2, 3))
        self.refuses("makes probabilities", nn.Sequential(nn.Linear(3, 3), nn.Softmax(1)))
        self.refuses("input_shape", nn.Sequential(nn.Conv2d(1, 1, 3)))
        self.refuses("cannot be run", nn.Sequential(nn.Conv2d(1, 1, 3)), input_shape=(5, 2, 2))
        function = pfp.compile(net, some, deterministic=["0.bias", "2.weight", "2.bias"])
        self.assertTrue((function(torch.ones(1, 4)).variance > 0).all())

    def test_the_page_does_what_it_says(self):
        run("PyTorch")


class Posteriors(unittest.TestCase):
    def test_ivon(self):
        x, y = blobs()
        net = mlp()
        optimizer = ivon.IVON(net.parameters(), lr=0.1, ess=200)
        for _ in range(30):
            with optimizer.sampled_params(train=True):
                optimizer.zero_grad()
                F.cross_entropy(net(x), y).backward()
            optimizer.step()
        function = pfp.compile(net, optimizer)
        state = pfp.Parameters(function.parameters).arrays()
        group = optimizer.param_groups[0]
        deviation = (group["ess"] * (group["hess"] + group["weight_decay"])).rsqrt()[:32].reshape(8, 4)
        np.testing.assert_allclose(state["0.weight.var"], deviation.numpy() ** 2, rtol=1e-5)
        np.testing.assert_array_equal(state["0.weight.mean"], net[0].weight.detach().numpy())

    def test_laplace(self):
        x, y = blobs()
        net = mlp()
        optimizer = torch.optim.Adam(net.parameters(), 0.05)
        for _ in range(100):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=50)
        for subset, gaussian in [("all", ["0.weight", "0.bias"]), ("last_layer", [])]:
            la = laplace.Laplace(net, "classification", subset_of_weights=subset, hessian_structure="diag")
            la.fit(loader)
            state = pfp.Parameters(pfp.compile(la).parameters).arrays()
            names = {name.removesuffix(".var") for name in state if name.endswith(".var")}
            self.assertEqual(names, {*gaussian, "2.weight", "2.bias"})
            last = la.posterior_variance[-18:-2].reshape(2, 8).numpy()
            np.testing.assert_allclose(state["2.weight.var"], last, rtol=1e-5)
        full = laplace.Laplace(net, "classification", subset_of_weights="all", hessian_structure="kron")
        full.fit(loader)
        with self.assertRaisesRegex(pfp.Error, "covariances between weights"):
            pfp.compile(full)

    def test_guides_of_pyro(self):
        x, y = blobs()

        class Model(PyroModule):
            def __init__(self):
                super().__init__()
                layer = PyroModule[nn.Linear]
                self.net = PyroModule[nn.Sequential](layer(4, 8), PyroModule[nn.Tanh](), layer(8, 2))
                for each in [self.net[0], self.net[2]]:
                    for name in ["weight", "bias"]:
                        shape = getattr(each, name).shape
                        prior = dist.Normal(0.0, 1.0).expand(shape).to_event(len(shape))
                        setattr(each, name, PyroSample(prior))

            def forward(self, x, y=None):
                logits = self.net(x)
                with pyro.plate("data", len(x)):
                    pyro.sample("obs", dist.Categorical(logits=logits), obs=y)
                return logits

        model = Model()
        for kind in [AutoNormal, AutoDiagonalNormal]:
            pyro.clear_param_store()
            guide = kind(model)
            svi = pyro.infer.SVI(model, guide, pyro.optim.Adam({"lr": 0.03}), pyro.infer.Trace_ELBO())
            for _ in range(150):
                svi.step(x, y)
            function = pfp.compile(model.net, guide)
            state = pfp.Parameters(function.parameters).arrays()
            low, high = guide.quantiles([0.15865525, 0.84134475])["net.0.weight"]
            np.testing.assert_allclose(state["0.weight.mean"], ((low + high) / 2).detach(), atol=1e-4)
            np.testing.assert_allclose(state["0.weight.var"] ** 0.5, ((high - low) / 2).detach(), rtol=1e-3)
            self.assertGreater((function(x).mean.argmax(1) == y.numpy()).mean(), 0.9)
            with self.assertRaisesRegex(pfp.Error, "the network inside of it"):
                pfp.compile(model, guide)
        correlated = AutoLowRankMultivariateNormal(model)
        correlated(x, y)
        with self.assertRaisesRegex(pfp.Error, "no guide of independent Gaussians"):
            pfp.compile(model.net, correlated)


if __name__ == "__main__":
    unittest.main()
