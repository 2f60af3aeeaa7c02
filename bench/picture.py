"""Draws what `covariance` measured: the cost of a pass against its distance to sampling.

Usage: picture.py NUMBERS.json PICTURE.svg
"""

import json
import math
import sys

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot as plt  # noqa: E402

COLOURS = {"MNIST": "#0072b2", "Fashion-MNIST": "#d55e00"}
NAMED = {"as written, diagonal": "as written"}
# Panels in a row, and how near two points share a label, as logarithms.
COLUMNS, NEAR = 3, 0.25


def main():
    curves = json.loads(open(sys.argv[1]).read())
    # Letters as text, not as outlines: the file is smaller, and its words are found.
    plt.rcParams.update({"svg.hashsalt": "pfp", "svg.fonttype": "none", "font.size": 9})
    rows = -(-len(curves) // COLUMNS)
    columns = min(COLUMNS, len(curves))
    size = (4.2 * columns, 3.4 * rows + 0.6)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axes in grid.flat[len(curves) :]:
        axes.set_axis_off()
    for axes, curve in zip(grid.flat, curves, strict=False):
        for name, colour in COLOURS.items():
            draw(axes, [point for point in curve["points"] if point["set"] == name], name, colour)
        axes.set(xscale="log", yscale="log", title=curve["name"])
        axes.set(xlabel="us per image, batch 100", ylabel="KL divergence of a logit, nats")
        axes.minorticks_off()
        axes.grid(True, which="major", alpha=0.3)
    # Below the panels, where it hides no point.
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=8)
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
    label(axes, moments, [NAMED.get(point["setting"], point["setting"]) for point in moments])
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
        label(axes, draws, [point["setting"].partition(":")[2] for point in draws])


def label(axes, points, names):
    """Names of points; what lies on one of them shares its label."""
    groups = []
    for point, name in zip(points, names, strict=True):
        place = (point["microseconds"], point["divergence"])

        def is_near(group, place=place):
            return all(abs(math.log(x / y)) < NEAR for x, y in zip(group[0], place, strict=True))

        known = next((group for group in groups if is_near(group)), None)
        if known:
            known[1].append(name)
        else:
            groups.append((place, [name]))
    for place, names in groups:
        axes.annotate(", ".join(names), place, (4, 4), textcoords="offset points", fontsize=6)


if __name__ == "__main__":
    main()
