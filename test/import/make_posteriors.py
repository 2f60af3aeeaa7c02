"""Posteriors of a 4-3-2 network, as the frameworks save them, into the folder files/.

Beside each NAME.pt, NAME.pkl or NAME.npz stands NAME.json: mean and variance of every parameter in
float64, computed by the framework itself, with the name and the layout of the framework.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python make_posteriors.py [NAME..]

Each function imports what it needs: `tfp` needs TensorFlow and torch only, pytagi's wheel the library
of Open MPI.
"""

import dataclasses
import json
import pathlib
import pickle
import sys

import numpy
import torch
from torch import nn

FILES = pathlib.Path(__file__).parent / "files"


def expect(name, parameters):
    """Writes what NAME should be read as: {parameter: (mean, variance or None)}."""

    def listed(values):
        return None if values is None else numpy.asarray(values, dtype=numpy.float64).tolist()

    table = {
        key: {"mean": listed(mean), "variance": listed(variance)}
        for key, (mean, variance) in parameters.items()
    }
    (FILES / f"{name}.json").write_text(json.dumps(table, indent=1) + "\n")


def double(tensor):
    return tensor.detach().double().numpy()


def spread(module):
    """Numbers that differ from each other and from what a framework begins with."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            # Some are expanded from one number, and cannot be changed in place. What shares numbers
            # without being the same parameter no longer does, as after net.to(device).
            parameter.data = parameter + 0.3 * torch.randn(parameter.shape, generator=generator)


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))


def data():
    torch.manual_seed(2)
    x = torch.randn(32, 4)
    return x, (x.sum(1) > 0).long()


def pyro_network():
    import pyro.distributions as dist
    from pyro.nn import PyroModule, PyroSample

    class Net(PyroModule):
        def __init__(self):
            super().__init__()
            self.fc1 = PyroModule[nn.Linear](4, 3)
            self.fc2 = PyroModule[nn.Linear](3, 2)
            for layer, ins, outs in ((self.fc1, 4, 3), (self.fc2, 3, 2)):
                layer.weight = PyroSample(dist.Normal(0.0, 1.0).expand([outs, ins]).to_event(2))
                layer.bias = PyroSample(dist.Normal(0.0, 1.0).expand([outs]).to_event(1))

        def forward(self, x, y=None):
            import pyro

            logits = self.fc2(torch.relu(self.fc1(x)))
            with pyro.plate("data", len(x)):
                pyro.sample("obs", dist.Categorical(logits=logits), obs=y)
            return logits

    return Net()


def trained_pyro(guide_class):
    import pyro
    from pyro.infer import SVI, Trace_ELBO

    pyro.clear_param_store()
    pyro.set_rng_seed(0)
    net = pyro_network()
    guide = guide_class(net)
    svi = SVI(net, guide, pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
    for _ in range(20):
        svi.step(*data())
    return guide


def make_pyro_normal():
    import pyro
    from pyro.infer.autoguide import AutoNormal

    guide = trained_pyro(AutoNormal)
    pyro.get_param_store().save(FILES / "pyro_normal.pt")
    torch.save(guide.state_dict(), FILES / "pyro_guide.pt")
    found = {}
    for site in ("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"):
        store = pyro.get_param_store()
        loc = store[f"AutoNormal.locs.{site}"]
        constraint = store._constraints[f"AutoNormal.scales.{site}"]
        from torch.distributions import biject_to

        raw = store._params[f"AutoNormal.scales.{site}"].detach().double()
        found[site] = (double(loc), biject_to(constraint)(raw).numpy() ** 2)
    expect("pyro_normal", found)
    expect("pyro_guide", found)


def cut(flat, shapes):
    found, at = {}, 0
    for name, shape in shapes.items():
        count = int(numpy.prod(shape))
        found[name] = flat[at : at + count].reshape(shape)
        at += count
    assert at == len(flat)
    return found


SHAPES = {"fc1.weight": (3, 4), "fc1.bias": (3,), "fc2.weight": (2, 3), "fc2.bias": (2,)}


def make_pyro_diagonal():
    import pyro
    from pyro.infer.autoguide import AutoDiagonalNormal

    guide = trained_pyro(AutoDiagonalNormal)
    pyro.get_param_store().save(FILES / "pyro_diagonal.pt")
    posterior = guide.get_posterior()
    loc, variance = double(posterior.mean), double(posterior.variance)
    loc, variance = cut(loc, SHAPES), cut(variance, SHAPES)
    expect("pyro_diagonal", {name: (loc[name], variance[name]) for name in SHAPES})


def make_pyro_low_rank():
    import pyro
    from pyro.infer.autoguide import AutoLowRankMultivariateNormal

    guide = trained_pyro(AutoLowRankMultivariateNormal)
    pyro.get_param_store().save(FILES / "pyro_low_rank.pt")
    posterior = guide.get_posterior()
    loc, variance = double(posterior.mean), double(posterior.variance)
    loc, variance = cut(loc, SHAPES), cut(variance, SHAPES)
    expect("pyro_low_rank", {name: (loc[name], variance[name]) for name in SHAPES})


def numpyro_fit(model, guide):
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro.infer import SVI, Trace_ELBO

    x, y = (jnp.asarray(part.numpy()) for part in data())
    svi = SVI(model, guide, numpyro.optim.Adam(0.05), Trace_ELBO())
    return svi, svi.run(jax.random.PRNGKey(0), 20, x, y, progress_bar=False)


def numpyro_plain(x, y=None):
    import jax
    import numpyro
    import numpyro.distributions as dist

    w1 = numpyro.sample("w1", dist.Normal(0, 1).expand([4, 3]).to_event(2))
    b1 = numpyro.sample("b1", dist.Normal(0, 1).expand([3]).to_event(1))
    w2 = numpyro.sample("w2", dist.Normal(0, 1).expand([3, 2]).to_event(2))
    b2 = numpyro.sample("b2", dist.Normal(0, 1).expand([2]).to_event(1))
    logits = jax.nn.relu(x @ w1 + b1) @ w2 + b2
    numpyro.sample("obs", dist.Categorical(logits=logits), obs=y)


def make_numpyro_plain():
    from numpyro.infer.autoguide import AutoDiagonalNormal, AutoNormal

    guide = AutoNormal(numpyro_plain)
    svi, result = numpyro_fit(numpyro_plain, guide)
    found = {}
    for site in ("w1", "b1", "w2", "b2"):
        loc, scale = result.params[f"{site}_auto_loc"], result.params[f"{site}_auto_scale"]
        found[site] = (loc, numpy.asarray(scale, numpy.float64) ** 2)
    (FILES / "numpyro_plain.pkl").write_bytes(pickle.dumps(result.params))
    numpy.savez(FILES / "numpyro_plain.npz", **result.params)
    unconstrained = svi.optim.get_params(result.state.optim_state)
    (FILES / "numpyro_unconstrained.pkl").write_bytes(pickle.dumps(unconstrained))
    expect("numpyro_plain", found)

    guide = AutoDiagonalNormal(numpyro_plain)
    _, result = numpyro_fit(numpyro_plain, guide)
    (FILES / "numpyro_diagonal.pkl").write_bytes(pickle.dumps(result.params))
    shapes = {"w1": (4, 3), "b1": (3,), "w2": (3, 2), "b2": (2,)}
    loc = cut(numpy.asarray(result.params["auto_loc"], numpy.float64), shapes)
    scale = cut(numpy.asarray(result.params["auto_scale"], numpy.float64), shapes)
    expect("numpyro_diagonal", {name: (loc[name], scale[name] ** 2) for name in shapes})


def make_numpyro_flax():
    import jax
    import numpyro
    import numpyro.distributions as dist
    from flax import linen, nnx
    from numpyro.contrib.module import random_flax_module, random_nnx_module
    from numpyro.infer.autoguide import AutoNormal

    class Linen(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(3)(x))
            return linen.Dense(2)(x)

    class Nnx(nnx.Module):
        def __init__(self, *, rngs):
            self.fc1 = nnx.Linear(4, 3, rngs=rngs)
            self.fc2 = nnx.Linear(3, 2, rngs=rngs)

        def __call__(self, x):
            return self.fc2(jax.nn.relu(self.fc1(x)))

    def with_linen(x, y=None):
        net = random_flax_module("net", Linen(), prior=dist.Normal(0, 1), input_shape=(1, 4))
        numpyro.sample("obs", dist.Categorical(logits=net(x)), obs=y)

    def with_nnx(x, y=None):
        net = random_nnx_module("net", Nnx(rngs=nnx.Rngs(0)), prior=dist.Normal(0, 1))
        numpyro.sample("obs", dist.Categorical(logits=net(x)), obs=y)

    for name, model in (("numpyro_linen", with_linen), ("numpyro_nnx", with_nnx)):
        guide = AutoNormal(model)
        _, result = numpyro_fit(model, guide)
        (FILES / f"{name}.pkl").write_bytes(pickle.dumps(result.params))
        found = {}
        for key, value in result.params.items():
            if not key.endswith("_auto_loc"):
                continue
            site = key.removesuffix("_auto_loc")
            scale = numpy.asarray(result.params[f"{site}_auto_scale"], numpy.float64)
            found[site] = (value, scale**2)
        expect(name, found)


def make_bayesian_torch():
    from bayesian_torch.models.dnn_to_bnn import dnn_to_bnn

    net = plain()
    dnn_to_bnn(
        net,
        {
            "prior_mu": 0.0,
            "prior_sigma": 1.0,
            "posterior_mu_init": 0.0,
            "posterior_rho_init": -3.0,
            "type": "Reparameterization",
            "moped_enable": False,
            "moped_delta": 0.5,
        },
    )
    spread(net)
    torch.save(net.state_dict(), FILES / "bayesian_torch.pt")
    found = {}
    for index in (0, 2):
        layer = net[index]
        for stem in ("weight", "bias"):
            sigma = numpy.log1p(numpy.exp(double(getattr(layer, f"rho_{stem}"))))
            found[f"{index}.{stem}"] = (double(getattr(layer, f"mu_{stem}")), sigma**2)
    expect("bayesian_torch", found)


def make_torch_uncertainty():
    from torch_uncertainty.layers.bayesian import BayesLinear

    net = nn.Sequential(BayesLinear(4, 3), nn.ReLU(), BayesLinear(3, 2))
    spread(net)
    net(torch.ones(1, 4))
    torch.save(net.state_dict(), FILES / "torch_uncertainty.pt")
    found = {}
    for index in (0, 2):
        for stem in ("weight", "bias"):
            sampler = getattr(net[index], f"{stem}_sampler").double()
            sampler.sample()
            found[f"{index}.{stem}"] = (double(sampler.mu), double(sampler.sigma) ** 2)
    expect("torch_uncertainty", found)


def make_blitz():
    from blitz.modules import BayesianLinear

    net = nn.Sequential(BayesianLinear(4, 3), nn.ReLU(), BayesianLinear(3, 2, bias=False))
    spread(net)
    net(torch.ones(1, 4))
    torch.save(net.state_dict(), FILES / "blitz.pt")
    found = {}
    for index in (0, 2):
        for stem in ("weight", "bias"):
            sampler = getattr(net[index], f"{stem}_sampler").double()
            sampler.sample()
            found[f"{index}.{stem}"] = (double(sampler.mu), double(sampler.sigma) ** 2)
    expect("blitz", found)


def make_torchbnn():
    import torchbnn

    net = nn.Sequential(
        torchbnn.BayesLinear(0.0, 0.1, 4, 3), nn.ReLU(), torchbnn.BayesLinear(0.0, 0.1, 3, 2)
    )
    spread(net)
    torch.save(net.state_dict(), FILES / "torchbnn.pt")
    net[0].freeze()
    torch.save(net.state_dict(), FILES / "torchbnn_frozen.pt")
    found = {}
    for index in (0, 2):
        for stem in ("weight", "bias"):
            sigma = torch.exp(getattr(net[index], f"{stem}_log_sigma").double())
            found[f"{index}.{stem}"] = (double(getattr(net[index], f"{stem}_mu")), double(sigma) ** 2)
    expect("torchbnn", found)


def make_fastbnns():
    from fastbnns.bnn.base import BNN

    net = BNN(plain())
    torch.save(net.state_dict(), FILES / "fastbnns_fresh.pt")
    spread(net)
    torch.save(net.state_dict(), FILES / "fastbnns.pt")
    found = {}
    for index in (0, 2):
        module = net.bnn[index]
        for stem in ("weight", "bias"):
            raw = module._module_params[f"{stem}_rho"].double()
            found[f"bnn.{index}.{stem}"] = (
                double(module._module_params[f"{stem}_mean"]),
                double(module.scale_tform(raw)) ** 2,
            )
    expect("fastbnns", found)


def make_ivon():
    import ivon

    net = plain()
    optimizer = ivon.IVON(net.parameters(), lr=0.05, ess=320.0, weight_decay=1e-3)
    x, y = data()
    for _ in range(20):
        with optimizer.sampled_params(train=True):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    torch.save(optimizer.state_dict(), FILES / "ivon.pt")
    torch.save(net.state_dict(), FILES / "ivon_weights.pt")
    torch.save(
        {"model": net.state_dict(), "optimizer": optimizer.state_dict()}, FILES / "ivon_both.pt"
    )
    group = optimizer.param_groups[0]
    variance = 1 / (group["ess"] * (group["hess"].double() + group["weight_decay"]))
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    variance = cut(variance.numpy(), shapes)
    found = {name: (double(p), variance[name]) for name, p in net.named_parameters()}
    expect("ivon", found)


def make_posteriors():
    import posteriors

    net = plain()
    with torch.no_grad():
        # A unit that is never active: the data say nothing of its weights.
        net[0].bias[0] = -100.0
    params = dict(net.named_parameters())
    x, y = data()

    def log_posterior(params, batch):
        logits = torch.func.functional_call(net, params, batch[0])
        return -nn.functional.cross_entropy(logits, batch[1]), torch.tensor([])

    import torchopt

    transform = posteriors.vi.diag.build(
        log_posterior, torchopt.adam(lr=0.01), temperature=1 / 32, init_log_sds=-2.0
    )
    state = transform.init(params)
    for _ in range(20):
        state, _ = transform.update(state, (x, y))
    torch.save(state, FILES / "posteriors_vi.pt")
    expect(
        "posteriors_vi",
        {k: (double(state.params[k]), numpy.exp(double(state.log_sd_diag[k])) ** 2) for k in params},
    )

    def log_likelihood(params, batch):
        logits = torch.func.functional_call(net, params, batch[0])
        return nn.functional.log_softmax(logits, -1)[range(len(batch[1])), batch[1]], logits

    transform = posteriors.laplace.diag_fisher.build(log_likelihood, per_sample=True)
    state = transform.init(params)
    state, _ = transform.update(state, (x, y))
    torch.save(state, FILES / "posteriors_laplace_without_prior.pt")
    state = dataclasses.replace(
        state, prec_diag={k: v + 1.0 for k, v in state.prec_diag.items()}
    )
    torch.save(state, FILES / "posteriors_laplace.pt")
    expect(
        "posteriors_laplace",
        {k: (double(state.params[k]), 1 / double(state.prec_diag[k])) for k in params},
    )


def make_laplace():
    from laplace import Laplace
    from torch.utils.data import DataLoader, TensorDataset

    net = plain()
    loader = DataLoader(TensorDataset(*data()), batch_size=32)
    shapes = {name: tuple(p.shape) for name, p in net.named_parameters()}
    torch.save(net.state_dict(), FILES / "laplace_weights.pt")
    for name, subset, structure in (
        ("laplace_diag", "all", "diag"),
        ("laplace_last_layer", "last_layer", "diag"),
        ("laplace_kron", "all", "kron"),
    ):
        la = Laplace(net, "classification", subset_of_weights=subset, hessian_structure=structure)
        la.fit(loader)
        la.prior_precision = 3.0
        torch.save(la.state_dict(), FILES / f"{name}.pt")
        if structure == "kron":
            continue
        variance = double(la.posterior_variance)
        if subset == "all":
            variance = cut(variance, shapes)
            found = {k: (double(p), variance[k]) for k, p in net.named_parameters()}
        else:
            last = cut(variance, {k: s for k, s in shapes.items() if k.startswith("2.")})
            found = {k: (double(p), last.get(k)) for k, p in net.named_parameters()}
        expect(name, found)


def make_pytagi():
    from pytagi.nn import Linear, MixtureReLU, Sequential

    net = Sequential(Linear(4, 3), MixtureReLU(), Linear(3, 2))
    net.preinit_layer()
    state = net.state_dict()
    (FILES / "pytagi.pkl").write_bytes(pickle.dumps(state))
    found = {}
    for name, (mu_w, var_w, mu_b, var_b) in state.items():
        found[f"{name}.weight"] = (mu_w, var_w)
        found[f"{name}.bias"] = (mu_b, var_b)
    expect("pytagi", found)


def make_tfp():
    import tensorflow_probability as tfp
    import tf_keras

    net = tf_keras.Sequential(
        [
            tfp.layers.DenseFlipout(3, activation="relu", name="fc1"),
            tfp.layers.DenseReparameterization(
                2, bias_posterior_fn=tfp.layers.default_mean_field_normal_fn(), name="fc2"
            ),
        ]
    )
    x, y = (part.numpy() for part in data())
    net.compile(loss=tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(x, y, epochs=3, verbose=0)
    numpy.savez(FILES / "tfp.npz", **{v.name: v.numpy() for v in net.weights})
    found = {}
    for layer in net.layers:
        for stem in ("kernel", "bias"):
            posterior = getattr(layer, f"{stem}_posterior").distribution
            mean = posterior.mean().numpy()
            is_point = not hasattr(posterior, "scale")
            variance = None if is_point else posterior.scale.numpy().astype(numpy.float64) ** 2
            found[f"{layer.name}/{stem}"] = (mean, variance)
    expect("tfp", found)


def moments_of(layer, weight, bias, mean, variance):
    """Mean and variance behind a linear layer, by the framework's own layer: a function of input, kernel and
    bias. Weight and bias are pairs of mean and variance, inputs are taken as independent."""
    behind = layer(mean, weight[0], bias[0])
    spread = layer(mean**2 + variance, weight[1], bias[1])
    return behind, spread + layer(variance, weight[0] ** 2, 0 * bias[1])


def save_moments(name, x, mean, variance):
    """The input of a network and the moments behind it, with channels before rows as torch has them."""
    order = (0, 3, 1, 2)
    numpy.save(FILES / f"{name}.npy", numpy.ascontiguousarray(x.transpose(order), numpy.float32))
    table = {
        key: [float(value) for value in numpy.asarray(of, numpy.float64).transpose(order).ravel()]
        for key, of in (("mean", mean), ("variance", variance))
    }
    (FILES / f"{name}.json").write_text(json.dumps(table) + "\n")


def make_numpyro_conv_transpose():
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist
    from flax import nnx
    from numpyro.contrib.module import random_nnx_module
    from numpyro.infer import SVI, Trace_ELBO
    from numpyro.infer.autoguide import AutoNormal

    # Inputs, outputs, stride, transpose_kernel; of as many inputs as outputs the sizes tell nothing.
    layers = {
        "up1": (2, 3, 2, False),
        "up2": (3, 3, 1, False),
        "up3": (3, 3, 1, True),
        "up4": (3, 2, 1, True),
    }

    def layer(inputs, outputs, stride, is_transposed):
        return nnx.ConvTranspose(
            inputs,
            outputs,
            (3, 2),
            strides=(stride, stride),
            padding="VALID",
            transpose_kernel=is_transposed,
            rngs=nnx.Rngs(0),
        )

    class Up(nnx.Module):
        def __init__(self):
            for name, sizes in layers.items():
                setattr(self, name, layer(*sizes))

        def __call__(self, x):
            for name in layers:
                x = getattr(self, name)(x)
            return x

    x = numpy.random.default_rng(3).normal(size=(2, 2, 3, 2)).astype(numpy.float32)
    y = numpy.asarray(Up()(x))

    def model(x, y=None):
        net = random_nnx_module("net", Up(), prior=dist.Normal(0, 1))
        numpyro.sample("obs", dist.Normal(net(x), 1).to_event(3), obs=y)

    svi = SVI(model, AutoNormal(model), numpyro.optim.Adam(0.05), Trace_ELBO())
    result = svi.run(jax.random.PRNGKey(0), 20, jnp.asarray(x), jnp.asarray(y), progress_bar=False)
    (FILES / "numpyro_conv_transpose.pkl").write_bytes(pickle.dumps(result.params))

    def own(sizes):
        def apply(x, kernel, bias):
            of = layer(*sizes)
            of.kernel, of.bias = nnx.Param(kernel), nnx.Param(bias)
            return of(x)

        return apply

    with jax.default_matmul_precision("highest"):
        mean, variance = jnp.asarray(x), jnp.zeros_like(x)
        for name, sizes in layers.items():
            site = {
                stem: (
                    result.params[f"net/{name}.{stem}_auto_loc"],
                    result.params[f"net/{name}.{stem}_auto_scale"] ** 2,
                )
                for stem in ("kernel", "bias")
            }
            mean, variance = moments_of(own(sizes), site["kernel"], site["bias"], mean, variance)
    save_moments("numpyro_conv_transpose", x, numpy.asarray(mean), numpy.asarray(variance))


def make_tfp_conv_transpose():
    import tensorflow as tf
    import tensorflow_probability as tfp
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    net = tf_keras.Sequential(
        [
            tf_keras.layers.Conv2DTranspose(2, (3, 2), strides=2, name="up"),
            tfp.layers.Convolution2DReparameterization(1, 2, name="out"),
        ]
    )
    x = numpy.random.default_rng(3).normal(size=(2, 2, 3, 2)).astype(numpy.float32)
    net.build(x.shape)
    for variable in net.weights:
        variable.assign_add(0.3 * tf.random.stateless_normal(variable.shape, (1, variable.shape.rank)))
    numpy.savez(FILES / "tfp_conv_transpose.npz", **{v.name: v.numpy() for v in net.weights})
    up, out = net.layers

    def own(x, kernel, bias):
        return tf.nn.conv2d(x, kernel, 1, "VALID") + bias

    posterior = out.kernel_posterior.distribution
    kernel = (posterior.mean(), posterior.variance())
    bias = out.bias_posterior.distribution.mean()
    mean = up(x)
    mean, variance = moments_of(own, kernel, (bias, 0 * bias), mean, 0 * mean)
    save_moments("tfp_conv_transpose", x, mean.numpy(), variance.numpy())


if __name__ == "__main__":
    FILES.mkdir(exist_ok=True)
    makers = {name[5:]: make for name, make in globals().items() if name.startswith("make_")}
    for name in sys.argv[1:] or makers:
        makers[name]()
        print(name)
