"""What can go wrong on the node's own pages.

Forbidden            403
└── ForgedForm       a form without this session's token, or from another origin
"""

from __future__ import annotations

from schemas.errors import Forbidden


class ForgedForm(Forbidden):
    code = "forged_form"
