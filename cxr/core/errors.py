"""Errors that a user can cause and mend; whoever starts the process shows each in one line, without a traceback."""


class UserError(Exception):
    """Something that a user can cause and mend, in a stage as on the production machine.

    The message names file, row and value, and says what to do next.
    """


class HashMismatch(Exception):
    """Bytes on disk are not the ones that were recorded; the message names the file."""
