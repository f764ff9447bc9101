"""The base of all typed JSON documents: reading what is older, refusing what is newer, and writing in one format.

Not for the tables (Parquet, CSV), nor for params.yaml, whose schema is `cxr.params.schema`.
"""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr.core.errors import UserError
from cxr.core.files import read_json, write_json

Figure = float | str  # a number, or "n/a" where there is none
Count = Annotated[int, Field(ge=0)]


class UnreadableDocument(UserError):
    """A document is no JSON, lacks what it must hold, or is of a newer format; the message names the file."""


class Document(BaseModel):
    """What every document has. `FORMAT` is the newest that this code knows, `KEY` where the number stands in the JSON.

    Keys that this code does not know are kept, so that reading and writing loses nothing.
    """

    model_config = ConfigDict(frozen=True, extra="allow", populate_by_name=True)
    FORMAT: ClassVar[int] = 1
    KEY: ClassVar[str] = "format"

    @classmethod
    def read(cls, path: Path) -> Self:
        """The document in a file. UnreadableDocument names the file, FileNotFoundError where there is none."""
        try:
            return cls.parse(read_json(path), str(path))
        except UnreadableDocument:
            raise
        except ValueError as error:
            raise UnreadableDocument(str(error)) from error

    @classmethod
    def parse(cls, content: Any, where: str) -> Self:
        """The document that parsed JSON holds; `where` names its source in the message of UnreadableDocument."""
        number = content.get(cls.KEY, 0) if isinstance(content, dict) else 0
        if not isinstance(number, int) or number > cls.FORMAT:
            raise UnreadableDocument(
                f"{where}: is of format {number}, this code reads formats up to {cls.FORMAT}; "
                "it was written by a newer version of this project: update the code that reads it"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise UnreadableDocument(f"{where}: {_first_fault(error)}") from error

    def content(self) -> dict[str, Any]:
        """Plain JSON, with the number of the format that this code writes; what was never given is left out."""
        return {**self.model_dump(mode="json", by_alias=True, exclude_unset=True), self.KEY: self.FORMAT}

    def write(self, path: Path) -> None:
        """Write canonical JSON, whole or not at all."""
        write_json(path, self.content())


def _first_fault(error: ValidationError) -> str:
    """The first thing that does not fit, by the path of its keys."""
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'the document'}: {fault['msg'].removeprefix('Value error, ')}"
