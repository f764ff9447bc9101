"""A run's page of markdown: figures against an earlier version's, pictures inside it, what is missing left out."""

from pathlib import Path

import pytest

from cxr.core.files import write_bytes, write_json
from stages.report import roc_picture
from stages.report.run_summary import earlier, headlines, main, table

EVALUATED = {"base": {"auroc": {"macro": 0.91, "worst": 0.7}, "auprc": {"macro": 0.4}, "images": 200}}
ROC = b"variant,label,x,y\nbase,<Mass>,0,0\nbase,<Mass>,1,1\nint8,Other,0,0\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which nothing was run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def page(*more: str) -> str:
    assert main(["--out", "out/page.md", "--where", "Version **v0.0.2**", *more]) == 0
    return Path("out/page.md").read_text()


def test_it_shows_metrics_against_the_last_version_and_pictures(here: Path) -> None:
    write_json(here / "metrics/evaluate.json", EVALUATED)
    write_bytes(here / "plots/evaluate/roc.csv", ROC)
    write_bytes(here / "reports/overlays/mass_tp_1.png", b"\x89PNG\r\n")
    write_json(here / "old.json", {"base": {"auroc": {"macro": 0.90}}})

    shown = page("--before", "old.json", "--version", "model@v0.0.1")

    assert "| base.auroc.macro | 0.9100 | 0.9000 | +0.0100 |" in shown and "auprc" not in shown
    assert "| base.auroc.worst | 0.7000 | n/a | n/a |" in shown and "`model@v0.0.1`" in shown
    assert "data:image/png;base64," in shown and "data:image/svg+xml;base64," in shown and "**v0.0.2**" in shown
    assert "no earlier version" in page() and "| base.auroc.macro | 0.9100 | n/a | n/a |" in page()


def test_where_nothing_was_made_it_says_where_the_outputs_are_and_no_more() -> None:
    assert page() == "# Pipeline run\n\nVersion **v0.0.2**\n"


@pytest.mark.parametrize("content", ["", "not json", "[1]"])
def test_an_earlier_version_without_readable_metrics_fails_no_page(here: Path, content: str) -> None:
    write_json(here / "metrics/evaluate.json", EVALUATED)
    (here / "old.json").write_text(content)
    assert earlier(here / "old.json") == earlier(here / "absent.json") == earlier(None) == {}
    assert "| base.auroc.macro | 0.9100 | n/a | n/a |" in page("--before", "old.json", "--version", "model@v0.0.1")


def test_metrics_of_its_own_that_do_not_parse_are_named_in_a_line(here: Path, capsys) -> None:
    write_bytes(here / "metrics/evaluate.json", b"{")
    assert main(["--out", "page.md"]) == 1 and "metrics/evaluate.json: not JSON" in capsys.readouterr().err


def test_headlines_are_of_every_variant_and_the_labels_of_the_served_one() -> None:
    evaluated = {name: {"auroc": {"macro": 0.9, "Mass": 0.8}, "brier": 0.1} for name in ("base", "int8")}
    assert list(headlines(evaluated, "int8")) == ["base.auroc.macro", "int8.auroc.macro", "int8.auroc.Mass"]
    assert list(table({"a": 1.0}, {"a": 1.5}, "v"))[-1] == "| a | 1.0000 | 1.5000 | -0.5000 |"


def test_a_picture_of_roc_curves_escapes_labels_and_holds_one_variant(here: Path) -> None:
    write_bytes(here / "roc.csv", ROC)
    drawn = roc_picture.draw(here / "roc.csv").decode()
    assert "&lt;Mass&gt;" in drawn and "Other" not in drawn
