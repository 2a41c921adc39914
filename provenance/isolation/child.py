"""A parser: builds its examiners, gives up everything else, then answers one request after another until nobody asks.

    python -m provenance.isolation.child

Descriptor 0 is the way to the parent. What takes long to load is loaded within `main`, after the process has withdrawn from
what it will not need and while the parent is still saying what to build.
"""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Final

from provenance.isolation.confinement import CHANNEL, confine, withdraw
from provenance.isolation.frames import Descriptor, Frame, receive, send
from provenance.isolation.wire import from_plain

_MAX_FROM_PARENT: Final = 2**32


def main() -> None:
    """Serve the parent until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the parent, which ends us
    network_namespace = withdraw()
    channel = Descriptor(CHANNEL)
    try:
        with ThreadPoolExecutor(1) as thread:
            told = thread.submit(_receive, channel)
            from provenance.isolation.looking import answer
            from provenance.isolation.setup import Setup, build, warm

            asked = told.result().document
        setup = from_plain(Setup, asked["setup"])
        examiners = build(setup)
        warm(examiners)
        confinement = confine(memory_bytes=asked["memory_bytes"], network_namespace=network_namespace)
        send(channel, {"ready": asdict(confinement)})
        while True:
            answer(channel, _receive(channel), setup, examiners)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _receive(channel: Descriptor) -> Frame:
    return receive(channel, max_document_bytes=_MAX_FROM_PARENT, max_blob_bytes=_MAX_FROM_PARENT)


if __name__ == "__main__":
    main()
