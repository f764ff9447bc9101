"""Parameters set for one run."""

from pathlib import Path

import pytest

from flows.support import overrides


def test_an_override_keeps_comments_and_refuses_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("# top\ntrain:\n  epochs: 3  # enough\n")
    assert overrides.apply(path, overrides.parse(["train.epochs=2"])) == ["params.yaml: train.epochs 3 -> 2"]
    assert path.read_text() == "# top\ntrain:\n  epochs: 2  # enough\n"
    for text in ("train.epochs", "train.epochs=: : [", "model.epochs=1"):
        with pytest.raises(overrides.OverrideError, match="--set"):
            overrides.apply(path, overrides.parse([text]))


def test_an_override_leaves_every_other_line_as_it_is(tmp_path: Path, root: Path) -> None:
    path, before = tmp_path / "params.yaml", (root / "params.yaml").read_text().splitlines()
    path.write_text("\n".join([*before, ""]))
    overrides.apply(path, {"train.epochs": 2})
    after = path.read_text().splitlines()
    assert [new.split("#")[0].strip() for old, new in zip(before, after, strict=True) if old != new] == ["epochs: 2"]


@pytest.mark.parametrize(
    "content", [b"\xff\xfea\x00", b"train:\n\tepochs: 2\n", b"[" * 5000], ids=["UTF-16", "tab", "deep"]
)
def test_a_params_yaml_that_can_not_be_read_is_said_in_a_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    for change in (overrides.check, overrides.apply):
        with pytest.raises(overrides.OverrideError, match=r"params\.yaml: not ") as said:
            change(path, {"train.epochs": 3})
        assert "\n" not in str(said.value)
