"""Training decodes images to the same bytes as the daemon. See `make_expectations.py`."""

import json
from typing import Any

import pytest

from training.tests.make_expectations import CASES, EXPECTATIONS, FOLDER, SIDE, VIEWS, digests

EXPECTED: dict[str, Any] = json.loads(EXPECTATIONS.read_text(encoding="utf-8"))


def test_there_are_expectations_for_fifty_images() -> None:
    assert EXPECTED["side"] == SIDE
    assert [given["file"] for given in EXPECTED["pictures"]] == [case.file for case in CASES]
    assert len(CASES) == 50


@pytest.mark.parametrize("given", EXPECTED["pictures"], ids=lambda given: given["file"])
def test_returns_the_same_bytes_as_the_daemon(given: dict[str, Any]) -> None:
    assert set(given["inputSha256"]) == {str(view) for view in VIEWS}
    assert digests(FOLDER / given["file"]) == given["inputSha256"]
