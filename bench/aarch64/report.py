"""Results as Markdown, their targets, and their place in docs/performance.md."""

import math

BEGIN, END = "<!-- aarch64:begin -->", "<!-- aarch64:end -->"
PAGE = """# Performance

What compiled networks cost. Times depend on the machine: each table says on which one it was
taken, and the command above it takes it again.
"""
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
# Cores whose models allow some loops less than that, whatever their code (README.md).
BEYOND = {"cortex-a53", "cortex-a76"}
# Of these the ones that allow it to all loops but those which load for each multiply-add.
FEW_LOADS = {"cortex-a76"}
TEXT = {"lenet": 64 * 1024}
# What batch 10 needs per image, as a share of batch 1: less than all.
LESS = math.nextafter(1, 0)
# Largest errors of means, in units of max(|mean|, sigma), and of variances, relative.
ERRORS = {"pfp": 1e-4, "c": 1e-2}


def targets(results):
    """[(target, worst value, where, met, checked)]; those checked decide the status of --check."""
    cases = results["cases"]
    single = {(c["network"], c["cpu"]): c["instructions"] for c in cases if c["batch"] == 1}
    rows = []

    def add(target, values, bound, checked=True, least=False, text="{:,}"):
        """One target of [(value, case)]: the worst of the values against the bound."""
        value, case = (min if least else max)(values, key=lambda pair: pair[0])
        met = value >= bound if least else value <= bound
        where = f"{case['network']}, {case['cpu']}, batch {case['batch']}"
        rows.append((target, text.format(value), where, met, checked))

    for name, bound in INSTRUCTIONS.items():
        values = [(c["instructions"], c) for c in cases if c["network"] == name and c["batch"] == 1]
        add(f"{name}, batch 1: at most {bound:,} instructions", values, bound)
    ratios = [
        (c["instructions"] / c["batch"] / single[c["network"], c["cpu"]], c)
        for c in cases
        if c["batch"] > 1
    ]
    add("batch 10: fewer instructions per image than batch 1", ratios, LESS, text="{:.1%} of it")
    for name, bound in TEXT.items():
        values = [(c["text_bytes"], c) for c in cases if c["network"] == name]
        add(f"{name}: at most {bound:,} bytes of text", values, bound)
    errors = [(max(c["errors"]), c) for c in cases]
    add(f"errors of pfp at most {ERRORS['pfp']:g}", errors, ERRORS["pfp"], text="{:.1e}")
    errors = [(max(program["errors"]), c) for c in cases for program in c["c"].values()]
    add(f"errors of the C at most {ERRORS['c']:g}", errors, ERRORS["c"], text="{:.1e}")
    for cpu, bound in PEAK.items():
        loops = [(loop, c) for c in cases if c["cpu"] == cpu for loop in c["kernels"]]

        def add_loops(which, chosen, checked):
            shares = [(loop["share_of_peak"], case) for loop, case in chosen]
            target = f"{cpu}: {which} at {bound:.0%} of peak or more"
            if shares:
                add(target, shares, bound, checked=checked, least=True, text="{:.0%}")

        add_loops("each hot loop", loops, cpu not in BEYOND)
        if cpu in FEW_LOADS:
            few = [pair for pair in loops if pair[0]["loads"] < pair[0]["multiply_adds"]]
            add_loops("those with fewer loads than multiply-adds", few, True)
    return rows


def markdown(results):
    """The section of the page."""
    cases = results["cases"]
    head = ["network", "CPU", "batch", "text", "instructions", "per image"]
    head += [f"C, `{label}`" for label in cases[0]["c"]]
    head += ["error", "hot loops", "of peak"]
    loops = ["network", "CPU", "batch", "share", "multiply-adds", "instructions", "loads", "stack"]
    loops += ["cycles", "of peak"]
    parts = [
        f"{results['compiler']}, {results['clang']}, {results['qemu']}.",
        "Bytes of text of the object; instructions of a call, and for each image also those of the "
        "C; the largest error; the share of the multiply-adds that hot loops do, and how much of "
        "the core's peak they reach together:",
        table(head, map(case_row, cases)),
        "Each hot loop: its share of the multiply-adds; what one iteration executes, of that what "
        "reads memory and what touches the stack; its cycles and share of the peak:",
        table(loops, [row for case in cases for row in kernel_rows(case)]),
        "What the models allow, by loops of independent multiply-adds and loads alone:",
        table(["CPU", "loop", "cycles", "of peak"], map(limit_row, results["limits"])),
        "Targets, and of each the worst case:",
        table(
            ["target", "worst", "where", ""],
            [[*row, "met" if met else "**missed**"] for *row, met, _ in targets(results)],
        ),
    ]
    return "\n\n".join(parts)


def activations(results):
    """The loops that divide, take roots or estimate them, which have no target."""
    head = ["network", "CPU", "batch", "iterations", "multiply-adds", "instructions", "cycles"]
    rows = [row for case in results["cases"] for row in activation_rows(case)]
    return "Loops of activations:\n\n" + table(head, rows)


def limit_row(limit):
    cycles, share = f"{limit['cycles']:.1f}", f"{limit['share_of_peak']:.0%}"
    return [limit["cpu"], limit["loop"], cycles, share]


def case_row(case):
    batch = case["batch"]
    row = [case["network"], case["cpu"], batch, f"{case['text_bytes']:,}"]
    counts = [case["instructions"], *(program["instructions"] for program in case["c"].values())]
    row += [f"{case['instructions']:,}", *(f"{count / batch:,.0f}" for count in counts)]
    share = sum(loop["share_of_multiply_adds"] for loop in case["kernels"])
    peak = case["share_of_peak"]
    return [*row, f"{max(case['errors']):.1e}", f"{share:.0%}", f"{peak:.0%}" if peak else ""]


def kernel_rows(case):
    where = [case["network"], case["cpu"], case["batch"]]
    for loop in case["kernels"]:
        row = [f"{loop['share_of_multiply_adds']:.0%}", f"{loop['multiply_adds']:g}"]
        row += [loop[what] for what in ("instructions", "loads", "stack_accesses")]
        row += [f"{loop['cycles']:.1f}"]
        yield [*where, *row, f"{loop['share_of_peak']:.0%}"]


def activation_rows(case):
    for loop in case["activations"]:
        row = [f"{loop['iterations']:,}", f"{loop['multiply_adds']:g}", loop["instructions"]]
        yield [case["network"], case["cpu"], case["batch"], *row, f"{loop['cycles']:.0f}"]


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def write(page, text):
    """Puts the section between the marks of the page, which it makes where they are missing."""
    content = page.read_text() if page.exists() else PAGE
    if BEGIN not in content:
        content = f"{content.rstrip()}\n\n{SECTION}"
    before, _, rest = content.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{page} has {BEGIN} without {END} after it")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
