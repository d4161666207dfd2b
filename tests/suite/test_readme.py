"""What the READMEs tell people to type exists: targets of make, commands and their options, files."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from tosho.__main__ import app

PROJECT = Path(__file__).parents[2]
READMES = ("README.md", "include/tosho/README.md", "dags/README.md")
TOSHO = re.compile(r"(?:python -m tosho|\.venv/bin/tosho|(?<![\w-])tosho) ([a-z].*)")
MAKE = re.compile(r"\bmake ([a-z-]+)")
LINK = re.compile(r"\]\(([^)#]+)\)")


def code(readme):
    """Return what a README sets as code: lines of blocks, continued ones joined, and spans in backticks."""
    text = (PROJECT / readme).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [part for line in [*lines, *spans] for part in line.partition("#")[0].split("&&")]


def commands(readme):
    return [found[1] for line in code(readme) if (found := TOSHO.search(line))]


def faults(words):
    """Return what of a command line the program does not know."""
    found, context = typer.main.get_command(app), []
    while words and words[0] in getattr(found, "commands", {}):
        context.append(words[0])
        found, words = found.commands[words[0]], words[1:]
    if getattr(found, "commands", None):
        return [f"{' '.join(context)} has no command {words[:1]}"] if words and not words[0].startswith("-") else []
    if found.context_settings.get("ignore_unknown_options"):
        return []
    known = {name for option in found.params for name in (*option.opts, *option.secondary_opts)}
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    missing = [
        o.opts[0] for o in found.params if o.required and not known.isdisjoint(o.opts) and not given & set(o.opts)
    ]
    needed = [name for name in missing if name.startswith("-")] if given else []
    return [f"{' '.join(context)}: {name}" for name in sorted(given - known)] + needed


def test_commands_are_found_in_the_readme():
    assert {words.split()[0] for words in commands("README.md")} >= {"doctor", "features", "lake", "simulate", "purge"}


@pytest.mark.parametrize(("readme", "words"), [(readme, words) for readme in READMES for words in commands(readme)])
def test_each_command_and_option_exists(readme, words):
    assert faults(shlex.split(words)) == []


@pytest.mark.parametrize("words", ["doctor --quick", "lake polish", "sessions --from 2025-01-01"])
def test_a_command_that_does_not_exist_is_found(words):
    assert faults(shlex.split(words))


@pytest.mark.parametrize("readme", READMES)
def test_each_target_of_make_exists(readme):
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {target for line in code(readme) for target in MAKE.findall(line)} - targets == set()


@pytest.mark.parametrize("readme", READMES)
def test_each_link_leads_to_a_file(readme):
    links = [link for link in LINK.findall((PROJECT / readme).read_text()) if "://" not in link]
    assert [link for link in links if not (PROJECT / readme).parent.joinpath(link).exists()] == []
