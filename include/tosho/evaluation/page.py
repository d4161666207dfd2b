"""What every page is made of: its style, tables and lists; one file, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import isfinite

STYLE = """
  :root { color-scheme: light; }
  body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: #1e293b; background: #f8fafc; margin: 0; }
  main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 60px; }
  h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 0 0 6px; }
  p.hint { color: #64748b; margin: 0 0 10px; font-size: 13.5px; }
  section { background: #fff; border: 1px solid #e2e8f0; border-radius: 10px; padding: 18px 20px; margin-top: 16px; }
  .tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 16px; }
  .tile { background: #fff; border: 1px solid; border-top-width: 4px; border-radius: 10px; padding: 10px 14px; }
  .tile .name, .tile .below { color: #64748b; font-size: 13px; } .tile .value { font-size: 27px; font-weight: 650; }
  .verdict { border-left: 6px solid #d97706; } .verdict.promoted { border-left-color: #16a34a; }
  .verdict ul, .notes { margin: 6px 0 0; padding-left: 18px; color: #475569; }
  .two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; } .two section { min-width: 0; }
  table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
  th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid #f1f5f9; text-align: left; }
  th { color: #64748b; font-weight: 600; }
  svg { width: 100%; height: auto; display: block; } .scroll { overflow-x: auto; }
  details summary { cursor: pointer; font-weight: 600; }
  @media (max-width: 760px) { .two { grid-template-columns: 1fr; } .tiles { grid-template-columns: 1fr 1fr; } }
  table.figures { font-size: 13px; } table + svg { margin-top: 12px; }
  table.figures td:not(:first-child), table.figures th:not(:first-child) { text-align: right; padding: 4px 0 4px 12px; }
  table.figures td:not(:first-child) { white-space: nowrap; } table.figures td:first-child { min-width: 96px; }
  section h3 { font-size: 14.5px; margin: 18px 0 4px; }
"""
"""The style sheet of all pages."""

ABSENT = "n/a"
"""What stands where a figure cannot be told."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], style: str = "") -> str:
    """Return a table; with style `figures` all columns but the first stand to the right."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f'<table class="{style}"><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table>'


def items(sentences: Iterable[str]) -> str:
    """Return the items of a list."""
    return "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)


def section(title: str, body: str, hint: str = "") -> str:
    """Return a section; an empty body gives none."""
    told = f'<p class="hint">{escape(hint)}</p>' if hint else ""
    return f'<section><h2>{escape(title)}</h2>{told}<div class="scroll">{body}</div></section>' if body else ""


def number(value: float, form: str) -> str:
    """Return a number as written by a format, or n/a where there is none.

    >>> number(0.5, "+.1f"), number(float("nan"), "+.1f")
    ('+0.5', 'n/a')
    """
    return format(value, form) if isfinite(value) else ABSENT
