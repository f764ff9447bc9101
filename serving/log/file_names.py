"""From a row of the scoring log back to its file: of a private set the log has the file's SHA-256 in place of its name.

The names are in `.runs/names/score.csv` of the folder that was scored from (`cxr.raw.private_names`). Where they are
not, a folder's own files still answer to their SHA-256. Rows of a public set have the name itself, and keep it.
"""

from functools import cached_property
from pathlib import Path

import pandas as pd

from cxr.core.files import sha256_file
from cxr.raw import private_names
from cxr.raw.names import is_image
from cxr.raw.private_names import is_stand_in

TABLE = "score"  # in `.runs/names`


class FileNames:
    """Names of scored files below `folder`, read when they are first asked for."""

    def __init__(self, folder: Path) -> None:
        """`folder`: the one that was scored."""
        self.folder = folder

    def known(self, scored: pd.DataFrame) -> pd.DataFrame:
        """The log's columns image_id and source, a row for each name that is known of a study; a SHA-256 stays where
        none is."""
        table = scored[["image_id", "source"]].astype(str)
        sources = [self._names(*row) or [row[1]] for row in table.itertuples(index=False)]
        return table.assign(source=sources).explode("source", ignore_index=True)

    def present(self, scored: pd.DataFrame) -> pd.DataFrame:
        """The log's columns image_id and source, each study once, its file by a path that is there where there is
        one: by a known name, else by the SHA-256 of the folder's files, which are all read for it."""
        table = scored[["image_id", "source"]].astype(str).drop_duplicates("image_id", keep="last")
        return table.assign(source=[self.path_of(*row, search=True) for row in table.itertuples(index=False)])

    def path_of(self, image_id: str, source: str, *, search: bool = False) -> str:
        """The path of one study's file below the folder; `source` itself where it is a name or no file is found.

        `search`: also among all files of the folder, by their SHA-256.
        """
        if not is_stand_in(source):
            return source
        there = (name for name in self._names(image_id, source) if (self.folder / name).is_file())
        found = next(there, "") or (self._by_sha256.get(source.partition(".")[0], "") if search else "")
        return found or source

    def _names(self, image_id: str, source: str) -> list[str]:
        """The names that are known of a study whose row has none."""
        return self._by_image.get(image_id, []) if is_stand_in(source) else []

    @cached_property
    def _by_image(self) -> dict[str, list[str]]:
        """Image id to the names under which it was scored, the last one first."""
        found: dict[str, list[str]] = {}
        for row in private_names.read(TABLE):
            if row.image_id:
                found.setdefault(row.image_id, []).insert(0, row.name)
        return found

    @cached_property
    def _by_sha256(self) -> dict[str, str]:
        """SHA-256 to the path of an image file below the folder; links are not followed."""
        paths = (path for path in sorted(self.folder.rglob("*")) if is_image(path.name) and not path.is_symlink())
        return {sha256_file(path): path.relative_to(self.folder).as_posix() for path in paths if path.is_file()}
