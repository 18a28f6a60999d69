import json
from pathlib import Path

import pytest

from training.evaluate.judge.compartments import REFUSE, compartments_of

# The daemon's test policy.test.ts reads the same file.
CASES = json.loads(
    (Path(__file__).parents[3] / "test" / "cycle" / "default-compartments.json").read_text("utf-8")
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ",".join(case["compartments"]))
def test_labels_have_the_compartments_that_the_daemon_gives_them(case):
    expected = {label: place or REFUSE for label, place in case["compartments"].items()}
    assert compartments_of(list(expected)) == expected
