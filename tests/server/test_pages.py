"""The pages' files under the policy that the service sends: nothing inline, nothing from elsewhere."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "src" / "mien" / "server" / "static"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
NAMESPACES = "http://www.w3.org/"  # of SVG: a name, never fetched
IN_HTML = {
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "a handler in an attribute": r"<[^>]*\son[a-z]+\s*=",
    "an inline style": r"<style|<[^>]*\sstyle\s*=",
    "a script's address": r"(?:href|src)\s*=\s*[\"']?javascript:",
}
IN_SCRIPTS = {
    "text run as code": r"\beval\(|new Function\(|setTimeout\(\s*[\"'`]",
    "a cookie": r"document\.cookie",
    "something kept in the browser": r"localStorage|indexedDB",
}


def found(patterns: dict[str, str], text: str) -> list[str]:
    return [name for name, pattern in patterns.items() if re.search(pattern, text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.suffix == ".html":
        assert found(IN_HTML, text) == []
    if path.suffix == ".js":
        assert found(IN_SCRIPTS, text) == []
    loaded = r"(?:src|href|url|import|from|fetch)\s*[=(]?\s*[\"'(`]\s*(?:https?:)?//(?!www\.w3\.org/)"
    assert re.search(loaded, text.replace(NAMESPACES, "")) is None


def test_these_patterns_would_find_what_they_are_for() -> None:
    bad = '<script>x</script><a onclick="x" style="a" href="javascript:x">'
    assert found(IN_HTML, bad) == list(IN_HTML)
    assert found(IN_SCRIPTS, "eval(x); document.cookie; localStorage.x") == list(IN_SCRIPTS)
