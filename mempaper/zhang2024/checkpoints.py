"""Evaluation of all checkpoints of a training (section 7.3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mempaper.parameters import ConfigError
from mempaper.progress import Report, silent
from mempaper.zhang2024.groups import DEFAULT_NOISE, is_extensive
from mempaper.zhang2024.layout import Seed, noise_of, read_seed, settings_of
from mempaper.zhang2024.quick import Tester
from mempaper.zhang2024.table_files import (
    Row,
    labels_of,
    pair_name,
    read_json,
    read_rows,
    rows_of,
    table_file,
    task_of,
    write_json,
    write_rows,
)


def evaluate(
    seed: Seed | Path | str,
    testing_task: str = "gain",
    *,
    noise: tuple[float, float] | None = None,
    extensive: bool | None = None,
    n_trials: int | None = None,
    root: Path | str | None = None,
    again: bool = False,
    original_noise: bool = False,
    report: Report = silent,
) -> Path:
    """Test every checkpoint after the first phase on the same trials, with all noise.

    Targets, perturbations and noise are the same for all agents and checkpoints, whatever their order.
    The table is written after each checkpoint; one that was broken off goes on where it was.

    Parameters
    ----------
    seed : Seed or path
        The training, or its folder.
    testing_task : str
        gain, gain_control, perturb or perturb_control.
    noise : (float, float), optional
        Process and observation noise; they can only be those of the training.
    extensive : bool, optional
        Gains 1 to 4 and large perturbations; by default as the training was.
    n_trials : int, optional
        Per condition; by default as in a table of this training that is there, else 500, extensive 300.
    root : path, optional
        Folder of all agents, below which the table goes; by default the one that the seed lies in.
    again : bool
        Begin a new table where there is one.
    original_noise : bool
        For perturb_control, the process noise is .2 as in the original (pitfall P11).
    report : callable (done, total), optional
        Told after each checkpoint.

    Returns
    -------
    Path
        The table.

    Raises
    ------
    ConfigError
        Training and testing task, or the noises, do not fit; there is no checkpoint to evaluate; or a
        table was made in another way.
    """
    if not isinstance(seed, Seed):
        seed = read_seed(seed)
    run, own = seed.run, noise_of(seed.run)
    labels_begin = labels_of(testing_task, task_of(own))
    if noise is not None and noise != own:
        raise ConfigError(
            f"{seed.name} was trained in the noises {pair_name(own)}, and is tested in them; asked for "
            f"{pair_name(noise)}"
        )
    if not seed.episodes:
        raise ConfigError(f"{seed.name} has no checkpoint after the first phase ({seed.folder})")
    extensive = is_extensive(run) if extensive is None else extensive
    if n_trials is not None and n_trials < 1:
        raise ConfigError(f"n_trials is {n_trials}; a condition needs at least one trial")
    where = Path(root) if root is not None else seed.root
    if where is None:
        raise ConfigError(f"{seed.folder} does not lie as the layout says: give the root of the table")
    conditions = run.conditions()
    if original_noise:
        if testing_task != "perturb_control":
            raise ConfigError(f"original_noise is for perturb_control; testing task {testing_task}")
        process = DEFAULT_NOISE[0]
        conditions = replace(conditions, process_noise=(process, process))
    path = table_file(where, run.architecture, own, run.seed, labels_begin, extensive)
    if n_trials is None:
        n_trials = None if again else _number_before(path)
        n_trials = n_trials or (300 if extensive else 500)
    settings = settings_of(run, seed.stamp, n_trials, conditions.process_noise[0])
    rows = [] if again else _kept(path, settings)
    tester = Tester(run.world(), conditions, n_trials, extensive=extensive)
    labels = [label for label in tester.labels if label.startswith(labels_begin)]
    tested = {(row["episode"], row["task"]) for row in rows}
    left = [e for e in seed.episodes if not all((e, label) in tested for label in labels)]
    if again:
        path.unlink(missing_ok=True)
    write_json(path.with_suffix(".json"), settings)
    for k, episode in enumerate(left):
        new = rows_of(tester.table(seed.agent(episode), labels)[None], [episode], labels)
        rows = sorted([*(r for r in rows if r["episode"] != episode), *new], key=_episode)
        write_rows(path, rows)
        report(k + 1, len(left))
    return path


def _episode(row: Row) -> int:
    return int(row["episode"])


def _number_before(path: Path) -> int | None:
    """Trials per condition in a table that is there."""
    beside = path.with_suffix(".json")
    there = read_json(beside).get("n_trials") if path.exists() and beside.exists() else None
    return there if isinstance(there, int) else None


def _kept(path: Path, settings: dict[str, object]) -> list[Row]:
    """Rows that are there already; ConfigError if they were made in another way."""
    if not path.exists():
        return []
    beside = path.with_suffix(".json")
    if not beside.exists():
        raise ConfigError(f"{path} lacks {beside.name}, which says how it was made: remove it")
    there = read_json(beside)
    differ = [name for name in settings if there.get(name) != settings[name]]
    if differ:
        was = ", ".join(f"{n} {there.get(n)}" for n in differ if n != "config") or "another training"
        raise ConfigError(f"{path} was made with {was}: begin it --again, or remove it")
    return read_rows(path)


def best(rows: list[Row]) -> tuple[int, float]:
    """The earliest checkpoint with the largest reward rate, summed over the labels, and that sum."""
    sums: dict[int, float] = {}
    for row in rows:
        sums[row["episode"]] = sums.get(row["episode"], 0.0) + row["reward_rate"]
    episode = max(sorted(sums), key=lambda e: sums[e])
    return episode, sums[episode]
