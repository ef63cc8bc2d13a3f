"""Trainings from the store of runs into the original's folders, and back; see :mod:`.layout`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mempaper.checkpoint import Arrays, load_arrays, same_arrays, save_arrays
from mempaper.experiment import Result
from mempaper.parameters import ConfigError
from mempaper.zhang2024.experiments import QuickAgent
from mempaper.zhang2024.groups import is_extensive, table_labels
from mempaper.zhang2024.layout import (
    OWN,
    Key,
    Run,
    arguments,
    checkpoint_files,
    noise_of,
    read_seed,
    seed_folder,
    settings_of,
    stamps_in,
)
from mempaper.zhang2024.original import ReferenceAgent
from mempaper.zhang2024.selection import CRITERIA, best_row
from mempaper.zhang2024.table_files import (
    Row,
    read_json,
    rows_of,
    table_file,
    write_json,
    write_rows,
)


def export(run: Run, root: Path | str) -> Path:
    """Write a training as the original's folder, one per seed; a second time changes nothing.

    Parameters
    ----------
    run : QuickAgent or ReferenceAgent
        It is trained now if it has no result yet.
    root : path
        It is made if need be.

    Returns
    -------
    Path
        Folder of the first seed.

    Raises
    ------
    ConfigError
        A folder holds another run.
    """
    result, root = run.result(), Path(root)
    made = {name: value for name, value in result.provenance.items() if name not in OWN}
    stamp = stamp_of(made)
    singles = [run.replace(seed=run.seed + k, n_seeds=1) for k in range(run.n_seeds)]
    parts = [
        {name: array[k : k + 1] for name, array in result.arrays.items()} for k in range(run.n_seeds)
    ]
    for single, arrays in zip(singles, parts, strict=True):
        _check_free(seed_folder(root, single), stamp, single, arrays)
        for labels in ("gain", "perturbation"):
            _check_table_free(_table_of(root, single, labels), stamp, single)
    for single, arrays in zip(singles, parts, strict=True):
        _export_one(single, arrays, made, stamp, root)
    return seed_folder(root, singles[0])


def _export_one(run: Run, arrays: Arrays, made: dict[str, Any], stamp: str, root: Path) -> None:
    folder = seed_folder(root, run)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{stamp}_arg.json", arguments(run))
    for (episode, first_phase), weights in _checkpoints(run, arrays):
        name = f"{stamp}-{episode}{'_pre' * first_phase}.safetensors"
        sidecar = {"kind": "checkpoint", "config": run.config(), "trial": episode}
        _put(folder / name, weights, sidecar)
    validation = _validation_rows(run, arrays)
    if validation:
        write_rows(folder / f"{stamp}.csv", validation)
    sidecar = {"kind": "result", **arguments(run), **made}
    _put(folder / f"{stamp}-result.safetensors", arrays, sidecar)
    rows = table_rows(run, arrays)
    if isinstance(run, QuickAgent) and run.recipe_in_use().keep_best:
        rows = [r for r in rows if r["episode"] < _last_trial(run, arrays)]  # of other weights
    for labels in ("gain", "perturbation"):
        path, own = _table_of(root, run, labels), [r for r in rows if r["task"].startswith(labels)]
        if own and not path.exists():
            settings = settings_of(run, stamp, _test_trials(run), run.process_noise)
            write_json(path.with_suffix(".json"), settings)
            write_rows(path, own)


def stamp_of(provenance: Mapping[str, Any]) -> str:
    """Begin of all file names of a training: when it was done."""
    return datetime.fromisoformat(provenance["date"]).strftime("%Y%m%d-%H%M%S")


def _put(path: Path, arrays: Arrays, sidecar: dict[str, Any]) -> None:
    """Write arrays unless they are there already."""
    there = path.exists() and path.with_suffix(".json").exists()
    if not (there and same_arrays(load_arrays(path), arrays)):
        save_arrays(path, arrays, sidecar)


def _checkpoints(run: Run, arrays: Arrays) -> Iterator[tuple[Key, Arrays]]:
    """Weights of all checkpoints that there are: of a shipped training those within its result."""
    last = {n.removeprefix("weights/"): a[0] for n, a in arrays.items() if n.startswith("weights/")}
    if isinstance(run, QuickAgent):
        yield (_last_trial(run, arrays), False), last
        return
    found = checkpoint_files(run.checkpoints(run.seed))
    if found:
        for key, path in found.items():
            yield key, load_arrays(path)
        return
    known: dict[Key, Arrays] = {}
    for criterion in CRITERIA:
        prefix = f"selected/{criterion}/"
        weights = {n.removeprefix(prefix): a[0] for n, a in arrays.items() if n.startswith(prefix)}
        row = best_row(np.asarray(arrays["table"][0]), table_labels(run), criterion) if weights else None
        if row is not None:
            known[(row + 1) * run.validate_every - 1, False] = weights
    if last and int(arrays["phase"][0]) > 1:
        known[run.total_trials - 1, False] = last
    yield from sorted(known.items())


def _last_trial(run: QuickAgent, arrays: Arrays) -> int:
    """How many trials an agent has seen when its training ends."""
    recipe = run.recipe_in_use()
    return int(arrays["trials"][0][0]) + recipe.rounds * recipe.trials_per_round


def _test_trials(run: Run) -> int:
    """Trials per condition in the evaluations of a training."""
    kind = run.recipe_in_use() if isinstance(run, QuickAgent) else run.schedule()
    return kind.test_trials


def _table_of(root: Path, run: Run, labels: str) -> Path:
    noise = noise_of(run)
    return table_file(root, run.architecture, noise, run.seed, labels, is_extensive(run))


def table_rows(run: Run, arrays: Arrays) -> list[Row]:
    """Rows of the evaluations in the course of a training."""
    table = np.asarray(arrays["table"][0])
    if isinstance(run, ReferenceAgent):
        episodes = run.validate_every * np.arange(1, len(table) + 1) - 1
    else:
        episodes = np.asarray(arrays["trials"][0])
    return rows_of(table, episodes.tolist(), table_labels(run))


def _validation_rows(run: Run, arrays: Arrays) -> list[Row]:
    """Rows of the second phase's validations; the quick recipe has none."""
    if isinstance(run, QuickAgent):
        return []
    table = np.asarray(arrays["validation"][0])
    episodes = run.validate_every * np.arange(1, len(table) + 1) - 1
    labels = [f"gain{gain:g}x" for gain in run.schedule().validation_gains]
    return rows_of(table, episodes.tolist(), labels)


def _check_free(folder: Path, stamp: str, run: Run, arrays: Arrays) -> None:
    """Raise ConfigError where a folder holds another run."""
    others = [names[0] for other, names in stamps_in(folder).items() if other != stamp]
    if others:
        raise ConfigError(
            f"{folder} holds another run ({', '.join(others)}), and a folder is for one run: give "
            "another root, or move that run away"
        )
    own = folder / f"{stamp}_arg.json"
    if own.exists():
        there, wanted = read_json(own, "experiment", "version", "config"), arguments(run)
        if there != wanted:
            differ = _differences({**there, **there["config"]}, {**wanted, **wanted["config"]})
            raise ConfigError(
                f"{folder} holds another run, {own.name}, which differs in {differ}: give another root, "
                "or move that run away"
            )
    result = folder / f"{stamp}-result.safetensors"
    if result.exists() and not same_arrays(load_arrays(result), arrays):
        raise ConfigError(
            f"{result} is another result of this very configuration: give another root, or move it away"
        )


def _check_table_free(path: Path, stamp: str, run: Run) -> None:
    """Raise ConfigError where a table is of another run."""
    if not path.exists():
        return
    there = read_json(path.with_suffix(".json"), "stamp", "config")
    if (there["stamp"], there["config"]) != (stamp, run.config()):
        raise ConfigError(f"{path} is the table of another run: give another root, or move it away")


def _differences(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    names = sorted({*there, *wanted} - {"config"})
    return ", ".join(name for name in names if there.get(name) != wanted.get(name))


def adopt(folder: Path | str) -> Result:
    """Put an exported training back into the store of runs, its checkpoints with it.

    Raises
    ------
    ConfigError
        Another version of the experiment made it, or the store has another result already.
    CorruptFileError
        A file is missing, was changed, or is of another run.
    """
    seed = read_seed(folder)
    run = seed.run
    if seed.version != run.version:
        raise ConfigError(
            f"{folder} is of version {seed.version} of {run.paper}/{run.name}, whose results differ "
            f"from those of version {run.version}: train it again"
        )
    exported = seed.result()
    result = run.adopt(exported.arrays, exported.provenance)
    if isinstance(run, ReferenceAgent):
        own = run.checkpoints(run.seed)
        for (episode, first_phase), path in seed.checkpoints.items():
            sidecar = {"kind": "checkpoint", "config": run.config(), "trial": episode}
            _put(own / f"{episode}{'_pre' * first_phase}.safetensors", load_arrays(path), sidecar)
    return result
