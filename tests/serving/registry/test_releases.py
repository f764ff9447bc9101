"""The production folder: one release in use at any moment, whatever is killed, and a way back."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest

from cxr.core.errors import HashMismatch
from cxr.model import model_folder
from serving.registry import command, releases
from tests.fixtures import tiny_nets


@pytest.fixture
def models(tmp_path: Path) -> dict[str, Path]:
    """Three small model folders."""
    for name in "abc":
        model_folder.write(
            tmp_path / "models" / name,
            spec={"net": name},
            weights=[np.full(3, ord(name), np.float32)],
            card=tiny_nets.card(["Mass"]),
            tflite=name.encode(),
        )
    return {name: tmp_path / "models" / name for name in "abc"}


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """An empty production folder."""
    return tmp_path / "production"


def put(there: Path, folder: Path, version: str) -> releases.Release:
    return releases.install(there, folder, version, "c" * 40, None, batches=["batch-001"])


@pytest.mark.parametrize("before", [None, 0o755])
def test_the_production_folder_is_its_owners_alone_until_that_one_opens_it(models, there, before):
    if before:
        there.mkdir(mode=before)
    put(there, models["a"], "v1")
    assert stat.S_IMODE(there.stat().st_mode) == 0o700
    there.chmod(0o750)
    put(there, models["b"], "v2")
    assert stat.S_IMODE(there.stat().st_mode) == 0o750


def test_what_is_installed_is_what_is_current(models, there):
    release = releases.install(
        there,
        models["a"],
        "v0.0.1",
        "abc",
        {"p50_ms": 1.0, "p95_ms": 2.0, "images": 9},
        batches=["batch-001"],
        explanation={"score": 0.5, "images": 4},
    )
    assert releases.current(there) == release
    assert release.identity == model_folder.identity(models["a"]) and release.batches == ("batch-001",)
    assert (there / "current" / "model" / "card.json").is_file()


def test_without_a_release_it_says_what_to_do(there):
    with pytest.raises(releases.NothingInProduction, match=r"cxr production install"):
        releases.current(there)


def test_the_same_release_again_adds_no_line_to_the_history(models, there):
    for _ in range(2):
        put(there, models["a"], "v0.0.1")
    assert [line.event for line in releases.history(there)] == ["install"]


def test_rollback_goes_back_one_release_at_a_time_and_then_refuses(models, there):
    for name, version in (("a", "v0.0.1"), ("b", "v0.0.2"), ("c", "v0.0.3")):
        put(there, models[name], version)
    assert [releases.rollback(there).version for _ in range(2)] == ["v0.0.2", "v0.0.1"]
    with pytest.raises(releases.NothingBefore):
        releases.rollback(there)
    assert releases.current(there).version == "v0.0.1"


def test_after_a_rollback_the_next_release_goes_back_to_the_one_that_was_kept(models, there):
    put(there, models["a"], "v0.0.1")
    put(there, models["b"], "v0.0.2")
    releases.rollback(there)
    put(there, models["c"], "v0.0.3")
    assert releases.rollback(there).version == "v0.0.1"


def test_a_damaged_folder_is_refused_and_production_stays(models, there):
    put(there, models["a"], "v0.0.1")
    (models["b"] / "weights.npz").write_bytes(b"x")
    with pytest.raises(HashMismatch):
        put(there, models["b"], "v0.0.2")
    assert releases.current(there).version == "v0.0.1" and len(releases.history(there)) == 1


def test_a_damaged_copy_in_production_is_noticed(models, there):
    put(there, models["a"], "v0.0.1")
    (there / "current" / "model" / "model.tflite").write_bytes(b"x")
    with pytest.raises(HashMismatch):
        releases.current(there)


@pytest.mark.parametrize("word", ["install", "rollback"])
@pytest.mark.parametrize("step", ["write_json", "write_text", "history", "swap"])
def test_killed_at_any_step_one_release_is_in_use_and_the_same_command_goes_on(models, there, monkeypatch, word, step):
    put(there, models["a"], "v0.0.1")
    if word == "rollback":
        put(there, models["b"], "v0.0.2")
    act = (lambda: put(there, models["b"], "v0.0.2")) if word == "install" else (lambda: releases.rollback(there))

    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "symlink_to", die) if step == "swap" else patched.setattr(releases, step, die)
        act()
    assert releases.current(there).version == ("v0.0.1" if word == "install" else "v0.0.2")
    assert act().version == releases.current(there).version == ("v0.0.2" if word == "install" else "v0.0.1")
    assert [line.event for line in releases.history(there)] == ["install", "install", "rollback"][
        : 2 if word == "install" else 3
    ]


def test_the_commands_tell_and_refuse_in_one_line(models, there, monkeypatch, capsys):
    monkeypatch.setenv("CXR_PRODUCTION", str(there))
    assert command.main(["show"]) == 1 and "no model is in production" in capsys.readouterr().err
    put(there, models["a"], "v0.0.1")
    assert command.main(["rollback"]) == 1 and "no release before" in capsys.readouterr().err
    put(there, models["b"], "v0.0.2")
    assert command.main(["rollback"]) == 0 and "v0.0.1" in capsys.readouterr().out
    assert command.main(["show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["current"]["version"] == "v0.0.1"
