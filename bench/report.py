"""Results as Markdown, and their place in docs/performance.md."""

import datetime
import platform
import statistics
from pathlib import Path

# Messages have no Markdown.
PLAIN = str.maketrans("`<>[]|", "'()()/")

# Of training: what is wanted of pfp beside whom, for each network.
TRAINING_GOALS = (
    ("as fast as Pyro, at least, times", "pyro", "speed", {"mlp": 7, "lenet": 2.5}),
    ("of the time of PyTorch's ordinary step, at most", "torch", "time", {"mlp": 1.2, "lenet": 0.9}),
    ("as fast as JAX, at least, times", "jax", "speed", {"mlp": 2, "lenet": 4}),
    ("two threads as fast as one, at least, times", "pfp", "threads", {"lenet": 1.7}),
    ("of the peak memory of PyTorch, at most", "torch", "memory", {"mlp": 0.25, "lenet": 0.25}),
)
TRAINING_BASE, TRAINING_DRAWN, TRAINING_THREADS = "moments", "moments, 16 draws", "moments, 2 threads"


def markdown(results):
    """The section of the page: where and when, times, errors and formulations, failures."""
    peers = ["pfp", *results["peers"]]
    cases = results["cases"]
    threads = results["threads"]
    versions = {peer: version for case in cases for peer, version in case["versions"].items()}
    cpus = "one core" if threads == 1 else f"{threads} cores (pfp: one of them)"
    programs = ", ".join(f"{peer} {versions[peer]}" for peer in peers if peer in versions)
    rates = results["core"]["bytes_per_second"]
    reads = (f"{rate / 1e9:.0f} GB/s from {int(size) / 1e6:.1f} MB" for size, rate in rates.items())
    peak = results["core"]["operations_per_second"] / 1e9
    head = ["network", "batch"]
    parts = [
        f"{where(cpus)}: {programs}.",
        f"One core does {peak:.0f} GFLOP/s in float32, and reads {', '.join(reads)}.",
        "Microseconds of a call:",
        table([*head, "limit", *peers, "fastest peer / pfp"], [_times(c, peers) for c in cases]),
        "Largest errors of means and variances against float64, and the fastest formulation:",
        table([*head, *peers], [_errors(c, peers) for c in cases]),
    ]
    return "\n\n".join(parts + _failures(cases))


def write(page, section, text):
    """Replaces what stands between the marks of a section in the page."""
    marks = [f"<!-- {section}:{mark} -->" for mark in ("begin", "end")]
    before, begin, rest = page.read_text().partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise ValueError(f"{page} has no {marks[0]} with {marks[1]} after it")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def sampling(results):
    """The section of the page on sampling: where and when, times and how many times moments."""
    peers, cases = results["peers"], results["cases"]
    versions = {peer: version for case in cases for peer, version in case["versions"].items()}
    programs = {label.split("@")[0]: version for label, version in versions.items()}
    named = ", ".join(
        f"{'jax' if program == 'jax_sampled' else program} {version}"
        for program, version in programs.items()
    )
    titles = {peer: _title(peer) for peer in peers}

    def row(case):
        measured = case["peers"]
        cells = [case["network"], str(case["batch"])]
        for peer in peers:
            if peer not in measured:
                cells.append("failed")
                continue
            time, ratio = measured[peer]["microseconds"], measured[peer]["ratio"]
            cells.append(_number(time) + (f" ({_number(ratio)}x)" if peer != "pfp" else ""))
        return cells

    parts = [
        f"{where()}: {named}.",
        "Microseconds of a call, and how many times those of moments:",
        table(["network", "batch", *titles.values()], [row(case) for case in cases]),
    ]
    return "\n\n".join(parts + _failures(cases))


def _failures(cases):
    lines = [
        f"- {case['network']}, batch {case['batch']}, {who}: {text.translate(PLAIN)}"
        for case in cases
        for who, text in case["failures"].items()
    ]
    return ["What failed:", "\n".join(lines)] if lines else []


def _title(peer):
    program, _, argument = peer.partition("@")
    return f"JAX, {argument} passes" if program == "jax_sampled" else argument or "moments"


def where(cpus="one core"):
    """The machine and the day."""
    return f"{_cpu()}, {cpus}, {datetime.date.today().isoformat()}"


def _cpu():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _times(case, peers):
    results = case["peers"]
    ratios = {r["ratio"]: peer for peer, r in results.items() if peer != "pfp" and r["ratio"]}
    fastest = f"**{min(ratios):.2f}** ({ratios[min(ratios)]})" if ratios else ""
    times = (_number(results[p]["microseconds"]) if p in results else "failed" for p in peers)
    return [case["network"], str(case["batch"]), _number(case["limit"]), *times, fastest]


def _errors(case, peers):
    def cell(peer):
        if peer not in case["peers"]:
            return ""
        result = case["peers"][peer]
        errors = f"{result['errors']['mean']:.0e} / {result['errors']['variance']:.0e}"
        return errors if peer == "pfp" else f"{errors}<br>{result['formulation']}"

    return [case["network"], str(case["batch"]), *map(cell, peers)]


def _number(value):
    """Three digits, or all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head, rows):
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def training(results):
    """The section of the page on training: where and when, times and memory, and the goals."""
    programs = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    images = "random images" if results["random"] else f"MNIST ({results['set']})"
    loads = " and ".join(f"{load:.1f}" for load in results["load"])
    parts = [f"{where()}, load {loads} before and after: {programs}; {images}, batch {results['batch']}."]
    goals = []
    for network, measured in results["networks"].items():
        entries = {(entry["peer"], entry["formulation"]): entry["turns"] for entry in measured["entries"]}
        base = entries["pfp", TRAINING_BASE]
        rows = []
        for (peer, form), turns in entries.items():
            time, low, high = _spread(turns, "microseconds")
            peak = max(turn["peak"] for turn in turns) / 1e6
            libraries = max(turn.get("libraries", 0) for turn in turns) / 1e6
            cells = [f"{peer}: {form}", _number(time), f"{_number(low)} to {_number(high)}"]
            cells += [_number(_ratio(turns, base, "microseconds")), f"{_spread(turns, 'preparation')[0]:.1f}"]
            rows.append([*cells, f"{peak:.0f}", f"{libraries:.0f}" if libraries else ""])
        head = [network, "us of a step", "of rounds", "times moments", "start, s", "peak, MB", "libraries, MB"]
        parts.append(table(head, rows))
        goals += _training_goals(network, entries)
    head = ["pfp, moments", "network", "beside", "goal", "second order", "16 draws", "met"]
    parts += ["Goals:", table(head, goals)]
    return "\n\n".join(parts + _training_failures(results))


def _training_goals(network, entries):
    rows = []
    ours = [entries["pfp", name] for name in (TRAINING_BASE, TRAINING_DRAWN)]
    for words, peer, kind, goals in TRAINING_GOALS:
        if network not in goals:
            continue
        goal = goals[network]
        if kind == "threads":
            beside = {TRAINING_THREADS: entries.get(("pfp", TRAINING_THREADS))}
        else:
            beside = {form: turns for (name, form), turns in entries.items() if name == peer}
        for form, turns in beside.items():
            if not turns:
                continue
            match kind:
                case "speed":
                    values = [_ratio(turns, mine, "microseconds") for mine in ours]
                case "time":
                    values = [_ratio(mine, turns, "microseconds") for mine in ours]
                case "threads":
                    values = [_ratio(ours[0], turns, "microseconds")]
                case "memory":
                    values = [_ratio(mine, turns, "peak") for mine in ours]
            met = values[0] >= goal if kind in ("speed", "threads") else values[0] <= goal
            numbers = [*(f"{value:.2f}" for value in values), ""][:2]
            rows.append([words, network, form, f"{goal:g}", *numbers, "yes" if met else "**no**"])
    return rows


def _spread(turns, key):
    values = [turn[key] for turn in turns]
    return statistics.median(values), min(values), max(values)


def _ratio(turns, others, key):
    """The median of the ratios in the rounds."""
    return statistics.median(a[key] / b[key] for a, b in zip(turns, others, strict=True))


def _training_failures(results):
    lines = [
        f"- {network}, {who}: {text.translate(PLAIN)}"
        for network, measured in results["networks"].items()
        for who, text in measured["failures"].items()
    ]
    return ["What failed:", "\n".join(lines)] if lines else []
