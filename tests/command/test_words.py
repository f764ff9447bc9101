"""The words of `cxr` against the page that lists them, and every page against the words."""

import re
from pathlib import Path

import pytest

from command.words import WORDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/commands.md"
PAGES = [
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *(ROOT / "docs").rglob("*.md")]
    if path.parent.name != ".venv"
]


def listed() -> list[str]:
    """The word of each row of the page's table, in its order."""
    return re.findall(r"(?m)^\| `cxr ([a-z]+)` \|", PAGE.read_text())


def named(page: Path) -> set[str]:
    """The words that a page has somebody type: at the start of a line or a code span, or after an option's value."""
    return set(re.findall(r"(?m)(?:^|`|[\w/]+=\S+ |\.venv/bin/)cxr ([a-z]+)", page.read_text()))


def test_the_page_lists_every_word_and_no_other_in_the_order_of_the_help() -> None:
    assert listed() == list(WORDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_word_that_a_page_names_exists(page: Path) -> None:
    assert named(page) - set(WORDS) == set()


def test_words_are_found_at_all_and_a_wrong_one_too(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("`cxr scor`\ncxr serve\nCXR_SERVE_TOKEN=WORD cxr servee\n.venv/bin/cxr prdict a")
    assert named(tmp_path / "page.md") == {"scor", "serve", "servee", "prdict"}
    assert sum(len(named(page)) for page in PAGES) > 40


@pytest.mark.parametrize("word", WORDS)
def test_no_page_has_a_user_type_the_module_of_a_word(word: str) -> None:
    module = WORDS[word].module.removesuffix(".command")
    calling = re.compile(rf"python3? -m {re.escape(module)}(?![\w.])")
    assert [page.relative_to(ROOT).as_posix() for page in PAGES if calling.search(page.read_text())] == []
