"""Laying a preset's values over the default's, and taking the difference again."""

from cxr.params.document import parsed, written
from cxr.params.overlay import difference, lay_over

BASE = "a:  # of a\n  one: 1      # of one\n  list: [1, 2]  # of list\n  free: {}  # of free\n\nb: 2.0e-3  # of b\n"


def laid(own: str) -> str:
    document = parsed(BASE)
    lay_over(document, parsed(own))
    return written(document)


def test_mappings_merge_and_lists_scalars_and_null_replace() -> None:
    assert dict(parsed(laid("a: {list: [3], free: {x: {y: 1}}}\nb: null\n"))) == {
        "a": {"one": 1, "list": [3], "free": {"x": {"y": 1}}},
        "b": None,
    }


def test_what_is_laid_over_keeps_comments_order_and_spelling() -> None:
    assert laid("b: 5.0e-4\na: {one: 0x10}\n") == BASE.replace("2.0e-3", "5.0e-4").replace("one: 1   ", "one: 0x10")


def test_a_list_in_lines_comes_in_on_one() -> None:
    assert "  list: [x, y]  # of list\n" in laid("a:\n  list:\n    # above\n    - x  # said\n    - y\n")


def test_own_words_come_below_those_that_are_there() -> None:
    assert laid("b: 1  # mine\n").endswith("b: 1       # of b\n           # mine\n")


def test_the_difference_laid_over_gives_the_whole_again() -> None:
    own = parsed(BASE)
    own["a"]["list"], own["a"]["free"], own["b"] = [9], {"k": None}, None
    found = difference(own, parsed(BASE))
    assert found == {"a": {"list": [9], "free": {"k": None}}, "b": None}
    again = parsed(BASE)
    lay_over(again, found)
    assert again == own
    assert difference(parsed(BASE), parsed(BASE)) == {}
