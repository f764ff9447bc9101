"""What a mistyped name was probably meant to be: the end of every message about an unknown name."""

import difflib
from collections.abc import Iterable

_LIKENESS = 0.5  # difflib's ratio, 0 to 1, from which on a name is worth suggesting


def suggestion(given: object, known: Iterable[object]) -> str:
    """`did you mean 'NAME'?` with the known name that is most like the given one, else all known names."""
    names = [str(name) for name in known]
    near = difflib.get_close_matches(str(given), names, 1, _LIKENESS)
    return f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(names) or 'nothing'}"
