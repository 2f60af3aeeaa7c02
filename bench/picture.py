"""Draws what `covariance` measured: the cost of a pass against its distance to sampling.

Usage: picture.py NUMBERS.json PICTURE.svg
"""

import json
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt  # noqa: E402

COLOURS = {"MNIST": "#0072b2", "Fashion-MNIST": "#d55e00"}
NAMED = {"as written, diagonal": "as written", "full": "full"}


def main():
    curves = json.loads(open(sys.argv[1]).read())
    plt.rcParams.update({"svg.hashsalt": "pfp", "font.size": 9})
    figure, all_axes = plt.subplots(
        1, len(curves), figsize=(4.2 * len(curves), 3.6), squeeze=False, layout="constrained"
    )
    for axes, curve in zip(all_axes[0], curves, strict=True):
        for name, colour in COLOURS.items():
            draw(axes, [point for point in curve["points"] if point["set"] == name], name, colour)
        axes.set(xscale="log", yscale="log", title=curve["name"])
        axes.set_xlabel("us per image, batch 100")
        axes.grid(True, which="major", alpha=0.3)
    all_axes[0][0].set_ylabel("KL divergence of a logit from sampling, nats")
    all_axes[0][0].legend(fontsize=8)
    figure.savefig(sys.argv[2], metadata={"Date": None})


def draw(axes, points, name, colour):
    moments = [point for point in points if not point["sampled"]]
    axes.plot(
        [point["microseconds"] for point in moments],
        [point["divergence"] for point in moments],
        "o",
        color=colour,
        label=f"moments, {name}",
    )
    for point in moments:
        label = NAMED.get(point["setting"], point["setting"])
        place = (point["microseconds"], point["divergence"])
        axes.annotate(label, place, (3, 3), textcoords="offset points", fontsize=6)
    draws = [point for point in points if point["sampled"]]
    if draws:
        axes.plot(
            [point["microseconds"] for point in draws],
            [point["divergence"] for point in draws],
            "x--",
            color=colour,
            alpha=0.6,
            label=f"draws of the weights, {name}",
        )
        for point in draws:
            place = (point["microseconds"], point["divergence"])
            label = point["setting"].partition(":")[2]
            axes.annotate(label, place, (3, 3), textcoords="offset points", fontsize=6)


if __name__ == "__main__":
    main()
