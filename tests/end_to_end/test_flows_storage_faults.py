"""Faults of disks and remotes, done for real to a real server with real workers (miniature project, SQLite).

The GPU worker is a machine of its own whose cache and workspaces lie on a disk of 24 megabytes (a tmpfs: needs root).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cxr.runtime.dvc_lock import object_path
from flows.repo import cache, lockfile
from tests.fixtures.flows_project import git, make
from tests.fixtures.flows_team import Team, team, until

pytestmark = pytest.mark.slow
STAGES = ["check", "ingest", "train", "evaluate", "explain"]
DISK_MEGABYTES = 24


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("a disk of our own needs root")
    folder = tmp_path_factory.mktemp("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[Team]:
    top = tmp_path_factory.mktemp("storage")
    with team(make(top, STAGES), top, CXR_POOLS_HERE="cpu", CXR_PATIENCE_SECONDS="120") as made:
        made.worker("gpu", "tight", CXR_DVC_CACHE=str(disk / "cache"), CXR_WORKSPACES=str(disk / "workspaces"))
        yield made


def versions(site: Team) -> list[str]:
    return git(site.project.git, "tag").splitlines()


def records(site: Team) -> int:
    """Commits on any branch that record a result."""
    return git(site.project.git, "log", "--all", "--format=%s").count("Record what the pipeline made")


def test_a_full_disk_fails_the_stage_by_its_words_and_the_next_run_completes(site: Team, disk: Path) -> None:
    run = site.submit(train__megabytes=DISK_MEGABYTES + 6)
    ended = site.ended(run)
    assert ended["state_type"] == "FAILED", site.logs(run)
    assert "train" in ended["state"]["message"] and "No space left on device" in ended["state"]["message"]
    assert versions(site) == [] and records(site) == 0
    assert not any((disk / "workspaces").iterdir()), "the workspace gave its room back"
    assert site.ended(site.submit())["state_type"] == "COMPLETED"
    assert len(versions(site)) == records(site) == 1


def test_a_disk_that_fills_while_the_cache_is_written_leaves_nothing_half_written(site: Team, disk: Path) -> None:
    run = site.submit(train__megabytes=DISK_MEGABYTES * 2 // 3)  # fits once, not also in the cache
    ended = site.ended(run)
    assert ended["state_type"] == "FAILED" and "No space left on device" in ended["state"]["message"], site.logs(run)
    assert len(versions(site)) == 1
    left = [path for path in (disk / "cache" / "files" / "md5").rglob("*") if path.is_file()]
    probes = [path for path in left if path.parent.name == "md5"]  # DVC tries out links with one, an empty .*.tmp
    assert [path for path in probes if path.stat().st_size or path.suffix != ".tmp"] == []
    objects_left = [path for path in left if path not in probes]
    assert objects_left and [path.name for path in objects_left if path.suffix not in ("", ".dir")] == []
    for path in objects_left:
        assert not path.name.startswith(".")
        assert cache.remove_damaged(disk / "cache", [path.parent.name + path.name]) == []


def test_a_damaged_object_in_the_remote_is_refused_by_name_and_nothing_is_recorded(site: Team, disk: Path) -> None:
    tag = versions(site)[-1]
    lock = yaml.safe_load(git(site.project.git, "show", f"{tag}:dvc.lock"))
    md5 = lock["stages"]["ingest"]["outs"][0]["md5"]
    victim, sound = object_path(site.project.store, md5), object_path(site.home / "dvc-cache", md5)
    victim.chmod(0o644)
    victim.write_text("rot")
    shutil.rmtree(disk / "cache")  # the machine has to fetch it
    before = versions(site)
    try:
        run = site.submit(train__epochs=9)
        ended = site.ended(run)
    finally:
        shutil.copyfile(sound, victim)  # what the message says to do
    assert ended["state_type"] == "FAILED", site.logs(run)
    assert md5 in ended["state"]["message"] and "holds no sound object" in ended["state"]["message"]
    assert versions(site) == before and records(site) == len(before)
    assert not object_path(disk / "cache", md5).exists(), "nobody can use it by mistake"

    assert site.ended(site.submit(train__epochs=9))["state_type"] == "COMPLETED"
    assert len(versions(site)) == len(before) + 1


def test_a_remote_that_goes_away_before_the_push_and_comes_back_costs_only_time(site: Team) -> None:
    site.project.forget()
    before = versions(site)
    run = site.submit(train__epochs=10, train__seconds=8.0)
    until(lambda: "train" in site.project.runs(), 300, "training to start")
    away = site.project.store.with_name("away")
    site.project.store.rename(away)
    site.project.store.write_text("an unplugged disk")
    stage = site.attempts(run, "train")[-1]["id"]
    until(lambda: "trying again" in site.logs(stage), 120, "the stage to say that the remote is gone")
    site.project.store.unlink()
    away.rename(site.project.store)
    assert site.ended(run)["state_type"] == "COMPLETED", site.logs(run)
    assert site.project.runs().count("train") == 1 and len(versions(site)) == len(before) + 1
    folder = site.home.parent / "at"
    git(site.home.parent, "clone", "-q", "-b", versions(site)[-1], str(site.project.git), str(folder))
    named = {path: md5 for path, md5 in lockfile.committed(folder).items() if path != "data/params.ok"}  # not cached
    assert len(named) > 5 and cache.missing(site.project.store, named.values()) == []


def test_two_runs_of_the_same_at_once_are_recorded_once(site: Team) -> None:
    before = versions(site)
    runs = [site.submit(train__epochs=12), site.submit(train__epochs=12)]
    assert [site.ended(run)["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
    assert len(versions(site)) == records(site) == len(before) + 1
