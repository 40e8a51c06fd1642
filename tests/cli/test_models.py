"""`mien models`: several models that come with mien, each with its card, and what was measured put on a card."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evaluation_samples import CARD, HEAD, evaluate_sample, write_sample_model
from mien import classifier as classifier_module
from mien.classifier import DEFAULT_MODEL, EmotionClassifier, embedded_models
from mien.cli.app import app
from mien.errors import WeightsMissingError

EMBEDDED = embedded_models()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)], env={"COLUMNS": "200"}, catch_exceptions=False)


@pytest.fixture
def two_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small model beside a main one, as they would come with mien."""
    assets = tmp_path / "assets"
    assets.mkdir()
    write_sample_model(assets / f"{DEFAULT_MODEL}.onnx", replace(CARD, name=DEFAULT_MODEL, licence="MIT"))
    small = write_sample_model(assets / "mien-s.onnx", replace(CARD, name="mien-s", parameters=17))
    monkeypatch.setattr(classifier_module, "_ASSETS", assets)
    done = run("record", small, evaluate_sample(tmp_path / "report", small, HEAD))
    assert done.exit_code == 0, done.output
    sums = [f"{EmotionClassifier(path).sha256}  {path.name}\n" for path in assets.glob("*.onnx")]
    (assets / "SHA256SUMS").write_text("".join(sums), "ascii")
    return assets


def test_every_model_that_comes_with_mien_bears_its_files_name() -> None:
    assert DEFAULT_MODEL in EMBEDDED
    for name in EMBEDDED:
        assert EmotionClassifier.load(name).card.name == name


def test_all_models_are_listed_with_size_hash_licence_and_scores(two_models: Path) -> None:
    listed = run().stdout
    assert f"{DEFAULT_MODEL} 1  (ferplus, fer2013), the default" in listed
    assert "choose it with --model mien-s" in listed
    main, small = listed.split("mien-s 1", maxsplit=1)
    for name, part in ((DEFAULT_MODEL, main), ("mien-s", small)):
        assert EmotionClassifier(two_models / f"{name}.onnx").sha256 in part
    assert "MIT" in main
    assert "not scored" in main
    assert "17 parameters" in small
    measured = EmotionClassifier.load("mien-s").card.evaluation("fer2013")
    assert measured is not None
    assert f"{measured['full']['accuracy']:.2%}" in small
    as_json = json.loads(run("--json").stdout)["models"]
    assert [one["name"] for one in as_json] == [DEFAULT_MODEL, "mien-s"]
    assert as_json[1]["evaluations"][0]["full"]["n"] == 60


def test_each_is_loaded_by_its_name_and_others_are_named(two_models: Path) -> None:
    assert EmotionClassifier.load().path == two_models / f"{DEFAULT_MODEL}.onnx"
    assert EmotionClassifier.load("mien-s").path == two_models / "mien-s.onnx"
    with pytest.raises(WeightsMissingError, match=f"one of {DEFAULT_MODEL}, mien-s"):
        EmotionClassifier.load("mien-x")


def test_a_card_is_a_page(two_models: Path) -> None:
    page = run("card", "mien-s").stdout
    assert page.startswith("# Model card: mien-s\n")
    assert "## Scores" in page
    assert run("card").stdout.startswith(f"# Model card: {DEFAULT_MODEL}\n")
    assert run("card", two_models / "mien-s.onnx").stdout == page
