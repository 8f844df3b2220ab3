"""In which order nodes begin, so that a first row is seen soon and the last is not kept waiting.

A node is known by the time its answers took lately. Those that answer soonest begin first; then
the slowest, for which everyone waits in the end; last those that gave no answer, which cost the
others most and are given up at the deadline anyway. Starting them is `fanout`'s.
"""

from __future__ import annotations

from collections.abc import Sequence


class Paces:
    """By address; bounded as the list of nodes is."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._silent: set[str] = set()

    def saw(self, url: str, *, answered: bool, seconds: float) -> None:
        """One answer counts as much as all before it: nodes change."""
        if not answered:
            self._silent.add(url)
            return
        self._silent.discard(url)
        self._seconds[url] = (self._seconds.get(url, seconds) + seconds) / 2

    def order(self, urls: Sequence[str], *, soonest: int) -> list[int]:
        """The places of `urls` in the order in which to begin; the `soonest` are so many. Nodes of
        which nothing is known keep their order, after those of which something is."""
        known = [
            place
            for place, url in enumerate(urls)
            if url in self._seconds and url not in self._silent
        ]
        known.sort(key=lambda place: self._seconds[urls[place]])
        silent = [place for place, url in enumerate(urls) if url in self._silent]
        met = {*known, *silent}
        new = [place for place in range(len(urls)) if place not in met]
        return [*known[:soonest], *reversed(known[soonest:]), *new, *silent]
