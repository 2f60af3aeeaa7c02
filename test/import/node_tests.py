"""Runs the node tests of ONNX through pfp and writes what became of them as a table into docs/onnx.md.

    pip install -r requirements-onnx.txt
    python test/import/node_tests.py --pfp target/release/pfp [--write] [--only REGEX] [--keep FOLDER]

A node test gives all of its tensors as inputs. A network gives some as initialisers, so each test runs several
times: with its first float input as data, with the first two, and so on, all others being initialisers. It is
right if pfp takes one of these and is wrong in none. So with its outputs: all that are floats, or the first one
alone. Where a test and onnxruntime disagree, onnxruntime holds.

Each test whose tensors are numbers runs on constants, too: all of its inputs are initialisers, and its first
output is added to an input of zeros.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from safetensors.numpy import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- node-tests:begin -->", "<!-- node-tests:end -->"
# Relative to max(1, |y|); pfp computes in float32 what a test computes in 16 bits.
TOLERANCES = {
    TensorProto.FLOAT: 1e-5,
    TensorProto.DOUBLE: 1e-5,
    TensorProto.FLOAT16: 2e-3,
    TensorProto.BFLOAT16: 2e-2,
}


def element(value):
    """The type of the elements of an input or output; 0 of what is no tensor."""
    return value.type.tensor_type.elem_type if value.type.WhichOneof("value") == "tensor_type" else 0


def tensors(test):
    """The inputs and outputs of a test as arrays."""

    def array(value):
        return numpy_helper.to_array(value) if isinstance(value, TensorProto) else value

    return [[array(value) for value in values] for values in test.data_sets[0]]


def known():
    """The operators that pfp knows."""
    text = (ROOT / "import/src/onnx/operators.rs").read_text()
    return set(re.findall(r'\(\s*"(\w+)",\s*(?:&\[|[A-Z]+\))', text[text.index("OPERATORS") :]))


def operators(tests):
    """The operator of each test; one that is written out as other nodes has the name of the other test."""
    single = {}
    for test in tests:
        name = re.sub(r"_expanded(_ver\d+)?$", "", test.name)
        nodes = test.model.graph.node
        if name == test.name and len({node.op_type for node in nodes}) == 1:
            single[name] = nodes[0].op_type
    return {test.name: single.get(re.sub(r"_expanded(_ver\d+)?$", "", test.name)) for test in tests}


def with_initialisers(test, data, results):
    """The model of a test in which all inputs that are not data are initialisers, with some of its outputs."""
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    inputs = list(zip(test.model.graph.input, tensors(test)[0]))
    del model.graph.input[:], model.graph.output[:]
    model.graph.output.extend(test.model.graph.output[index] for index in results)
    for index, (value, array) in enumerate(inputs):
        if index in data:
            model.graph.input.append(value)
        else:
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    return model


def on_constants(test):
    """A model that adds the first output of a test on constants to zeros."""
    model = with_initialisers(test, (), ())
    output, wanted = test.model.graph.output[0], np.asarray(tensors(test)[1][0])
    x = helper.make_tensor_value_info("pfp_x", TensorProto.FLOAT, wanted.shape)
    y = helper.make_tensor_value_info("pfp_y", TensorProto.FLOAT, wanted.shape)
    model.graph.input.append(x)
    model.graph.output.append(y)
    cast = helper.make_node("Cast", [output.name], ["pfp_c"], to=TensorProto.FLOAT)
    model.graph.node.extend([cast, helper.make_node("Add", ["pfp_c", "pfp_x"], ["pfp_y"])])
    return model, [np.zeros(wanted.shape, np.float32)], [wanted]


def reason(message, operator):
    """Why a model is refused, in few words."""
    lines = [line.strip(" ×│") for line in message.strip().splitlines()]
    text = next((line for line in lines if re.match(r"the node '.*?', \S+ of opset", line)), lines[0])
    text = re.sub(r"^\S+\.onnx( is not a valid ONNX model)?:? ?", "", text)
    found = re.search(r"the node '[^']*', (\S+) of opset \d+,? (.*)", text)
    if found:
        text = found[2] if found[1] == operator else f"{found[1]} {found[2]}"
    text = text.split(";")[0].split("; docs/")[0]
    text = re.sub(r"^\S+ has (NaN|inf|-inf) in .*", r"the test has \1 in an input", text)
    text = re.sub(r"(?<!mode )(?<!coordinates )(?<!policy )(?<!attribute )'[^']*'", "'..'", text)
    text = re.sub(r"\[[^\]]*\]", "[..]", re.sub(r"tensor<[^>]*>", "tensor<..>", text))
    return text.replace("|", "\\|")


def compare(got, wanted, tolerances):
    """Where the outputs are not what is wanted."""
    for number, (value, array, tolerance) in enumerate(zip(got, wanted, tolerances)):
        value, array = np.asarray(value).astype(np.float64), np.asarray(array).astype(np.float64)
        if value.shape not in (array.shape, (1, *array.shape)):
            return f"output {number} has shape {value.shape}, not {array.shape}"
        value = value.reshape(array.shape)
        with np.errstate(invalid="ignore"):
            near = np.abs(value - array) <= tolerance * np.maximum(1, np.abs(array))
        same = near | (value == array) | (np.isnan(value) & np.isnan(array))
        if not same.all():
            worst = tuple(np.argwhere(~same)[0].tolist())
            return f"output {number} is {value[worst]}, not {array[worst]} at {list(worst)}"
    return None


class Runner:
    def __init__(self, pfp, folder):
        self.pfp, self.folder, self.runs, self.seconds = pfp, folder, 0, 0.0
        self.disputed = {}

    def run(self, name, model, inputs, wanted, tolerances):
        """What became of a model, "right", "refused" or "wrong", and why."""
        path, output = self.folder / f"{name}.onnx", self.folder / f"{name}.safetensors"
        onnx.save(model, path)
        command = [self.pfp, "run", "-q", "--mode", "mean", "-o", str(output)]
        for index, array in enumerate(inputs):
            file = self.folder / f"{name}.{index}.npy"
            np.save(file, np.ascontiguousarray(array, np.float32).reshape(np.shape(array)))
            command += ["--input", str(file)]
        command.append(str(path))
        begin = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        except subprocess.TimeoutExpired:
            return "wrong", f"takes longer than a minute: {' '.join(command)}"
        self.seconds += time.perf_counter() - begin
        self.runs += 1
        if done.returncode == 1 and "panicked" not in done.stderr:
            return "refused", done.stderr
        if done.returncode != 0:
            return "wrong", f"ends with {done.returncode}: {' '.join(command)}\n{done.stderr}"
        got = load_file(output)
        names = ["output"] if "output" in got else [f"output{index}" for index in range(len(got))]
        if set(names) != set(got) or len(names) != len(wanted):
            return "wrong", f"has the outputs {sorted(got)}: {' '.join(command)}"
        got = [got[key] for key in names]
        error = compare(got, wanted, tolerances)
        if error is None:
            return "right", ""
        try:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.log_severity_level = 1, 4
            session = onnxruntime.InferenceSession(str(path), options)
            feeds = {value.name: array for value, array in zip(session.get_inputs(), inputs)}
            if compare(got, session.run(None, feeds), tolerances) is None:
                self.disputed[name.split(".")[0]] = error
                return "right", ""
        except Exception as exception:
            error += f" (onnxruntime: {str(exception)[:80]})"
        return "wrong", f"{error}: {' '.join(command)}"

    def network(self, test, operator):
        """What became of a test with data; nothing of one that is no network."""
        inputs, outputs = test.model.graph.input, test.model.graph.output
        floats = [index for index, value in enumerate(inputs) if element(value) in TOLERANCES]
        given = [index for index, value in enumerate(outputs) if element(value) in TOLERANCES]
        if not floats or 0 not in given or any(element(value) == 0 for value in inputs):
            return None
        arrays, wanted = tensors(test)
        tolerances = [TOLERANCES.get(element(value), 0) for value in outputs]
        results = []
        for count in range(1, len(floats) + 1):
            for kept in (given, [0])[: len(given)]:
                data = floats[:count]
                model = with_initialisers(test, data, kept)
                chosen = [arrays[index] for index in data], [wanted[index] for index in kept]
                name = f"{test.name}.{count}.{len(kept)}"
                results.append(self.run(name, model, *chosen, [tolerances[index] for index in kept]))
        for state in ("wrong", "right"):
            found = [message for got, message in results if got == state]
            if found:
                return state, "\n".join(found)
        # The first inputs of an attention are data; behind the first input of another layer there are weights.
        return "refused", reason(results[-1 if "Attention" in operator else 0][1], operator)

    def constants(self, test, operator):
        """What became of the operator of a test on constants; nothing where its tensors are not numbers."""
        inputs, outputs = test.model.graph.input, test.model.graph.output
        numbers = {*TOLERANCES, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL}
        if any(element(value) not in numbers for value in (*inputs, outputs[0])):
            return None
        model, inputs, wanted = on_constants(test)
        tolerances = [TOLERANCES.get(element(outputs[0]), 1e-6)]
        state, message = self.run(f"{test.name}.constant", model, inputs, wanted, tolerances)
        return state, reason(message, operator) if state == "refused" else message


def table(rows, all_right=True):
    lines = ["| operator | right | refused | wrong |", "|---|---|---|---|"]
    for operator, results in sorted(rows.items()):
        count = collections.Counter(state for state, _ in results)
        if count["right"] == len(results) and not all_right:
            continue
        reasons = collections.Counter(message for state, message in results if state == "refused")
        refused = "; ".join(f"{number}: {text}" for text, number in reasons.most_common())
        lines.append(f"| {operator} | {count['right']} | {refused} | {count['wrong'] or ''} |")
    return "\n".join(lines)


def section(networks, constants, left_out, disputed):
    total = collections.Counter(state for results in networks.values() for state, _ in results)
    folded = collections.Counter(state for results in constants.values() for state, _ in results)
    names = " and ".join(f"`{name}`" for name in disputed)
    holds = f" Where a test and onnxruntime {onnxruntime.__version__} disagree, onnxruntime holds: {names}."
    paragraphs = [
        f"The node tests of onnx {onnx.__version__} whose operators pfp knows, in the mode `mean`, as "
        "[the script beside the exported models](../test/import/node_tests.py) writes them here.",
        "A test counts as right if some of its inputs can be data, the others being initialisers, and if its "
        "outputs, or its first one alone, are within 1e-5 relative to max(1, |y|): 2e-3 where the test computes "
        "in float16 and 2e-2 in bfloat16, both of which pfp does in float32. A test that writes an operator out "
        "as other nodes counts for that operator, also where pfp does not know it by itself.",
        f"{total['right']} are right, {total['refused']} are refused and {total['wrong']} are wrong; {left_out} are "
        f"no networks, as their inputs or outputs are no floats.{holds if disputed else ''}",
        table(networks),
        "Where its tensors are numbers, a test runs with all inputs as initialisers, too, which pfp computes when "
        f"it reads a model. Of these {folded['right']} are right, {folded['refused']} are refused and "
        f"{folded['wrong']} are wrong. The operators that are not right in all tests:",
        table(constants, all_right=False),
    ]
    wrapped = [
        text if text[0] == "|" else textwrap.fill(text, 110, break_on_hyphens=False) for text in paragraphs
    ]
    return "\n\n".join([f"{BEGIN}\n## Node tests of ONNX", *wrapped]) + f"\n{END}\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pfp", required=True)
    parser.add_argument("--write", action="store_true", help="write the table into docs/onnx.md")
    parser.add_argument("--only", default="", help="tests whose names match")
    parser.add_argument("--keep", help="a folder for the models")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    begin = time.perf_counter()
    tests = collect_testcases()
    operator_of = operators(tests)
    ops = known()
    networks, constants = collections.defaultdict(list), collections.defaultdict(list)
    wrong, left_out = [], 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(arguments.keep or folder)
        folder.mkdir(exist_ok=True)
        runner = Runner(arguments.pfp, folder)
        for test in tests:
            nodes = test.model.graph.node
            if not re.search(arguments.only, test.name):
                continue
            if any(node.domain not in ("", "ai.onnx") or node.op_type not in ops for node in nodes):
                continue
            operator = operator_of[test.name] or nodes[0].op_type
            result = runner.network(test, operator)
            folded = runner.constants(test, operator)
            left_out += result is None
            for rows, found in ((networks, result), (constants, folded)):
                if found is not None:
                    rows[operator].append(found)
                    if found[0] == "wrong":
                        wrong.append(f"{test.name}: {found[1]}")
    text = section(networks, constants, left_out, sorted(runner.disputed))
    if arguments.write:
        path = ROOT / "docs/onnx.md"
        rest = path.read_text()
        if BEGIN in rest:
            rest = rest[: rest.index(BEGIN)] + rest[rest.index(END) + len(END) :].lstrip("\n")
        path.write_text(rest.rstrip("\n") + "\n\n" + text)
    else:
        print(text)
    for name, error in runner.disputed.items():
        print(f"{name} is as in onnxruntime: {error}")
    for message in wrong:
        print(message)
    print(f"{runner.runs} runs took {runner.seconds:.0f} s of {time.perf_counter() - begin:.0f} s")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
