import json
from pathlib import Path

import pytest

from training import cli
from training.data.pictures import Picture, read_pictures
from training.data.sources import DataSource, with_licence
from training.errors import TrainingError
from training.tests.support.pictures_made import folder

SOURCES = [
    DataSource("own", "CC BY 4.0", source="own"),
    DataSource("shop", "mit", source="shop"),
    DataSource("both", "MIT AND CC-BY-4.0", source="both"),
    DataSource("web", "none stated", source="web"),
    DataSource("said", "MIT, says its page", source="said"),
    DataSource("two", "MIT", source="two"),
    DataSource("two", "", source="two"),
    DataSource("weights", "MIT", "base weights", "unlisted"),
]


def one_of_each() -> list[Picture]:
    names = ("own", "shop", "both", "web", "said", "two", "unlisted")
    return [Picture(f"{name}/1.jpg", "paper", "", name) for name in names]


@pytest.mark.parametrize(
    ("allowed", "kept"),
    [
        (["MIT"], {"shop"}),
        (["cc-by-4.0"], {"own"}),
        (["MIT", "CC-BY-4.0", "CC0-1.0"], {"own", "shop", "both"}),
        (["none stated", ""], {"web"}),
    ],
)
def test_keeps_only_sources_whose_licences_are_all_allowed(allowed: list[str], kept: set[str]) -> None:
    licensed = with_licence(one_of_each(), SOURCES, allowed)
    assert {picture.source for picture in licensed.pictures} == kept
    assert kept.isdisjoint(licensed.left_out)
    assert len(kept) + len(licensed.left_out) == 7


def test_names_what_it_leaves_out() -> None:
    text = with_licence(one_of_each(), SOURCES, ["MIT"]).render()
    assert "unlisted: 1 images, licence: no entry" in text
    assert "web: 1 images, licence: none stated" in text
    with pytest.raises(TrainingError, match=r"--licences GPL-3.0: no source has such a licence.*\n.*\n"):
        with_licence(one_of_each(), SOURCES, ["GPL-3.0"])


def test_split_uses_only_licensed_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    rows = ["file,class,group"]
    for source, labels in {"own": ("paper", "metal"), "web": ("paper", "glass")}.items():
        for label in labels:
            folder(data, {f"{source}/{label}": 9})
            rows += [f"{source}/{label}/{i:03}.jpg,{label},{source}{label}{i}" for i in range(9)]
    (data / "groups.csv").write_text("\n".join(rows))
    (data / "sources.json").write_text(
        json.dumps([{"name": "own", "licence": "MIT", "what": "pictures", "source": "own"}])
    )
    run = ["--run", str(tmp_path / "run"), "--data", str(data)]
    assert cli.main(["split", *run, "--licences", "MIT"]) == 0
    pictures = read_pictures(tmp_path / "run" / "pictures.csv")
    assert {picture.source for picture in pictures} == {"own"}
    printed = capsys.readouterr().out
    assert "web: 18 images, licence: no entry" in printed
    assert "label glass is left out: no source with an allowed licence has it" in printed
