"""Tables and plots in a notebook."""

from html import escape

import numpy as np

#: The most rows of a table.
ROWS = 10

_STYLE = "text-align:right;font-variant-numeric:tabular-nums;padding:0.1em 0.6em"


def table(head, rows, caption=None):
    """A table; the first column is text, the others are numbers."""

    def cells(tag, values):
        styles = ["text-align:left;padding:0.1em 0.6em"] + [_STYLE] * (len(values) - 1)
        pairs = zip(styles, values, strict=True)
        return "".join(f'<{tag} style="{style}">{escape(str(value))}</{tag}>' for style, value in pairs)

    caption = "" if caption is None else f"<caption>{escape(caption)}</caption>"
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table>{caption}<thead><tr>{cells('th', head)}</tr></thead><tbody>{body}</tbody></table>"


def number(value):
    return "" if value is None else f"{value:.4g}"


def prediction(given):
    """The first items of a prediction: each number of an output as mean ± standard deviation."""
    columns = []
    names = given.keys()
    for name in names:
        if name.startswith("variance"):
            continue
        array = given[name]
        if array.ndim != 2 or array.shape[1] > 16 or len(array) != len(given):
            continue
        variance = name.replace("mean", "variance")
        deviations = np.sqrt(given[variance]) if name != variance and variance in names else None
        for element in range(array.shape[1]):
            cells = [number(value) for value in array[:ROWS, element]]
            if deviations is not None:
                spread = deviations[:ROWS, element]
                cells = [f"{cell} ± {number(each)}" for cell, each in zip(cells, spread, strict=True)]
            columns.append((_label(name, element, array.shape[1]), cells))
    rows = [[index, *(cells[index] for _, cells in columns)] for index in range(min(ROWS, len(given)))]
    more = len(given) - len(rows)
    text = table(["item", *(name for name, _ in columns)], rows, repr(given).strip("<>"))
    return text + (f"<p>{more} more item(s)</p>" if more else "")


def _label(name, element, count):
    if name == "uncertainty" and count == 3:
        return f"{('total', 'aleatoric', 'epistemic')[element]}, nats"
    if name == "interval" and count == 2:
        return ("lower", "upper")[element]
    return name if count == 1 else f"{name} {element}"


def function(given):
    """What a function takes, gives and costs."""
    arrays = [
        (name, f"items x {' x '.join(map(str, item))}".removesuffix(" x "), "in") for name, item in given.inputs.items()
    ]
    arrays += [
        (name, f"items x {' x '.join(map(str, item))}".removesuffix(" x "), "out")
        for name, item in given.outputs.items()
    ]
    rows = []
    for size in given.sizes:
        costs = given.costs(size)
        rows.append([size, *(costs if costs is not None else ["when it is needed"] * 3)])
    costs = table(["items in a call", "bytes of code", "of weights", "of scratch memory"], rows)
    return table(["array", "shape", ""], arrays, "pfp.Function") + costs


def curve(values, title, width=360, height=120):
    """A line through numbers, as an SVG picture."""
    values = [value for value in values if value is not None and np.isfinite(value)]
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = width / (len(values) - 1)
    points = " ".join(
        f"{index * step:.1f},{height - 4 - (value - low) / span * (height - 8):.1f}"
        for index, value in enumerate(values)
    )
    return (
        f'<figure><svg width="{width}" height="{height}" role="img" aria-label="{escape(title)}">'
        f'<polyline fill="none" stroke="currentColor" stroke-width="1.5" points="{points}"/></svg>'
        f"<figcaption>{escape(title)}: {number(values[0])} to {number(values[-1])}</figcaption></figure>"
    )


def result(given):
    """A training or a calibration."""
    history = getattr(given, "history", None)
    if history is None:
        return table(*_calibration(given.report), repr(given).strip("<>"))
    summary = given.summary
    rows = [
        (name, number(value) if isinstance(value, float) else value)
        for name, value in summary.items()
        if isinstance(value, (int, float, str)) and name not in ("version", "module", "function")
    ]
    text = table(["", "value"], rows, repr(given).strip("<>"))
    return text + curve([each.get("loss") for each in history], "loss by epoch, nats")


def _calibration(report):
    rows = []
    for name in ("fitted", "held_out"):
        change = report[name]
        rows.append(
            [
                name.replace("_", " "),
                change["items"],
                number(change["before"]["nll"]),
                number(change["after"]["nll"]),
            ]
        )
    return ["items", "count", "NLL before, nats", "NLL after, nats"], rows


def evaluation(given):
    """The sets of an evaluation, mode by mode, and the verdict."""
    modes = given["modes"]
    text = f"<p>Can PFP be trusted on this data? {escape(given['verdict']['answer'])}</p>"
    for index, each in enumerate(given["sets"]):
        rows = []
        for mode in modes:
            of_set = mode["sets"][index]
            measures = of_set.get("classification") or {}
            rows.append(
                [
                    mode["mode"],
                    *(number(measures.get(name)) for name in ("accuracy", "nll", "brier", "ece")),
                    *(number(of_set["uncertainty"].get(name)) for name in ("total", "aleatoric", "epistemic")),
                ]
            )
        head = ["mode", "accuracy", "NLL", "Brier", "ECE", "total", "aleatoric", "epistemic"]
        text += table(head, rows, f"{each['name']}, {each['items']} items; uncertainties in nats")
    return text
