"""The coordinator's end of `carried`: requests wait here for a question, answers come whole.

A site that announces an answer and never sends its parts would be waited for by everybody: an
answer without them is refused.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Any

from . import carried

WAIT_SECONDS = 10.0
_PARTS_SECONDS = 30.0
_LOOK_SECONDS = 0.01
_KEY = "flwr-public-key-bin"  # of the site, which the engine has verified
_AHEAD = 16 << 20  # bytes on their way before the other end has said that it read any


class Bell:
    """Rings for all who wait. `rings` is read before one looks, so that none is missed."""

    def __init__(self) -> None:
        self.rings = 0
        self._changed = threading.Condition()

    def ring(self) -> None:
        with self._changed:
            self.rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.rings != heard, seconds)


def lookahead(maker: Callable[..., Any]) -> Callable[..., Any]:
    """A maker of gRPC's servers or channels, for long distances: by itself a stream stands still
    after 64 KiB until the other end answers."""

    def made(*given: Any, options: Any = (), **named: Any) -> Any:
        more = [*(options or ()), ("grpc.http2.lookahead_bytes", _AHEAD)]
        return maker(*given, options=more, **named)

    return made


def held_for_it(_address: str) -> bool:
    """Whether a port is in use, as the engine asks before it listens there: whoever started it
    holds its ports, so that nobody else is lent them, and shares them with gRPC (SO_REUSEPORT)."""
    return False


def install() -> None:
    """Before the engine starts, in its process."""
    import flwr.common.grpc as making
    import flwr.server.app as serving
    from flwr.server.superlink.serverappio.serverappio_servicer import ServerAppIoServicer
    from flwr.superlink.servicer.control.control_servicer import ControlServicer

    questions, storing = Bell(), threading.Lock()
    making.grpc.server = lookahead(making.grpc.server)
    making.is_port_in_use = held_for_it
    serving.FleetServicer = _fleet(serving.FleetServicer, questions, storing)
    _then(ServerAppIoServicer, "PushMessages", questions.ring)
    _then(ControlServicer, "UnregisterNode", questions.ring)
    _within(ServerAppIoServicer, "PullMessages", storing)


def _fleet(base: type, questions: Bell, storing: threading.Lock) -> type:
    """The engine's own, with these two ways."""

    class Fleet(base):  # type: ignore[misc]  # the engine is not type-checked
        def PullMessages(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's
            said = dict(context.invocation_metadata())
            pull = super().PullMessages
            if said.get(carried.CARRIES[0]) != carried.CARRIES[1]:
                return pull(request, context)
            key, state = said[_KEY], self.state_factory.state()

            def known() -> bool:
                return context.is_active() and state.get_node_id_by_public_key(key) is not None

            response = _waited(lambda: pull(request, context), questions, known)
            store = self.objectstore_factory.store()
            for message, tree in zip(
                response.messages_list, response.message_object_trees, strict=True
            ):
                _fill(message, tree, store)
            return response

        def PushMessages(self, request: Any, context: Any) -> Any:  # noqa: N802 - the engine's
            parts = _whole(request, context)
            store = self.objectstore_factory.store()
            with storing:  # nobody reads the answer before its parts are there
                response = super().PushMessages(request, context)
                for name, content in parts.items():
                    store.put(name, content)
            del response.objects_to_push[:]
            return response

    return Fleet


def _waited(pull: Callable[[], Any], questions: Bell, known: Callable[[], bool]) -> Any:
    """What was pulled: nothing, too, where the site is gone or not known any more, which its next
    request is told."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        heard = questions.rings
        response = pull()
        left = end - time.monotonic()
        if response.messages_list or left <= 0:
            return response
        questions.wait(heard, left)
        if not known():
            return response


def _fill(message: Any, tree: Any, store: Any) -> None:
    """With its parts, which then leave the store; without any where they do not come."""
    wanted = list(carried.names(tree))
    end = time.monotonic() + _PARTS_SECONDS
    parts = {name: store.get(name) for name in wanted}
    while b"" in parts.values() and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
        parts = {name: store.get(name) for name in wanted}
    if all(parts.values()):
        carried.put(message, parts)
        store.delete(tree.object_id)


def _whole(request: Any, context: Any) -> dict[str, bytes]:
    """The parts of an answer; ends the request where one is not there or not what its name says."""
    import grpc

    parts: dict[str, bytes] = {}
    for message in request.messages_list:
        parts |= carried.take(message)
    wanted = {one for tree in request.message_object_trees for one in carried.names(tree)}
    sound = all(hashlib.sha256(content).hexdigest() == name for name, content in parts.items())
    if not sound or not wanted or parts.keys() != wanted:
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "an answer comes with all of its parts")
    return parts


def _then(servicer: Any, name: str, after: Callable[[], None]) -> None:
    answer = getattr(servicer, name)

    def answered(self: Any, request: Any, context: Any) -> Any:
        try:
            return answer(self, request, context)
        finally:
            after()

    setattr(servicer, name, answered)


def _within(servicer: Any, name: str, lock: threading.Lock) -> None:
    answer = getattr(servicer, name)

    def answered(self: Any, request: Any, context: Any) -> Any:
        with lock:
            return answer(self, request, context)

    setattr(servicer, name, answered)
