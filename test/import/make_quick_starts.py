"""Runs the Python of docs/quick-starts.md and keeps the files that it saves.

    pip install -r requirements-onnx.txt pyro-ppl==1.9.2
    python make_quick_starts.py FOLDER
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from make_onnx import strip

ROOT = Path(__file__).resolve().parent.parent.parent
IMAGES = ["test-images.idx3-ubyte", "test-labels.idx1-ubyte"]
SAVED = ["net.onnx", "net.safetensors", "std.safetensors", "classifier.onnx", "store.pt"]


def main(folder):
    folder = Path(folder).resolve()
    folder.mkdir(exist_ok=True)
    page = (ROOT / "docs/quick-starts.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.S))
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for name in IMAGES:
            shutil.copy(ROOT / "examples/digits" / name, name)
        exec(compile(code, "docs/quick-starts.md", "exec"), {"__name__": "quick_starts"})
        for name in SAVED:
            if name.endswith(".onnx"):
                strip(name)
            shutil.copy(name, folder / name)


if __name__ == "__main__":
    main(sys.argv[1])
