"""`mien bench`: how fast and how often right the installed product is here, beside other tools."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["bench"]


def bench(
    photo: Annotated[
        Path | None,
        typer.Argument(
            help="A photo with a face, to be found and read; faces alone are timed if left out.", dir_okay=False
        ),
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(help="FER-2013, to count right answers on its PublicTest, in any layout.")
    ] = None,
    votes: Annotated[
        Path | None, typer.Option(help="FER+ votes for its rows; found beside the data if left out.")
    ] = None,
    drop: Annotated[
        Path | None, typer.Option(help="Also count without these rows, as `mien data leaks --drop` writes them.")
    ] = None,
    peer_python: Annotated[
        list[Path] | None,
        typer.Option(help="An interpreter with other tools to compare with (fer, deepface); repeatable."),
    ] = None,
    rounds: Annotated[int, typer.Option(help="Turns of every system.", min=1)] = 9,
    out: Annotated[
        Path | None, typer.Option(help="Write bench.json, bench.md and bench.png here.", file_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Measure how fast and how often right the installed models are on this machine.

    Every system runs in a process of its own and they take turns, so that a busier machine is slower for all of them.
    Other tools are compared with if this or another interpreter has them.
    """
    from mien.benchmark.machine import machine_line
    from mien.benchmark.measuring import exams_on, run_benchmark
    from mien.benchmark.report import accuracy_table, markdown, speed_table, write_benchmark

    results = run_benchmark(
        photo=photo,
        exams=[] if data is None else exams_on(data, votes=votes, drop=drop),
        peer_pythons=[Path(sys.executable), *(peer_python or [])],
        rounds=rounds,
        say=lambda sentence: typer.echo(f"mien: {sentence}", err=True),
    ).to_dict()
    if as_json:
        typer.echo(json.dumps(results, indent=2))
    else:
        typer.echo(f"{machine_line(results['machine'])}\n")
        for table in (accuracy_table(results), speed_table(results)):
            if len(table) > 1:
                typer.echo(f"{markdown(table)}\n")
    if out is not None:
        write_benchmark(results, out)
