"""A page of HTML as a browser takes it apart: what is in it, what it would fetch, and whether its tags close."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "col", "wbr"}
FETCHED = ("src", "href", "xlink:href", "data", "poster")


class Page(HTMLParser):
    """A parsed page. `text` is what can be read, `rows` the cells of each table's row, `framed` the pages inside."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.rows: list[list[str]] = []
        self.framed: list[Page] = []
        self.fetched = re.findall(r"@import[^;]*|url\((?!#)[^)]*\)", html)
        self.ill_formed: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.ill_formed += [f"<{tag}> is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.fetched += [v for name in FETCHED if (v := given.get(name)) and not v.startswith(("#", "data:"))]
        if framed := given.get("srcdoc"):
            self.framed.append(Page(framed))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.ill_formed.append(f"</{tag}> closes nothing that is open")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self._open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
