"""CPU of a two-way call with one secured end, and how many DTLS handshakes a core does in a second."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

from bench.media import LOAD_CORE, RTP_PORT, MediaPlane, bare_call_ms, cpu_seconds, pinned
from bench.result import Result, at_least, at_most
from bench.srtpload import LOCAL, PLAIN_PORT, REMOTE, SECURED_PORT, SUITE, address
from carillon.mediaplane.dtls import Agreed, Certificate, Handshake, make_context
from carillon.schema.mediacontrol import BridgeLegs, OpenLeg, Sdes

SIZES = (100, 400)
ROUNDS = 3
WARM, SECONDS = 1.0, 4.0
HANDSHAKES = 100


def _cost(calls: int) -> tuple[float, float, int]:
    """Return milliseconds of CPU per call and second, packets lost in percent, and wrong ones."""
    numbers = (RTP_PORT, calls, WARM, SECONDS)
    program = [*pinned(LOAD_CORE), sys.executable, "-m", "bench.srtpload", *map(str, numbers)]
    load = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        return _measured(load, calls)
    finally:
        load.kill()
        load.wait()


def _measured(load: subprocess.Popen[str], calls: int) -> tuple[float, float, int]:
    assert load.stdin is not None and load.stdout is not None
    load.stdout.readline()
    with MediaPlane() as plane:
        keys = Sdes(SUITE, LOCAL, REMOTE)
        for call in range(calls):
            plain, secured = address(call, PLAIN_PORT), address(call, SECURED_PORT)
            plane.do(
                OpenLeg(2 * call, 0, 8, -1, plain),
                OpenLeg(2 * call + 1, 0, 8, -1, secured, sdes=keys),
                BridgeLegs(2 * call, 2 * call + 1),
            )
        load.stdin.write("go\n")
        load.stdin.flush()
        time.sleep(WARM)
        before, began = cpu_seconds(plane.pid), time.monotonic()
        time.sleep(SECONDS - 0.5)
        cpu = (cpu_seconds(plane.pid) - before) / (time.monotonic() - began)
        seen = json.loads(load.communicate()[0])
    lost = 100 * (1 - seen["came"] / seen["sent"])
    return 1000 * cpu / calls, max(lost, 0.0), seen["wrong"]


def _handshakes() -> float:
    """Return how many handshakes a second our side could do on one core."""
    ours, theirs = Certificate(), Certificate()
    context = make_context(ours)
    spent = 0.0
    for number in range(HANDSHAKES):
        client = Handshake(make_context(theirs), "active", ours.fingerprint, 0.0)
        client.advance(1, 0.0)
        began = time.process_time()
        server = Handshake(context, "passive", theirs.fingerprint, 0.0)
        spent += time.process_time() - began
        end = None
        while end is None:
            for datagram in client.flight():
                began = time.process_time()
                server.receive(datagram)
                end = server.advance(number, 0.0) or end
                answer = server.flight()
                spent += time.process_time() - began
                for each in answer:
                    client.receive(each)
            client.advance(1, 0.0)
        if not isinstance(end, Agreed):
            raise RuntimeError(f"a handshake failed: {end}")
    return HANDSHAKES / spent


def run() -> list[Result]:
    """Return the cost at two sizes, medians of the rounds, and the rate of handshakes."""
    results = []
    for calls in SIZES:
        rounds = [_cost(calls) for _ in range(ROUNDS)]
        cost = statistics.median(each[0] for each in rounds)
        name = f"one end secured, {calls} calls"
        results.append(at_most(f"{name}: CPU", cost, "ms/call/s", 1.6, bare_call_ms(calls)))
        results.append(at_most(f"{name}: loss", max(each[1] for each in rounds), "%", 1.0))
        results.append(at_most(f"{name}: wrong", sum(each[2] for each in rounds), "packets", 0))
    results.append(at_least("DTLS handshakes of one core", _handshakes(), "a second", 200))
    return results
