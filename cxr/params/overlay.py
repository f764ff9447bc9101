"""What a preset has other than the default, laid over it: mappings merge, lists, scalars and null replace."""

from ruamel.yaml.comments import CommentedMap

from cxr.params.document import on_one_line


def lay_over(document: CommentedMap, own: CommentedMap) -> None:
    """Put the values of `own` in their places in the document, whose comments and order stay.

    Behind the comment of a value in the document comes, on a line of its own, what `own` says of that value.
    """
    for key, value in own.items():
        under = document.get(key)
        if isinstance(under, CommentedMap) and under and isinstance(value, CommentedMap):
            lay_over(under, value)
        else:
            document[key] = on_one_line(value)
            _add_comment(document, own, key)


def difference(given: CommentedMap, default: CommentedMap) -> CommentedMap:
    """The least mapping that gives `given` when it is laid over the default, which has the same sections."""
    found = CommentedMap()
    for key, value in given.items():
        under = default.get(key)
        if isinstance(under, CommentedMap) and under and isinstance(value, CommentedMap):
            if inner := difference(value, under):
                found[key] = inner
        elif key not in default or value != under:
            found[key] = on_one_line(value)
    return found


def _add_comment(document: CommentedMap, own: CommentedMap, key: object) -> None:
    """Where both say something of the key, own's words go below the document's, in the same column."""
    said, there = _comment(own, key), document.ca.items.get(key, [None] * 4)[2]
    if not said:
        return
    if there is None:
        document.yaml_add_eol_comment(said, key)
        return
    lines = there.value.split("\n")
    last = max(i for i, line in enumerate(lines) if line.strip())
    there.value = "\n".join([*lines[: last + 1], f"{' ' * there.start_mark.column}# {said}", *lines[last + 1 :]])


def _comment(own: CommentedMap, key: object) -> str:
    """What stands behind the value of a key, without its mark; comments on lines of their own are not meant."""
    token = own.ca.items.get(key, [None] * 4)[2]
    return token.value.split("\n")[0].lstrip("# ") if token is not None else ""
