"""A node's row says of every dataset what it answered, or why it said nothing, in each language."""

from __future__ import annotations

import pytest

from portal.languages import templates
from portal.nodes.node import slug_of
from portal.parts import PAGES
from tests.portal.results.test_filtering import ROWS


@pytest.mark.parametrize("language", sorted(templates(PAGES)))
@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))
def test_every_kind_of_row_is_shown(language: str, row: object) -> None:
    found = next(one for one in ROWS if one is row)
    page = templates(PAGES)[language].get_template("_row.html")
    shown = page.render(row=found, slugs={found.url: slug_of(found.url)}, kept="s", csrf="")
    silent = (*found.withheld, *found.unserved)
    for one in silent:
        assert one.dataset in shown
        assert one.reason in shown
    assert shown.count("<tr") == max(1, len(found.sets) + len(silent))
