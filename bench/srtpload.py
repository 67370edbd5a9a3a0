"""Calls with one plain and one secured end, as a load: `python -m bench.srtpload PORT CALLS WARM SECONDS`.

Every packet is made before the first is sent, so that protecting them costs nothing meanwhile. Prints
JSON: what was sent and what arrived, genuine, in the window.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

from pylibsrtp import Error, Policy, Session

SUITE = "AEAD_AES_128_GCM"
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
LOCAL, REMOTE = bytes(range(28)), bytes(range(50, 78))
"""Keys of every call, as the media process has them: its own, and the far end's."""
PLAIN_PORT, SECURED_PORT = 41000, 41010
SLOTS = 4
CHECKED = 50
"""Legs whose packets are looked into; of the others they are counted."""


def address(call: int, port: int) -> tuple[str, int]:
    """Return where one end of a call is."""
    return f"127.{20 + call // 65536}.{call // 256 % 256}.{call % 256}", port


class End:
    """One end of a call: its socket and its packets."""

    def __init__(self, call: int, port: int, packets: int) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.udp.bind(address(call, port))
        session = Session(Policy(REMOTE, Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE))
        self.secured = port == SECURED_PORT
        self.packets = []
        for number in range(packets):
            head = struct.pack(">BBHII", 0x80, 8, number + 1, number * 160, 1000 + call)
            packet = head + bytes([call & 255]) * 160
            self.packets.append(session.protect(packet) if self.secured else packet)
        self.inward = Session(Policy(LOCAL, Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE))

    def drain(self, call: int) -> tuple[int, int]:
        """Return how many packets came, and how many of those looked into were wrong."""
        came = wrong = 0
        while True:
            try:
                packet = self.udp.recv(2048)
            except BlockingIOError:
                return came, wrong
            came += 1
            if call < CHECKED:
                try:
                    plain = self.inward.unprotect(packet) if self.secured else packet
                    wrong += plain[12:] != bytes([call & 255]) * 160
                except Error:
                    wrong += 1


def main() -> None:
    """Send and receive, and print what was seen."""
    port, calls = int(sys.argv[1]), int(sys.argv[2])
    warm, seconds = float(sys.argv[3]), float(sys.argv[4])
    ticks = round((warm + seconds) * 50)
    ends = [
        (call, End(call, each, ticks))
        for call in range(calls)
        for each in (PLAIN_PORT, SECURED_PORT)
    ]
    print("ready", flush=True)
    sys.stdin.readline()
    sent = came = wrong = 0
    began = time.monotonic()
    for step in range(ticks * SLOTS):
        tick, slot = divmod(step, SLOTS)
        counted = tick * 0.02 >= warm
        for call, end in ends[slot::SLOTS]:
            end.udp.sendto(end.packets[tick], ("127.0.0.1", port))
            got, bad = end.drain(call)
            if counted:
                came += got
                wrong += bad
        sent += counted * len(ends[slot::SLOTS])
        time.sleep(max(0.0, began + (step + 1) * 0.02 / SLOTS - time.monotonic()))
    behind = time.monotonic() - began - ticks * 0.02
    print(json.dumps({"sent": sent, "came": came, "wrong": wrong, "behind": behind}))


if __name__ == "__main__":
    main()
