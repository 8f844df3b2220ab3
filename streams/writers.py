"""Keeps the ephemeral writer key of each recipient for a minute, so that its headers cost one curve
multiplication and not three.

Crypt4GH v1.0, section 3.2: the writer's key is the sender's to choose, one or many; nonces are
random for each packet. Who holds these holds the storage key anyway: no more is lost with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.keys import SecretKey

KEPT_SECONDS = 60
MAX_RECIPIENTS = 256


@dataclass(slots=True)
class Writers:
    """One key for each recipient, forgotten after a minute. Of one thread."""

    _kept: dict[bytes, tuple[int, SecretKey]] = field(default_factory=dict, repr=False)

    def to(self, recipient: bytes, *, now: int) -> SecretKey:
        self._forget(now)
        kept = self._kept.get(recipient)
        if kept is not None:
            return kept[1]
        if len(self._kept) == MAX_RECIPIENTS:
            del self._kept[next(iter(self._kept))]
        writer = SecretKey.generate()
        self._kept[recipient] = now, writer
        return writer

    def _forget(self, now: int) -> None:
        """The oldest come first; where the clock was set back, all go."""
        while self._kept:
            recipient, (since, _) = next(iter(self._kept.items()))
            if since <= now < since + KEPT_SECONDS:
                return
            del self._kept[recipient]
