"""Results as Markdown, and their place in docs/performance.md."""

import datetime
import platform
from pathlib import Path

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"


def describe_cpu():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def number(value):
    """Three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown(results):
    """The section of the page, from what `run` collects."""
    peers, core = results["peers"], results["core"]
    versions = ", ".join(f"{name} {results['versions'].get(name, '(failed)')}" for name in ["pfp", *peers])
    rates = {case["weight_bytes"]: core["bytes_per_second"][str(case["weight_bytes"])] for case in results["cases"]}
    reads = ", ".join(f"{rate / 1e9:.0f} GB/s from {size / 1e6:.1f} MB" for size, rate in sorted(rates.items()))
    threads = "one core" if results["threads"] == 1 else f"{results['threads']} cores, pfp on one of them"
    times, details, notes = [], [], []
    for case in results["cases"]:
        name = [case["network"], str(case["batch"])]
        timed, picked, faults = case["microseconds"], case["formulations"], case["failures"]
        cells = [number(timed[peer]) if peer in timed else "failed" for peer in ["pfp", *peers]]
        ratio = f"**{case['ratios'][case['fastest']]:.2f}** ({case['fastest']})" if case["fastest"] else ""
        times.append([*name, number(case["limit"]), *cells, ratio])
        errors = [case["errors"][peer] if peer in timed else None for peer in ["pfp", *peers]]
        shown = [f"{e['mean']:.0e} / {e['variance']:.0e}" if e else "" for e in errors]
        shown = [f"{text}<br>{picked[peer]}" if text and peer != "pfp" else text for peer, text in zip(["pfp", *peers], shown)]
        details.append([*name, *shown])
        notes += [f"- {' '.join(name)}, {peer}: {text}" for peer, text in faults.items()]
    parts = [
        f"{describe_cpu()}, {threads}, {datetime.date.today().isoformat()}: {versions}.",
        f"Measured limits of a core: {core['operations_per_second'] / 1e9:.0f} GFLOP/s in float32; it reads {reads}.",
        "Median microseconds of a call; the last column is the fastest peer's time divided by pfp's:",
        table(["network", "batch", "limit", "pfp", *peers, "fastest peer / pfp"], times),
        "Largest errors of means and variances against float64, and the formulation that was the fastest:",
        table(["network", "batch", "pfp", *peers], details),
    ]
    if notes:
        parts += ["What failed:", "\n".join(notes)]
    return "\n\n".join(parts)


def write(page, text):
    """Replaces what stands between the marks in the page."""
    old = page.read_text()
    before, begin, rest = old.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no {BEGIN} with {END} after it")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
