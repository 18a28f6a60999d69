import os

import pytest

from training.quiet import quietly


def test_holds_back_what_goes_well(capfd: pytest.CaptureFixture[str]) -> None:
    with quietly():
        os.write(2, b"a library's musings")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_shows_it_where_something_fails(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), quietly():
        os.write(2, b"no such symbol")
        raise ImportError("a library")
    os.write(2, b", after")
    assert capfd.readouterr().err == "no such symbol, after"
