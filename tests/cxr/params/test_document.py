"""YAML with its comments."""

from pathlib import Path

from cxr.params.document import header, on_one_line, parsed, sections, written

ROOT = Path(__file__).resolve().parents[3]


def test_what_is_read_is_written_as_it_was() -> None:
    text = (ROOT / "presets/default.yaml").read_text()
    assert written(parsed(text)) == text
    odd = "a: null\nb: '1'\nc: \"yes\"\nd: 1e-3\ne: 0x1F\nf: {}\ng: ~\n"
    assert written(parsed(odd)) == odd.replace("~", "null")


def test_the_header_is_the_comments_on_top() -> None:
    assert header("# a\n# b\nx: 1  # c\n# d\n") == "# a\n# b\n"
    assert header("x: 1\n") == header("") == ""


def test_a_value_on_one_line_has_no_comments_and_no_lines() -> None:
    value = parsed("v:\n  a: |\n    two\n    lines\n  b:\n    - x  # c\n")["v"]
    assert written(parsed("v: 1  # kept\n") | {"v": on_one_line(value)}).count("\n") == 1


def test_a_mark_in_front_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_bytes(b"\xef\xbb\xbfa: {b: 1}\n")
    assert sections(tmp_path / "p.yaml") == {"a": {"b": 1}}
