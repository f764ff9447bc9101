"""Layouts are found by the registry alone: a new one comes in by its class and its line there."""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, get_args

import pytest

from cxr.core.errors import UserError
from cxr.params.schema import Ingest
from cxr.raw.add import add
from cxr.raw.batch import Batch
from cxr.raw.incoming import inspect
from cxr.raw.layouts import registry
from cxr.raw.layouts.base import Claims, Layout, Record
from cxr.raw.layouts.folder import Folder
from cxr.raw.layouts.nih import Nih
from cxr.raw.names import is_image
from cxr.raw.tables import TableFile
from stages.ingest.run import ingest
from tests.fixtures.made_images import grey, png
from tests.fixtures.made_sets import NIH, adds_up, batch, listed, params, put

TEXT_MINED = "stages/report/about_data.py"  # says of NIH's labels what was published of them: not about the layout


class Listed(Layout):
    """A toy: `toy.csv` names files, labels, patients and views."""

    name: ClassVar[str] = "listed"
    recognised_by: ClassVar[str] = "a toy.csv"

    @classmethod
    def recognise(cls, names: Sequence[str], source: str) -> bool:
        """Whether the table is there."""
        return "toy.csv" in names

    @classmethod
    def labelled(cls, source: Path, names: Sequence[str]) -> list[str]:
        """The images that the table names."""
        named = {row["file"] for _, row in TableFile.on_disk(source / "toy.csv").rows("file")}
        return [name for name in names if is_image(name) and name in named]

    def read(self, batch: Batch, earlier: Sequence[Batch]) -> Claims:
        """A record for each row."""
        claims = Claims(tables=frozenset(("toy.csv",)))
        for line, row in TableFile.in_batch(batch, "toy.csv").rows("file", "label", "patient"):
            image = (batch.name, row["file"]) if row["file"] in batch.names() else None
            claims.take(Record(batch.name, f"line {line}", row["file"], image, (row["label"],), row["patient"]))
        return claims

    @classmethod
    def views_in(cls, folder: Path) -> dict[str, str]:
        """Views by the table, where there is one."""
        if not (folder / "toy.csv").exists():
            return {}
        return {row["file"]: row["view"] for _, row in TableFile.on_disk(folder / "toy.csv").rows("file", "view")}


@pytest.fixture
def listed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third line in the registry."""
    monkeypatch.setattr(registry, "LAYOUTS", (Listed, *registry.LAYOUTS))


def test_the_schema_allows_exactly_the_layouts_of_the_registry():
    assert set(get_args(Ingest.model_fields["layout"].annotation)) == {layout.name for layout in registry.LAYOUTS}
    for layout in registry.LAYOUTS:
        section = params(NIH).ingest.model_copy(update={"layout": layout.name})
        assert type(registry.layout_for(section)) is layout


def test_nobody_else_asks_for_a_layout_by_name(root):
    names = {layout.name for layout in registry.LAYOUTS}
    asking = [
        f"{path.relative_to(root)} line {node.lineno}"
        for package in ("cxr", "stages", "serving", "flows")
        for path in sorted((root / package).rglob("*.py"))
        if path.relative_to(root).as_posix() != TEXT_MINED
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        if any(isinstance(each, ast.Constant) and each.value in names for each in (node.left, *node.comparators))
    ]
    assert asking == []


@pytest.mark.usefixtures("here", "in_this_process", "listed_too")
def test_a_new_layout_comes_in_by_its_class_and_its_line_alone(monkeypatch):
    monkeypatch.setattr("cxr.raw.add._dvc_add", lambda folder: folder.with_name(folder.name + ".dvc").write_text("x"))
    table = "file,label,patient,view\na/1.png,Mass,7,PA\nb/2.png,Sparrow,8,AP\n3.png,Mass,9,PA\n"
    put(Path("from"), {"toy.csv": table, "a/1.png": png(grey(1)), "b/2.png": png(grey(2)), "c.png": png(grey(3))})
    found = inspect(Path("from"))
    assert (found.layout, found.labelled) == ("listed", 2)
    assert add("made", Path("from")).look.layout is Listed
    given = params(NIH)
    section = given.ingest.model_copy(update={"layout": "listed"})
    assert ingest(given.model_copy(update={"ingest": section}))["files"] == 1
    assert listed("quarantine").reason.tolist() == ["unknown_label", "not_in_table"]
    assert listed("absent").source.tolist() == ["3.png"] and adds_up()
    assert registry.views_of(Path("from")) == {"a/1.png": "PA", "b/2.png": "AP", "3.png": "PA"}
    with pytest.raises(UserError, match=r"layout is listed: in this layout no batch can be made from feedback on"):
        registry.layout_for(section).writer(Path("from"))


@pytest.mark.usefixtures("here", "in_this_process", "listed_too")
def test_official_folders_or_lists_that_are_asked_for_and_missing_are_named_as_the_layout_has_them():
    batch({"toy.csv": "file,label,patient\n1.png,Mass,7\n", "1.png": png(grey(1))})
    given = params(NIH, split={"rule": "official"})
    section = given.ingest.model_copy(update={"layout": "listed"})
    with pytest.raises(UserError, match="no batch of made has an official list that names an image; use rule: hash"):
        ingest(given.model_copy(update={"ingest": section}))


def test_a_folder_of_no_layout_is_told_what_every_layout_looks_like(monkeypatch):
    monkeypatch.setattr(registry, "LAYOUTS", (Listed, Nih, Folder))
    expected = (
        r"^x: neither a toy\.csv \(layout listed\) nor a Data_Entry\*\.csv or sample_labels\.csv \(layout nih\) nor "
        r"class folders with PNG or JPEG files \(layout folder\); give"
    )
    with pytest.raises(UserError, match=expected):
        registry.layout_of(["readme.txt"], "x")
