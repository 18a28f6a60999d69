import os

import pytest

from training.quiet import silence_stderr


def test_hides_the_output_on_success(capfd: pytest.CaptureFixture[str]) -> None:
    with silence_stderr():
        os.write(2, b"a library's log")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_prints_the_output_if_an_exception_is_raised(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImportError), silence_stderr():
        os.write(2, b"no such symbol")
        raise ImportError("a library")
    os.write(2, b", after")
    assert capfd.readouterr().err == "no such symbol, after"
