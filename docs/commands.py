"""The site's page of commands, made from the commands themselves: `python docs/commands.py docs/commands.md`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from mien.cli.app import app

HEAD = """# Commands

`mien VERB --help` says the same; this page is made from it. Every command ends with status 0 if all went well, 1 if
something could not be done (a sentence on standard error says what), 2 for a wrong call and 130 after Ctrl-C.
"""


def described(command: Any, name: str) -> Iterator[str]:
    """Markdown of a command and of those below it: what each does, its arguments and options."""
    below = sorted(getattr(command, "commands", {}).items())
    if not below or command.invoke_without_command:
        yield f"\n## {name}\n\n{plain(command.help or '')}\n"
        parameters = [one for one in command.params if not one.hidden]
        if parameters:
            yield "| | | without it |\n|---|---|---|"
        yield from map(row, parameters)
    for verb, one in below:
        yield from described(one, f"{name} {verb}")


def row(parameter: Any) -> str:
    """A parameter as a line of the table."""
    is_option = parameter.param_type_name == "option"
    names = " ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    has_none = default is None or default is False or callable(default)
    without = "needed" if parameter.required else "" if has_none else f"`{default}`"
    return f"| {names if is_option else f'`{parameter.name.upper()}`'} | {plain(parameter.help)} | {without} |"


def plain(text: str) -> str:
    """Text whose signs mean nothing to Markdown; one line a paragraph."""
    for sign in ("\\", "|", "*", "<", "["):
        text = text.replace(sign, f"\\{sign}")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


if __name__ == "__main__":
    lines = [HEAD, *described(typer.main.get_command(app), "mien")]
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", "utf-8")
