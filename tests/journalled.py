"""A training that keeps a journal and can be made to wait, for tests of faults.

``FAULTS_FOLDER`` names a folder: trainings append what they do to its file ``journal``. With
``FAULTS_HOLD`` they wait after that epoch until the folder has a file ``go``. ``FAULTS_CLOCK`` is by how
many seconds the clock of :func:`main` is wrong.
"""

import os
import time
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import Field

from mempaper.experiment import Experiment

PATIENCE = 180.0  # seconds; only what never comes is waited for so long


class Entry(NamedTuple):
    event: str  # start | epoch | held | end
    key: str
    pid: int
    epoch: int


def until(condition, what):
    """Wait for a condition, however slow the machine is."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


def note(event, key, epoch):
    """Append one line; lines of several processes do not mix."""
    line = f"{event} {key} {os.getpid()} {epoch}\n"
    file = os.open(f"{os.environ['FAULTS_FOLDER']}/journal", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.write(file, line.encode())
    os.close(file)


def entries(event=None, run=None):
    """What the journal holds, of one kind and of one run if they are given."""
    file = Path(os.environ["FAULTS_FOLDER"], "journal")
    lines = file.read_text().splitlines() if file.exists() else []
    words = (line.split() for line in lines)
    found = [Entry(event, key, int(pid), int(epoch)) for event, key, pid, epoch in words]
    return [e for e in found if event in (None, e.event) and (run is None or e.key == run.key())]


class Journalled(Experiment):
    """Walks at random, and writes a resume point after every epoch."""

    paper: ClassVar[str] = "tests"
    name: ClassVar[str] = "journalled"
    resume_every: ClassVar[float] = 0.0

    n_epochs: int = Field(5, description="steps of the walks")
    size: int = Field(20_000, description="of one walk; decides how much room it needs")

    def train(self, resume, report):
        def told(done, total):
            report(done, total)
            note("epoch", self.key(), done)
            if done == int(os.environ.get("FAULTS_HOLD", 0)):
                note("held", self.key(), done)
                until(Path(os.environ["FAULTS_FOLDER"], "go").exists, "the file go")

        state = resume.load()
        note("start", self.key(), 0 if state is None else int(state["done"]))
        arrays = self.walk(resume, told)
        note("end", self.key(), self.n_epochs)
        return arrays

    def walk(self, resume, report):
        """As other experiments train."""
        state = resume.load() or {"done": torch.tensor(0), "walks": torch.zeros(self.n_seeds, self.size)}
        walks = state["walks"].numpy()
        for epoch in range(int(state["done"]), self.n_epochs):
            rng = np.random.default_rng([self.seed, epoch])
            walks = np.sin(walks) + rng.normal(size=walks.shape).astype(np.float32)
            report(epoch + 1, self.n_epochs)
            if resume.due():
                resume.save({"done": torch.tensor(epoch + 1), "walks": torch.as_tensor(walks)})
        return {"walks": walks}


def main():
    """The command ``mempaper`` of a machine with two cores, with the experiment above alone."""
    from mempaper import catalogue, cli, workers  # which the processes that train do without

    catalogue.experiments = lambda: {"tests/journalled": Journalled}
    catalogue.groups = dict
    workers.available_cores = lambda: 2
    right, wrong_by = time.time, float(os.environ.get("FAULTS_CLOCK", 0))
    time.time = lambda: right() + wrong_by
    cli.main()
