"""Why a test is skipped, in words that say what to do; and CXR_NO_SKIPS=1, with which CI fails where one was.

A test that CI always skips is a test that nobody runs. Excused is what no package can bring to a machine: image sets
that may not be copied, another processor, figures that `make repro` has yet to make. They are named apart.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = {
    "initdb": "postgresql",
    "pg_ctl": "postgresql",
    "postgres": "postgresql",
    "psql": "postgresql",
    "rclone": "rclone",
    "sshd": "openssh-server",
    "ssh-keygen": "openssh-client",
    "setpriv": "util-linux",
    "ip": "iproute2",
    "qemu-x86_64": "qemu-user",
    "unshare": "util-linux",
}  # Debian's package for each program that tests need beyond git and make
SETS = "image sets are not here"
EXCUSED = (SETS, "this processor", "one core only", "the recorded metrics are not here")


def needs(name: str) -> str:
    """The reason of a skip for want of a program."""
    return f"needs {name}: apt install {PACKAGES[name]}"


def program(name: str) -> str:
    """Path of a program; the test is skipped by name where it is not there. Debian's servers lie outside PATH."""
    elsewhere = (
        str(path)
        for path in (Path("/usr/sbin") / name, *Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        if path.exists()
    )
    return shutil.which(name) or next(elsewhere, None) or pytest.skip(needs(name))


def without_sets(place: Path) -> NoReturn:
    """Skip a test that looks at real radiographs."""
    pytest.skip(f"{SETS}: {place} (CXR_TEST_DATA names another folder)")


def is_excused(reason: str) -> bool:
    """Whether a skip is one that no package could have spared."""
    return reason.removeprefix("Skipped: ").startswith(EXCUSED)


def skipped(config: pytest.Config) -> dict[str, str]:
    """Each skipped test and its reason, as far as reported to this process."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return {report.nodeid: report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)}


def faults(config: pytest.Config) -> list[str]:
    """What CXR_NO_SKIPS=1 does not let pass: test and reason."""
    found = skipped(config) if os.environ.get("CXR_NO_SKIPS") == "1" else {}
    return [f"{test}: {reason}" for test, reason in sorted(found.items()) if not is_excused(reason)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Exit status 1 where a test was skipped that should not have been."""
    if faults(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Names what was skipped: what is excused, and what fails the run."""
    excused = [
        f"{test}: {reason}" for test, reason in sorted(skipped(terminalreporter.config).items()) if is_excused(reason)
    ]
    for title, lines in (
        ("skipped, as no package brings what they need", excused),
        ("skipped, which CXR_NO_SKIPS=1 calls a failure", faults(terminalreporter.config)),
    ):
        if lines:
            terminalreporter.section(title)
            terminalreporter.line("\n".join(lines))
