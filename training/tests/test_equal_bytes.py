"""Training's half of the proof that it sees what the daemon sees; `make_expectations.py` tells more."""

import json
from typing import Any

import pytest

from training.tests.make_expectations import CASES, EXPECTATIONS, FOLDER, SIDE, VIEWS, digests

EXPECTED: dict[str, Any] = json.loads(EXPECTATIONS.read_text(encoding="utf-8"))


def test_fifty_pictures_of_all_kinds_are_expected() -> None:
    assert EXPECTED["side"] == SIDE
    assert [given["file"] for given in EXPECTED["pictures"]] == [case.file for case in CASES]
    assert len(CASES) == 50


@pytest.mark.parametrize("given", EXPECTED["pictures"], ids=lambda given: given["file"])
def test_gives_the_bytes_that_the_daemon_gives(given: dict[str, Any]) -> None:
    assert set(given["inputSha256"]) == {str(view) for view in VIEWS}
    assert digests(FOLDER / given["file"]) == given["inputSha256"]
