"""A chapter checks its parameters, judges its claims, and says where its numbers are from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from IPython.display import display

from mempaper import claims, plots, provenance, records, tables, timings
from mempaper.catalogue import papers
from mempaper.experiment import Experiment
from mempaper.parameters import MODES, ConfigError, Mode, check_mode, check_names

E = TypeVar("E", bound=Experiment)
ALWAYS = ("mode", "seed", "n_seeds")
_IPYTHON = ("In", "Out", "exit", "quit", "get_ipython", "open")
_checked: dict[str, Mapping[str, Any]] = {}  # by chapter: globals that had no unknown name at first


def given_parameters(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values among a notebook's global names: its parameters, declared or injected."""
    plain = (str, int, float, bool, list, tuple, dict, type(None))
    return {
        name: value
        for name, value in namespace.items()
        if not name.startswith("_") and name not in _IPYTHON and isinstance(value, plain)
    }


class HasProvenance(Protocol):
    """A Result, or what was made of one."""

    @property
    def provenance(self) -> dict[str, Any]:
        """Configuration, seeds, commit, versions, device, seconds and origin."""


class Chapter(Generic[E]):
    """A chapter under given parameters.

    Parameters
    ----------
    name : str
        ``paper/figure``.
    namespace : mapping
        ``globals()`` of the notebook, right after its parameters cell. At first every plain value in
        it is taken for a parameter, so that a misspelt one, which papermill injects with no more than
        a warning, is refused here. When the cells are run again, those below have left values of
        their own, and other names are passed over.
    experiment : type
        The experiment that the chapter trains; it checks the values.
    *knobs : str
        The parameters besides ``mode``, ``seed`` and ``n_seeds``: fields of the experiment.
    own : sequence of str
        Parameters that the chapter handles itself.

    Attributes
    ----------
    mode : Mode
    experiment : Experiment
        The mode's preset with the given parameters.
    """

    def __init__(
        self,
        name: str,
        namespace: Mapping[str, Any],
        experiment: type[E],
        *knobs: str,
        own: Sequence[str] = (),
    ) -> None:
        paper, self.figure = name.split("/")
        check_names([paper], papers(), "paper")
        self.name = name
        allowed = [*ALWAYS, *knobs, *own]
        given = given_parameters(namespace)
        if _checked.get(name) is not namespace:
            check_names(given, allowed)
            _checked[name] = namespace
        self._given = {k: value for k, value in given.items() if k in allowed}
        self.mode: Mode = check_mode(self._given.get("mode"))
        fields = {k: v for k, v in self._given.items() if k != "mode" and k not in own}
        self.experiment: E = experiment.preset(self.mode, **fields)
        usual = experiment.preset(self.mode).config()
        self._preset = {k: v for k, v in usual.items() if k in fields}
        self._own = {c.id: c for c in claims.load(paper).values() if c.figure == self.figure}
        plots.use_style()
        first, n = self.experiment.seed, self.experiment.n_seeds
        seeds = f"seed {first}" if n == 1 else f"seeds {first} to {first + n - 1}"
        not_judged = "; claims are not judged in this mode" if self.mode == "smoke" else ""
        seconds = timings.load().get(name, {})
        measured = ", ".join(f"{m} {timings.describe(seconds.get(m))}" for m in MODES)
        print(f"{name} in {self.mode} mode, {seeds}{not_judged}")
        print(f"measured time on one core: {measured}")

    def judge(self, measured: Mapping[str, Any]) -> None:
        """Show the table of this figure's claims.

        Parameters
        ----------
        measured : mapping
            For each claim of the figure an Estimate, one number per network, or None where this run
            leaves out what the claim is about.
        """
        if not self._own:
            raise ConfigError(f"The ledger has no claims for {self.name}")
        judged = claims.judge(self._own, measured, self.mode)
        about = {
            "seed": self.experiment.seed,
            "n_seeds": self.experiment.n_seeds,
            "parameters": {k: v for k, v in self._given.items() if k not in ("mode", "seed")},
            "preset": self._preset,
            **provenance.here(),
        }
        display(tables.bundle(self.name, self.mode, judged, about), raw=True)

    def footer(self, *results: HasProvenance) -> None:
        """Say of each result where it comes from: configuration, seeds, commit, versions, time.

        The last thing that a chapter does: for programs it also leaves the record of all that was used.
        """
        rows = []
        for p in (result.provenance for result in results):
            first, n = p["config"]["seed"], p["config"]["n_seeds"]
            rows.append(
                f"<code>{p['experiment']}</code> {p['key']} (version {p['version']}), "
                f"{p['origin']}, seeds {first}–{first + n - 1}, {p['seconds']:.3g} s of training "
                f"on {p['device']}, {_made(p)}"
            )
        if not rows:
            rows.append(f"Nothing was trained for this chapter; {_made(provenance.here())}")
        items = "".join(f"<li>{row}</li>" for row in rows)
        shown = f'<ul class="mempaper-provenance">{items}</ul>'
        record = records.of_chapter(self.name, self.mode)
        display({"text/html": shown, records.MIME: record}, raw=True)


def _made(p: Mapping[str, Any]) -> str:
    """When and by what something was made."""
    versions = ", ".join(f"{name} {version}" for name, version in p["versions"].items())
    return f"{p['date']}, commit {p['commit'] or 'unknown'}; {versions}"
