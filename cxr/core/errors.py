"""Errors that a user can cause and mend; whoever starts the process shows each in one line, without a traceback."""


class StageError(Exception):
    """Something that a user can cause and mend; the message names file, row, value and what to do next."""


class HashMismatch(Exception):
    """Bytes on disk are not the ones that were recorded; the message names the file."""
