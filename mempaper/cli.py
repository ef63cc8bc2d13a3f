"""The command ``mempaper``."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import click

import mempaper
from mempaper import catalogue
from mempaper.cli_values import mode_option, parse_parameters
from mempaper.parameters import MODES, ConfigError
from mempaper.paths import IN_CHECKOUT, NO_CHAPTERS, ROOT
from mempaper.sweep_cli import sweep_command


class Book(click.Group):
    """The book's commands, and those that papers bring along, which are read when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands."""
        return [*super().list_commands(ctx), *catalogue.command_papers()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None where there is none."""
        if cmd_name in catalogue.command_papers():
            return catalogue.commands(cmd_name)
        return super().get_command(ctx, cmd_name)


@click.group(cls=Book, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mempaper.__version__)
def cli() -> None:
    """An executable book on how neural networks remember.

    Chapters are named PAPER/FIGURE, such as ritter2018/fig4_correct_rate.
    """


@cli.command("list")
def list_command() -> None:
    """Show chapters with measured times, experiments, and their presets."""
    if IN_CHECKOUT:
        from mempaper import notebooks, timings

        known = timings.load()
        click.echo(f"{'Chapter':40}" + "".join(f"{mode:>9}" for mode in MODES))
        for chapter in notebooks.chapters():
            times = [timings.describe(known.get(chapter, {}).get(mode)) for mode in MODES]
            click.echo(f"{chapter:40}" + "".join(f"{t:>9}" for t in times))
    else:
        click.echo(f"{NO_CHAPTERS}.")
    click.echo("\nExperiments, and what each mode changes of their defaults")
    for name, experiment in catalogue.experiments().items():
        click.echo(name)
        for mode in MODES:
            own = experiment.presets[mode]
            text = ", ".join(f"{k}={v}" for k, v in own.items()) or "the defaults"
            click.echo(f"  {mode:6} {text}")


@cli.command("run")
@click.argument("chapter")
@click.option("-p", "pairs", type=(str, str), multiple=True, help="A parameter: -p KEY VALUE.")
@click.option("-y", "texts", multiple=True, help="Parameters as YAML: -y 'kernel: l1'.")
@mode_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The executed notebook.")
def run_command(
    chapter: str,
    pairs: tuple[tuple[str, str], ...],
    texts: tuple[str, ...],
    mode: str | None,
    output: Path | None,
) -> None:
    """Run one chapter under other parameters and show how its claims fare."""
    from mempaper import claims, notebooks, tables

    given = parse_parameters(pairs, texts)
    if mode is not None:
        given["mode"] = mode
    name = notebooks.notebook_path(chapter).relative_to(notebooks.BOOK).with_suffix("").as_posix()
    output = output or Path(f"{name.replace('/', '-')}.out.ipynb")
    bar = sys.stderr.isatty()
    seconds = notebooks.run(name, output.resolve(), given, progress=bar)
    record = claims.read_notebook(output)
    if record is not None:
        ledger = claims.load(name.split("/")[0])
        judged = [claims.Judgement(**entry) for entry in record["judgements"]]
        click.echo(tables.table_text((ledger[j.id], j) for j in judged))
    click.echo(f"{output} ({seconds:.0f} s)")


cli.add_command(sweep_command)


@cli.command("claims")
@click.argument("executed", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, every claim.")
@click.option("--record", is_flag=True, help="Keep full-mode results with the book.")
def claims_command(executed: tuple[Path, ...], as_json: bool, record: bool) -> None:
    """Judge claims from EXECUTED notebooks, by default those of the last build."""
    from mempaper import claims, tables
    from mempaper.records import last_built

    paths = [path for path in executed if not path.name.endswith((".failed.ipynb", ".running.ipynb"))]
    paths = paths if executed else last_built(ROOT / "_build")
    records = [r for path in paths if (r := claims.read_notebook(path)) is not None]
    if executed and not records:
        raise ConfigError("None of these notebooks shows a claims table: were they executed?")
    if record:
        from mempaper import notebooks

        for r in records:
            click.echo(f"kept in {claims.keep_record(r, notebooks.defaults(r['chapter']))}", err=True)
    if as_json:
        click.echo(tables.table_json(records, catalogue.papers()))
        return
    shown = {r["chapter"].split("/")[0] for r in records} if executed else set(catalogue.papers())
    seen = {entry["id"] for r in records for entry in r["judgements"]}
    for paper in sorted(shown):
        for row in claims.roll_up(paper, records):
            claim = row["claim"]
            if executed and claim.id not in seen:
                continue
            columns = [
                f"{column}: {row[column].status} {claims.show_measured(row[column])}"
                if row[column].status in claims.RANK and row[column].n
                else f"{column}: {row[column].status}"
                for column in ("fast", "full")
            ]
            click.echo(f"{paper} {claim.id:12} required {claim.expect!s:18} {'; '.join(columns)}")


@cli.command("verify")
@click.argument("paper")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--train", is_flag=True, help="Also retrain for statistical families (minutes).")
def verify_command(paper: str, folder: Path, train: bool) -> None:
    """Recompute the numbers of a paper's original code that lie in FOLDER, as .npz or .csv files."""
    from mempaper import verify

    sign = {"ok": "ok", "missed": "MISS ", "skipped": "SKIPPED "}

    click.echo(f"{'file':32} {'function':38} {'absolute':>9} {'relative':>9} {'tolerance':>9}")

    def tell(row: verify.Row) -> None:
        verdict = sign[row.verdict] + "; ".join(row.notes)
        click.echo(
            f"{row.file:32} {row.function:38} {row.absolute:9.1e} {row.relative:9.1e} "
            f"{row.tolerance:9.1e} {verdict}"
        )

    rows = verify.verify(paper, folder, train=train, tell=tell)
    counts = Counter(row.verdict for row in rows)
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    click.echo(f"{counts['ok']} ok, {counts['missed']} missed{skipped}")
    sys.exit(1 if counts["missed"] else 0)


@cli.command("build")
@mode_option
@click.option("--jobs", type=click.IntRange(1), help="Chapters at once; one per core by default.")
@click.option(
    "--budget-min",
    type=float,
    help="Minutes; chapters not started by then run in smoke mode and are not judged.",
)
@click.option("--record-times", is_flag=True, help="Keep the measured times with the book.")
def build_command(
    mode: str | None, jobs: int | None, budget_min: float | None, record_times: bool
) -> None:
    """Run every chapter and build the HTML book; what is unchanged is not run again."""
    from mempaper import build
    from mempaper.parameters import check_mode

    report = build.build(
        check_mode(mode or "fast"),
        jobs=jobs,
        budget_minutes=budget_min,
        record_times=record_times,
        tell=click.echo,
    )
    sys.exit(1 if report.failed else 0)


@cli.command("pair")
@click.option("--check", is_flag=True, help="Change nothing; fail where a pair differs.")
def pair_command(check: bool) -> None:
    """Write the notebooks anew from their sources, the .py files beside them."""
    from mempaper import notebooks

    changed = list(notebooks.unpaired()) if check else notebooks.pair()
    for notebook in changed:
        click.echo(f"{'differs from its source' if check else 'written'}: {notebook}")
    sys.exit(1 if check and changed else 0)


def main() -> None:
    """Run the command; expected errors become one message without a traceback."""
    from mempaper.checkpoint import CorruptFileError

    expected: tuple[type[Exception], ...] = (ConfigError, CorruptFileError)
    if importlib.util.find_spec("papermill") is not None:
        from mempaper.notebooks import ChapterError

        expected += (ChapterError,)
    try:
        cli(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except ModuleNotFoundError as error:
        hint = "Chapters need pip install 'mempaper[book]'" if IN_CHECKOUT else NO_CHAPTERS
        click.echo(f"mempaper: {error}. {hint}.", err=True)
        sys.exit(2)
    except expected as error:
        click.echo(f"mempaper: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        from mempaper.workers import DISK_ERRORS, explained

        if error.errno not in DISK_ERRORS:
            raise
        click.echo(f"mempaper: {explained(error)}", err=True)
        sys.exit(2)
