"""Traffic without end: a made capture over and over, each round later than the one before, in whole packets."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from tests.bench.generate import Made
from wire.pcapfile.pcap import pcap_layout, walk_pcap

_HEAD = 24


class Stream:
    """Chunks of about `size` bytes. Rounds of one capture share no moment, so their sessions are not the same."""

    def __init__(self, made: Made, size: int) -> None:
        data = made.capture.read_bytes()
        self.head = data[:_HEAD]
        starts, end, _ = walk_pcap(data, _HEAD, pcap_layout(data))
        places = np.array([*starts, end], np.int64)
        cuts = [0]
        while cuts[-1] < len(starts):
            cuts.append(max(int(np.searchsorted(places, places[cuts[-1]] + size)), cuts[-1] + 1))
            cuts[-1] = min(cuts[-1], len(starts))
        self._pieces = [
            (np.frombuffer(data[places[a] : places[b]], np.uint8), places[a:b] - places[a]) for a, b in pairwise(cuts)
        ]
        self.pieces = len(self._pieces)  # of one round
        first, last = (int.from_bytes(data[starts[at] : starts[at] + 4], "little") for at in (0, -1))
        self._round = last - first + 1  # seconds

    def __iter__(self) -> Iterator[tuple[bytes, int]]:
        """Records as a pcap file has them behind its head, and how many."""
        number = 0
        while True:
            for piece, places in self._pieces:
                yield _later(piece, places, number * self._round), len(places)
            number += 1


def _later(piece: "np.ndarray", places: "np.ndarray", seconds: int) -> bytes:
    """The same records, so many seconds later."""
    copy = piece.copy()
    fields = places[:, None] + np.arange(4)
    moments = copy[fields].view("<u4").ravel() + np.uint32(seconds)
    copy[fields] = moments.astype("<u4").view(np.uint8).reshape(-1, 4)
    return copy.tobytes()
