"""What a process may compute with is set in one place, before any numerical library loads."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxr.core import determinism

ROOT = Path(__file__).resolve().parents[3]
SET = "from cxr.core import determinism; determinism.set_environment(); "
CLEAN = {
    name: value
    for name, value in os.environ.items()
    if name not in {*determinism._ALWAYS, *determinism._CAPS, *determinism._FEATURES, "CXR_INSTRUCTION_SET"}
}


def python(code, **more):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**CLEAN, **more})
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_packages_changes_no_environment_and_loads_no_numerical_library():
    """What `python -m` loads before its `__main__`: else NumPy would be there before the environment is set."""
    packages = "stages.train, serving.score, serving.registry, serving.gate, cxr.raw, cxr.runtime.stage_main"
    told = python(
        f"import os; before = dict(os.environ); import {packages}; import sys; "
        "print(before == dict(os.environ), sorted({'numpy', 'cv2', 'tensorflow'} & sys.modules.keys()))"
    )
    assert told == "True []"


@pytest.mark.parametrize(
    "path",
    sorted(
        path.relative_to(ROOT).as_posix()
        for package in ("cxr", "serving", "stages")
        for path in (ROOT / package).rglob("__main__.py")
    ),
)
def test_every_command_sets_the_environment_before_it_imports_what_it_needs(path):
    tree = ast.parse((ROOT / path).read_text())
    names = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    modules = {
        f"{node.module}.{alias.name}" for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    settling = {"cxr.core.determinism", "cxr.runtime.stage_main", "stages.former_names.run"}
    light = {"sys", "typing.TYPE_CHECKING", "cxr.runtime.library_log", *settling}
    assert names | modules <= light and modules & settling


def test_tf_keras_is_chosen_before_tensorflow_loads():
    told = python(f"{SET}import os, sys; print(os.environ['TF_USE_LEGACY_KERAS'], 'tensorflow' in sys.modules)")
    assert told == "1 False"


LOOK = """
from cxr.core import determinism; determinism.set_environment(); import numpy, cv2
from numpy._core._multiarray_umath import __cpu_features__ as features
# 256: CPU_AVX512_SKX of cv::CpuFeatures
print(features["AVX512F"], cv2.checkHardwareSupport(256), cv2.ipp.getIppVersion())
"""


def test_numpy_and_opencv_obey_the_cap():
    numpy_has, opencv_has, *ipp = python(LOOK, CXR_INSTRUCTION_SET="avx2").split()
    assert (numpy_has, opencv_has) == ("False", "False")
    assert "AVX2" in " ".join(ipp)


@pytest.mark.skipif("avx512bw" not in Path("/proc/cpuinfo").read_text(), reason="this processor has no AVX-512")
def test_without_the_cap_all_three_would_use_more():
    numpy_has, opencv_has, *ipp = python(LOOK, CXR_INSTRUCTION_SET="native").split()
    assert (numpy_has, opencv_has) == ("True", "True")
    assert "AVX2" not in " ".join(ipp)


@pytest.mark.parametrize(("setting", "capped"), [("avx2", "True"), ("native", "False")])
def test_the_cap_in_force_is_what_the_libraries_see(setting, capped):
    code = (
        f"{SET}found = determinism.in_force(); "
        "print(determinism.capped(), found.get('instruction_set'), found.get('ONEDNN_MAX_CPU_ISA'))"
    )
    told = ["True", "avx2", "None"] if capped == "True" else ["False", "None"]
    assert python(code, CXR_INSTRUCTION_SET=setting).split() == told
    assert python(code, CXR_INSTRUCTION_SET="avx2", ONEDNN_MAX_CPU_ISA="SSE41").split() == ["False", "None", "SSE41"]


SKYLAKE = "avx2 avx512f avx512cd avx512bw avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "numpy_told", "opencv_told"),
    [
        ("fma avx2", None, None),
        ("avx2 avx512f avx512cd", "AVX512F AVX512CD", None),
        (SKYLAKE, "AVX512F AVX512CD AVX512_SKX", "AVX512-SKX"),
        (f"{SKYLAKE} avx512_vnni", "AVX512F AVX512CD AVX512_SKX AVX512_CLX", "AVX512-SKX"),
    ],
)
def test_only_what_the_processor_has_is_turned_off(tmp_path, flags, numpy_told, opencv_told):
    """OpenCV writes "Trying to disable unavailable CPU feature" on stderr where it is told more, at every start."""
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: x\n")
    found = determinism.caps(determinism.processor_flags(tmp_path / "cpuinfo"))
    assert (found.get("NPY_DISABLE_CPU_FEATURES"), found.get("OPENCV_CPU_DISABLE")) == (numpy_told, opencv_told)
    assert found["ONEDNN_MAX_CPU_ISA"] == "AVX2"


def test_the_libraries_start_without_a_word_under_the_cap():
    command = [sys.executable, "-W", "error", "-c", f"{SET}import numpy, cv2"]
    done = subprocess.run(command, capture_output=True, text=True, env={**CLEAN, "CXR_INSTRUCTION_SET": "avx2"})
    assert (done.returncode, done.stderr) == (0, "")


def test_a_machine_that_lists_no_flags_turns_nothing_off(tmp_path):
    assert determinism.processor_flags(tmp_path / "absent") == frozenset()


def test_telemetry_is_off_for_all_that_sends_some():
    code = (
        f"{SET}import os; from dvc import analytics; print(os.environ['GX_ANALYTICS_ENABLED'], "
        "os.environ['PREFECT_SERVER_ANALYTICS_ENABLED'], os.environ['DO_NOT_TRACK'], analytics.is_enabled())"
    )
    assert python(code) == "False false 1 False"


def test_what_the_user_set_stays_as_it_is():
    code = SET + "import os; print(os.environ['ONEDNN_MAX_CPU_ISA'])"
    assert python(code, ONEDNN_MAX_CPU_ISA="SSE41") == "SSE41"


def test_the_cap_is_read_from_params_and_the_environment_goes_before_it(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text("machine: {instruction_set: native}\n")
    monkeypatch.delenv("CXR_INSTRUCTION_SET", raising=False)
    assert determinism.instruction_set(tmp_path / "params.yaml") == "native"
    assert determinism.instruction_set(tmp_path / "missing.yaml") == "avx2"
    monkeypatch.setenv("CXR_INSTRUCTION_SET", "avx2")
    assert determinism.instruction_set(tmp_path / "params.yaml") == "avx2"
