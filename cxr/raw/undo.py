"""Takes back what a change of a set wrote, where the change does not end well."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from cxr.core.files import write_bytes


@contextlib.contextmanager
def restored_on_error(files: Sequence[Path]) -> Iterator[None]:
    """On any error or interrupt within, the files are as they were before, or gone again."""
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != content:
                write_bytes(path, content)
        raise
