"""A worker from the outside: a process that is stopped while nothing is asked of it."""

import ctypes
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path

WORKER = Path(__file__).with_name("worker.py")
PR_SET_PDEATHSIG = 1
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Failure(Exception):
    """What a peer says, or that it says nothing."""


class Process:
    """`log` receives what the libraries of the peer print."""

    def __init__(self, python, settings, cpus, log):
        def in_child():
            os.sched_setaffinity(0, cpus)
            # A stopped process must not outlive the one that could continue it.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        threads = dict.fromkeys(THREAD_VARIABLES, str(settings["threads"]))
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                [python, "-B", WORKER, json.dumps(settings)],
                env={**os.environ, **threads},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=in_child,
            )
        self.log = log
        self.process.send_signal(signal.SIGSTOP)

    def runs(self):
        return self.process.poll() is None

    def ask(self, timeout, **request):
        """The answer to a request. The process runs from here to its answer."""
        try:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            answer = self._answer(time.monotonic() + timeout)
            self.process.send_signal(signal.SIGSTOP)
        except BrokenPipeError:
            raise Failure(f"the process ended; see {self.log.name}") from None
        if "error" in answer:
            raise Failure(answer["error"])
        return answer

    def _answer(self, end):
        text, out = b"", self.process.stdout.fileno()
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([out], [], [], max(0, end - time.monotonic()))
            part = os.read(out, 1 << 16) if ready else b""
            if not part:
                self.end()
                reason = "the process ended" if ready else "no answer in time"
                raise Failure(f"{reason}; see {self.log.name}")
            text += part
        return json.loads(text)

    def end(self):
        self.process.kill()
        self.process.wait()
