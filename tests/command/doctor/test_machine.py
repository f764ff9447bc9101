"""What is told of the machine, from files made up in /proc's and the cgroups' form."""

from pathlib import Path

import pytest

from command.doctor import machine


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text("0::/jobs/one\n")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Made Up 9000\nflags\t\t: avx2 fma\n")
    (tmp_path / "meminfo").write_text("MemTotal: 4194304 kB\nMemFree: 1 kB\nMemAvailable: 2097152 kB\n")
    (tmp_path / "cgroups/jobs/one").mkdir(parents=True)
    return tmp_path


def test_the_processor_is_named(proc: Path) -> None:
    assert machine.processor(Path(), proc) == "Made Up 9000"


def test_memory_is_free_of_all(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "limit", lambda name: "1073741824")
    assert machine.memory(Path(), proc) == "2.0 GiB free of 4.0 GiB, limited to 1.0 GiB by the cgroup"


def test_the_nearest_limit_counts(proc: Path) -> None:
    groups = proc / "cgroups"
    (groups / "jobs/memory.max").write_text("1000\n")
    (groups / "jobs/one/memory.max").write_text("max\n")
    assert machine.limit("memory.max", groups, proc) == "1000"
    (groups / "jobs/one/memory.max").write_text("500\n")
    assert machine.limit("memory.max", groups, proc) == "500"
    assert machine.limit("cpu.max", groups, proc) == ""


def test_a_quota_of_cores_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "limit", lambda name: "150000 100000")
    assert machine.cores(Path()).endswith("limited to 1.5 by the cgroup")


def test_flags_that_are_there_and_those_that_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.determinism, "processor_flags", lambda: frozenset({"avx2", "amx_tile", "sse"}))
    there, missing = machine.flags(Path()).split(" (without ")
    assert there == "avx2 amx_tile" and "avx512_vnni" in missing and "sse" not in there


def test_the_gpu_is_what_nvidia_smi_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.gpu(Path()) == "none (no nvidia-smi)"
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'Made Up, 16384 MiB, 600.1'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    assert machine.gpu(Path()) == "Made Up, 16384 MiB, 600.1"


def test_the_cap_what_is_in_force_and_what_goes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXR_INSTRUCTION_SET", raising=False)
    (tmp_path / "params.yaml").write_text("machine: {instruction_set: native}\n")
    assert machine.instruction_set(tmp_path) == "native (params.yaml, or the default)"
    assert machine.names_turned_off(tmp_path) == "none" and machine.against(tmp_path) == "nothing"
    monkeypatch.setenv("CXR_INSTRUCTION_SET", "avx2")
    assert "ONEDNN_MAX_CPU_ISA=AVX2" in machine.names_turned_off(tmp_path)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Zen")
    assert machine.against(tmp_path) == "OPENBLAS_CORETYPE=Zen"
    monkeypatch.setenv("TF_DETERMINISTIC_OPS", "0")
    assert "TF_DETERMINISTIC_OPS=0" in machine.in_force(tmp_path)
    monkeypatch.setenv("CXR_WORKERS", "3")
    assert machine.threads(Path()) == "3 (CXR_WORKERS)"
