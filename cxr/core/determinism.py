"""Sets, once and before any numerical library loads, what a process may use of its machine.

The instruction sets are capped so that the same inputs give the same bytes on every x86-64 machine of at least that
level; the cap is `machine.instruction_set` in params.yaml. Not for parameters in general: see `stages.check`.
"""

import os
from functools import cache
from pathlib import Path

import yaml

from cxr.core import environment

_CPUINFO = Path("/proc/cpuinfo")
_CAPS = {"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2", "OPENBLAS_CORETYPE": "Haswell", "OPENCV_IPP": "avx2"}
_SKYLAKE = {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}
# Variable to the features that it turns off, each with the flags of a processor that has it. NumPy and OpenCV complain
# of a name whose feature the processor lacks.
_FEATURES: dict[str, dict[str, set[str]]] = {
    "NPY_DISABLE_CPU_FEATURES": {
        "AVX512F": {"avx512f"},
        "AVX512CD": {"avx512f", "avx512cd"},
        "AVX512_SKX": _SKYLAKE,
        "AVX512_CLX": {*_SKYLAKE, "avx512_vnni"},
        "AVX512_CNL": {*_SKYLAKE, "avx512ifma", "avx512vbmi"},
        "AVX512_ICL": {
            *_SKYLAKE,
            "avx512_vnni",
            "avx512ifma",
            "avx512vbmi",
            "avx512_vbmi2",
            "avx512_bitalg",
            "avx512_vpopcntdq",
        },
        "AVX512_SPR": {
            *_SKYLAKE,
            "avx512_vnni",
            "avx512ifma",
            "avx512vbmi",
            "avx512_vbmi2",
            "avx512_bitalg",
            "avx512_vpopcntdq",
            "avx512_fp16",
        },
    },
    "OPENCV_CPU_DISABLE": {"AVX512-SKX": _SKYLAKE},
}
_DECIDING = {  # bytes, as the caps do
    "TF_USE_LEGACY_KERAS": "1",  # tfmot works with tf-keras only
    "TF_ENABLE_ONEDNN_OPTS": "1",  # TensorFlow itself turns it on by processor family
    "TF_DETERMINISTIC_OPS": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "OPENBLAS_NUM_THREADS": "1",  # a sum's parts, and so its last bits, would follow the number of cores
}
_ALWAYS = {
    **_DECIDING,
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "False",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "MPLBACKEND": "Agg",
}


def set_environment(params_file: Path = Path("params.yaml")) -> None:
    """Set the environment of this process and its children; what the user already set stays as it is."""
    cap = caps(processor_flags()) if instruction_set(params_file) == "avx2" else {}
    for name, value in {**_ALWAYS, **cap}.items():
        os.environ.setdefault(name, value)


def caps(flags: frozenset[str]) -> dict[str, str]:
    """Environment that keeps every library to AVX2 on a processor with these flags (names as in /proc/cpuinfo)."""
    disabled = {
        variable: " ".join(name for name, needs in features.items() if needs <= flags)
        for variable, features in _FEATURES.items()
    }
    return _CAPS | {variable: names for variable, names in disabled.items() if names}


@cache
def processor_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """The flags of this machine's first processor; none where the system does not list them."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return frozenset(next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), []))


def instruction_set(params_file: Path = Path("params.yaml")) -> str:
    """The cap in `machine.instruction_set`; CXR_INSTRUCTION_SET goes before it, `avx2` is for want of both."""
    if name := environment.instruction_set():
        return name
    try:
        section = yaml.safe_load(params_file.read_text())["machine"]
        return str(section["instruction_set"])
    except (OSError, KeyError, TypeError, ValueError, RecursionError, yaml.YAMLError):  # the stage `check` says what
        return "avx2"


def in_force() -> dict[str, str]:
    """What of this process's environment can move the bytes of what it computes; "" where a name is not set.

    A process that keeps to AVX2 says just that: on another processor the same cap takes other names to turn off.
    """
    found = {name: os.environ.get(name, "") for name in sorted(_DECIDING)}
    if capped():
        return {"instruction_set": "avx2", **found}
    return {name: os.environ.get(name, "") for name in sorted({*_CAPS, *_FEATURES})} | found


def capped() -> bool:
    """Whether this process keeps to AVX2, whoever said so: the environment as it is, not the parameter."""
    return all(os.environ.get(name) == value for name, value in caps(processor_flags()).items())
