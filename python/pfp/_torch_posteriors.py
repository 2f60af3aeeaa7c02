"""Posteriors that libraries for PyTorch keep in memory, as arrays by the names of the module."""

import os
import pathlib

from . import _files, _network
from ._errors import Error

#: The parameters of a layer of Pyro, whose weights are samples and not parameters of torch.
_SAMPLED = ("weight", "bias")


def taken_apart(model, posterior):
    """The module and the posterior; a Laplace object is both."""
    if is_laplace(model) and posterior is None:
        model, posterior = model.model, model
        # One of the last layer has it in a module of its own around the user's.
        return (model.model if is_last_layer(posterior) else model), posterior
    return model, posterior


def is_partial(posterior):
    """Does a posterior say itself that it leaves parameters out?"""
    return is_laplace(posterior) and is_last_layer(posterior)


def arrays_of(model, posterior):
    """Arrays by name: ``NAME.mean`` and ``NAME.std`` or ``NAME.variance``; None where there is no posterior."""
    if posterior is None:
        return None
    if is_laplace(posterior):
        return of_laplace(posterior)
    if is_guide(posterior):
        return of_guide(model, posterior)
    if is_ivon(posterior):
        return of_ivon(model, posterior)
    if isinstance(posterior, (str, os.PathLike)):
        arrays, metadata = _files.read_safetensors(pathlib.Path(posterior).read_bytes())
        return scaled(arrays, metadata.get("representation"))
    if hasattr(posterior, "items"):
        return dict(posterior)
    return _files.read_safetensors(_network.parameter_bytes(posterior))[0]


def scaled(arrays, representation):
    """What a file calls ``scale`` by what it says of it."""
    suffix = {None: ".std", "std": ".std", "variance": ".variance"}.get(representation)
    if suffix is None:
        raise Error(
            f"the file has numbers of the representation {representation}",
            "give standard deviations or variances, or go by pfp import",
        )
    return {
        name.removesuffix(".scale") + suffix if name.endswith(".scale") else name: array
        for name, array in arrays.items()
    }


def shapes_of(model, given):
    """The shapes of all parameters by name. Those that Pyro samples are known by their posterior alone."""
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    for name, module in model.named_modules():
        is_sampled = hasattr(type(module), "_pyro_get_fullname") or hasattr(module, "_pyro_samples")
        for own in _SAMPLED if is_sampled else ():
            full = f"{name}.{own}" if name else own
            key = f"{full}.mean"
            if full not in shapes and given is not None and key in given:
                shapes[full] = tuple(given[key].shape)
    return shapes


def is_laplace(value):
    return hasattr(value, "posterior_precision") and hasattr(value, "model") and hasattr(value, "prior_precision")


def is_last_layer(laplace):
    return hasattr(laplace.model, "last_layer")


def of_laplace(laplace):
    """A diagonal Laplace approximation of laplace-torch."""
    if not hasattr(laplace, "posterior_variance"):
        raise Error(
            f"{type(laplace).__name__} has covariances between weights",
            "a parameter of pfp has independent elements: fit with hessian_structure='diag'",
        )
    model = laplace.model
    prefix = ""
    named = model.named_parameters()
    if is_last_layer(laplace):
        found = (name for name, module in model.model.named_modules() if module is model.last_layer)
        prefix = next((f"{name}." for name in found if name), "")
        named = model.last_layer.named_parameters()
    return split(
        [(prefix + name, parameter) for name, parameter in named if parameter.requires_grad],
        laplace.mean,
        laplace.posterior_variance,
    )


def split(named, means, variances):
    """Vectors of means and variances as those of each parameter."""
    count = sum(parameter.numel() for _, parameter in named)
    if count != variances.numel():
        raise Error(f"the posterior has {variances.numel()} numbers, the parameters {count}")
    arrays = {}
    place = 0
    for name, parameter in named:
        part = slice(place, place + parameter.numel())
        arrays[f"{name}.mean"] = means.detach()[part].reshape(parameter.shape)
        arrays[f"{name}.variance"] = variances.detach()[part].reshape(parameter.shape)
        place = part.stop
    return arrays


def is_guide(value):
    return hasattr(value, "prototype_trace") and hasattr(value, "model")


def sites_of(model):
    """The names of the module by those of the sites of Pyro, which are of the model around it."""
    names = {}
    for name, module in model.named_modules():
        site = getattr(module, "_pyro_name", None)
        for own in _SAMPLED if site is not None else ():
            names[f"{site}.{own}" if site else own] = f"{name}.{own}" if name else own
    return names


def of_guide(model, guide):
    """A guide of Pyro."""
    names = sites_of(model)
    trace = guide.prototype_trace
    if trace is None:
        raise Error("the guide has not been run", "train it, or call it once on the data")
    arrays = {}
    if hasattr(guide, "_get_loc_and_scale") and hasattr(guide, "locs"):
        for name, site in trace.iter_stochastic_nodes():
            check_real(name, site)
            own = names.get(name, name)
            arrays[f"{own}.mean"], arrays[f"{own}.std"] = guide._get_loc_and_scale(name)
        return arrays
    if hasattr(guide, "_unpack_latent") and hasattr(guide, "loc") and not is_correlated(guide):
        for suffix, vector in ((".mean", guide.loc), (".std", guide.scale)):
            for site, numbers in guide._unpack_latent(vector.detach()):
                check_real(site["name"], site)
                arrays[names.get(site["name"], site["name"]) + suffix] = numbers
        return arrays
    raise Error(
        f"a {type(guide).__name__} is no guide of independent Gaussians",
        "use AutoNormal or AutoDiagonalNormal, or go by pfp import with --marginals",
    )


def is_correlated(guide):
    return not hasattr(guide, "scale") or hasattr(guide, "scale_tril") or hasattr(guide, "cov_factor")


def check_real(name, site):
    """Refuses what is a Gaussian before a transform only."""
    support = getattr(site["fn"].support, "base_constraint", site["fn"].support)
    if "real" not in str(support).lower():
        raise Error(f"the site '{name}' has the support {support}", "a weight of a network is any real number")


def is_ivon(value):
    groups = getattr(value, "param_groups", None)
    return bool(groups) and all("hess" in group and "ess" in group for group in groups)


def of_ivon(model, optimizer):
    """An optimiser of ivon-opt: its deviations around the weights of the module."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    arrays = {}
    for group in optimizer.param_groups:
        parameters = [each for each in group["params"] if each.requires_grad]
        unknown = [each for each in parameters if id(each) not in names]
        if unknown:
            raise Error("the optimiser has a parameter that is none of the module", "give it with its own module")
        hessian = group["hess"]
        if hessian is None:
            raise Error("the optimiser has not made a step")
        variances = 1.0 / (group["ess"] * (hessian.double() + group["weight_decay"]))
        place = 0
        for parameter in parameters:
            part = variances[place : place + parameter.numel()]
            arrays[f"{names[id(parameter)]}.variance"] = part.reshape(parameter.shape)
            place += parameter.numel()
    return arrays
