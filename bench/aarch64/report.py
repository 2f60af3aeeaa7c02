"""Results as Markdown, their targets, and their place in docs/performance.md."""

BEGIN, END = "<!-- aarch64:begin -->", "<!-- aarch64:end -->"
PAGE = f"""# Performance

What compiled networks cost. Times depend on the machine: each table says on which one it was
taken, and the command above it takes it again.

{{section}}"""
SECTION = f"""## AArch64

```sh
bench/aarch64/run --write
```

counts the instructions of compiled networks under an emulator, and of the same networks in C, and
asks llvm-mca how near their loops come to the peak of a core. No AArch64 machine is needed, and
another run gives the same numbers. [bench/aarch64/README.md](../bench/aarch64/README.md) says how
to read them.

{BEGIN}
{END}
"""

INSTRUCTIONS = {"mlp": 130_000, "lenet": 850_000}
PEAK = {"cortex-a72": 0.95, "cortex-a76": 0.80, "cortex-a53": 0.75}
TEXT = {"lenet": 64 * 1024}
# Largest errors of means, in units of max(|mean|, sigma), and of variances, relative.
ERRORS = {"pfp": 1e-4, "c": 1e-2}


def targets(results):
    """[(what, value, bound, met, checked)]; those checked decide the exit status of --check."""
    rows = []
    cases = {(case["network"], case["cpu"], case["batch"]): case for case in results["cases"]}
    for (name, cpu, batch), case in cases.items():
        where = f"{name}, {cpu}, batch {batch}"
        value = case["instructions"]
        if batch == 1:
            bound = INSTRUCTIONS[name]
            rows.append((f"{where}: instructions", f"{value:,}", f"<= {bound:,}", value <= bound, True))
        elif single := cases.get((name, cpu, 1)):
            each, bound = value / batch, single["instructions"]
            row = f"{each:,.0f}", f"< {bound:,}", each < bound, True
            rows.append((f"{where}: instructions per image", *row))
        if bound := TEXT.get(name):
            value = case["text_bytes"]
            rows.append((f"{where}: bytes of text", f"{value:,}", f"<= {bound:,}", value <= bound, True))
        for kind, bound in ERRORS.items():
            programs = [case] if kind == "pfp" else case["c"].values()
            value = max(error for program in programs for error in program["errors"])
            rows.append((f"{where}: error of {kind}", f"{value:.1e}", f"<= {bound:g}", value <= bound, True))
        if case["kernels"]:
            bound, value = PEAK[cpu], min(loop["share_of_peak"] for loop in case["kernels"])
            row = f"{value:.0%}", f">= {bound:.0%}", value >= bound, False
            rows.append((f"{where}: least share of peak of a hot loop", *row))
    return rows


def markdown(results):
    """The section of the page."""
    cases = results["cases"]
    flags = list(cases[0]["c"])
    head = ["network", "CPU", "batch", "text", "instructions", "per image"]
    head += [f"C `{' '.join(('-O3', flag)).strip()}`" for flag in flags]
    rows = []
    for case in cases:
        row = [case["network"], case["cpu"], case["batch"], f"{case['text_bytes']:,}"]
        row += [f"{case['instructions']:,}", f"{case['instructions'] / case['batch']:,.0f}"]
        rows.append(row + [f"{case['c'][flag]['instructions'] / case['batch']:,.0f}" for flag in flags])
    parts = [
        f"{results['compiler']}, {results['clang']}, {results['qemu']}.",
        "Bytes of text of the object; instructions of a call and, of it and of the C, for each image:",
        table(head, rows),
        "Hot loops: share of all executed multiply-adds, what an iteration has, cycles by the model "
        "of the CPU, and the share of its peak in multiply-adds:",
        table(
            ["network", "CPU", "batch", "share", "multiply-adds", "instructions", "loads", "stack"]
            + ["cycles", "of peak"],
            [row for case in cases for row in kernel_rows(case)],
        ),
        "Loops of activations, which divide or take roots:",
        table(
            ["network", "CPU", "batch", "iterations", "multiply-adds", "instructions", "cycles"],
            [row for case in cases for row in activation_rows(case)],
        ),
        "Targets:",
        target_table(results),
    ]
    return "\n\n".join(parts)


def kernel_rows(case):
    where = [case["network"], case["cpu"], case["batch"]]
    for loop in case["kernels"]:
        row = [f"{loop['share_of_multiply_adds']:.0%}", loop["multiply_adds"], loop["instructions"]]
        row += [loop["loads"], loop["stack_accesses"], f"{loop['cycles']:.1f}"]
        yield [*where, *row, f"{loop['share_of_peak']:.0%}"]
    if case["kernels"]:
        share = sum(loop["share_of_multiply_adds"] for loop in case["kernels"])
        yield [*where, f"{share:.0%}", "all", "", "", "", "", f"{case['share_of_peak']:.0%}"]


def activation_rows(case):
    for loop in case["activations"]:
        row = [f"{loop['iterations']:,}", loop["multiply_adds"], loop["instructions"]]
        yield [case["network"], case["cpu"], case["batch"], *row, f"{loop['cycles']:.0f}"]


def target_table(results):
    """Targets that were missed, then how many were met."""
    rows = targets(results)
    lines = [[what, value, bound, "met" if met else "**missed**"] for what, value, bound, met, _ in rows]
    return table(["target", "value", "bound", ""], lines)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write(page, text):
    """Puts the section between the marks of the page, which it makes where they are missing."""
    content = page.read_text() if page.exists() else PAGE.format(section="")
    if BEGIN not in content:
        content = f"{content.rstrip()}\n\n{SECTION}"
    before, _, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{page} has {BEGIN} without {END} after it")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}" if text else f"{before}{BEGIN}\n{END}{after}")
