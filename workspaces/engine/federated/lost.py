"""Why a site's answer did not come, in our words: the engine's are about itself.

The numbers are the engine's error codes (flwr 1.29, `flwr.common.constant.ErrorCode`). What a site
itself says of a failure is one of our sentences already (`node`), or it is not told.
"""

from __future__ import annotations

from collections.abc import Mapping

MAX_WORDS = 300
_LOADING, _RAISED = 1, 2
_WORDS: Mapping[int, str] = {
    3: "it did not take the question in time",
    4: "its answer came too late",
    5: "the connection to it was lost and did not come back",
    7: "it found the application damaged",
    8: "its application was killed: too little memory, time or space",
}


def words(code: int, told: str) -> str:
    """`told` is what came with the code."""
    if code in (_LOADING, _RAISED):
        return told[:MAX_WORDS] if told else "the application failed here"
    return _WORDS.get(code, "there is no answer from it")
