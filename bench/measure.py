"""Times the peers beside each other, on one network with one batch."""

import random
import statistics
import sys

from process import Failure

# Seconds. A peer may compile a large network for minutes.
PREPARE_TIMEOUT, TIME_TIMEOUT = 1800, 300
PICKING_ROUNDS = 3


def measure(processes, network, batch, rounds, seconds):
    """Gives what was found out, and what failed:

    peers      of each peer: formulation, microseconds (median of the rounds), ratio to pfp
               (median of the ratios in the rounds, None without pfp), errors of means and variances
    failures   of each peer or formulation: what it says
    versions   of each peer
    """
    failures, versions, errors = {}, {}, {}
    for peer, process in processes.items():
        _say(f"{network} batch {batch}: preparing {peer}")
        try:
            answer = process.ask(PREPARE_TIMEOUT, do="prepare", network=network, batch=batch)
        except Failure as failure:
            failures[peer] = str(failure)
            continue
        versions[peer] = answer["version"]
        failures |= {f"{peer} ({form})": text for form, text in answer["failures"].items()}
        errors |= {(peer, form): error for form, error in answer["errors"].items()}

    _say(f"{network} batch {batch}: timing")
    picking = _rounds(processes, errors, PICKING_ROUNDS, seconds, failures)
    best = {}
    for key in sorted(picking, key=lambda key: statistics.median(picking[key])):
        best.setdefault(key[0], key)
    times = _rounds(processes, best.values(), rounds, seconds, failures)
    ours = next((series for (peer, _), series in times.items() if peer == "pfp"), None)
    peers = {}
    for (peer, form), series in times.items():
        peers[peer] = {
            "formulation": form,
            "microseconds": statistics.median(series),
            "ratio": ours and statistics.median(a / b for a, b in zip(series, ours, strict=True)),
            "errors": errors[peer, form],
        }
    shown = (f"{peer} {result['microseconds']:.1f}" for peer, result in peers.items())
    _say(f"{network} batch {batch}: {', '.join(shown)} us")
    return {"peers": peers, "failures": failures, "versions": versions}


def _rounds(processes, keys, count, seconds, failures):
    """Median microseconds in each round, of each (peer, formulation) that fails in none."""
    times = {key: [] for key in keys}
    for _ in range(count):
        order = list(times)
        random.shuffle(order)
        for peer, form in order:
            request = {"do": "time", "formulation": form, "seconds": seconds}
            try:
                answer = processes[peer].ask(TIME_TIMEOUT, **request)
                times[peer, form].append(answer["microseconds"])
            except Failure as failure:
                failures[f"{peer} ({form})"] = str(failure)
                del times[peer, form]
    return times


def _say(text):
    print(text, file=sys.stderr, flush=True)
