"""Commands that were once called `python -m stages.NAME` and are no stages: they answer to that name for one release.

`stages` looks for its modules here after its own folder, so that a script or a scheduled job goes on working through an
upgrade. Each module starts the command of today in its own process, with the same arguments and exit status. What
dvc.yaml runs neither imports nor depends on this folder; with the next release it goes.
"""

import runpy
import sys


def run(former: str, today: str, word: str = "") -> None:
    """Tell people on standard error what the command is called now, then be `python -m TODAY`.

    `word` is what they type where `cxr` has a word for it. By module, as no stage may import what serves; ends as that
    command ends, most often by SystemExit.
    """
    print(
        f"python -m {former} is now {word or f'python -m {today}'}; the former name goes with the next release",
        file=sys.stderr,
        flush=True,
    )
    runpy.run_module(today, run_name="__main__", alter_sys=True)
