"""`cxr repro [dvc repro arguments]`: what `make repro` runs.

One run at a time in a workspace (a second one waits and says for whom), params.yaml checked, `dvc repro`, the headline
figures, and whether the bytes made here are the ones that the commit records.
"""

import subprocess
import sys
from pathlib import Path

import typer

from cxr.runtime import command_line
from flows.repo import reproduce
from flows.repo.recorded import verdict

app = command_line.application()


@command_line.command(
    app,
    "0, 1 (a parameter, or a stage failed), 130 (interrupted: the same command goes on), 128 + N (killed by signal N)",
    passes_on=True,
)
def repro(context: typer.Context) -> None:
    """Run the pipeline: only what changed, then the headline figures; other arguments are those of `dvc repro`."""
    raise typer.Exit(_run(context.args))


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do it; the exit status."""
    return command_line.run(app, arguments, "python -m flows.repro")


def _run(arguments: list[str]) -> int:
    """Exit status: 0 with figures and verdict, 1 (parameter or stage), 130 (interrupted), 128 + N (killed by N)."""
    try:
        status = reproduce.run_in_terminal(Path.cwd(), arguments)
    except reproduce.PipelineFailed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    if status == 0:
        subprocess.run([sys.executable, "-m", "stages.report.headline"], check=False)
        print(verdict(Path.cwd()), flush=True)
        subprocess.run([sys.executable, "-m", "stages.evaluate.acceptance"], check=False)
    elif status == reproduce.INTERRUPTED:
        print("interrupted: `make repro` goes on where it stopped", file=sys.stderr)
    else:
        print(
            reproduce.missing_set()
            or "a stage failed: mend what its last lines say and run `make repro` again; it starts there",
            file=sys.stderr,
        )
    return status


if __name__ == "__main__":
    sys.exit(main())
