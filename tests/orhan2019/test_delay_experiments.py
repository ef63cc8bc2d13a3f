"""Configurations: what they refuse, what they share, and the networks that they stand for."""

import warnings

import numpy as np
import pytest
import torch

from mempaper.checkpoint import ResumePoint, load_arrays
from mempaper.ensemble import member_generators
from mempaper.orhan2019 import evaluation, experiments, groups
from mempaper.orhan2019.experiments import DelayLearning, quick_iterations
from mempaper.orhan2019.gated import GatedNetworks
from mempaper.orhan2019.sequentiality import sequentiality
from mempaper.orhan2019.task import TASKS, DelayTask, Geometry
from mempaper.orhan2019.training import TEST_STREAM, DivergedError, Trainer
from mempaper.parameters import ConfigError
from mempaper.progress import silent

TINY = {
    "lambda0": (0.9,),
    "sigma0": (0.0, 0.4),
    "n_seeds": 2,
    "hidden_size": 8,
    "stimulus_steps": 3,
    "delay_steps": 6,
    "response_steps": 4,
    "readout": 2,
    "tethered_readout": 3,
    "iterations": 5,
    "report_every": 2,
    "batch_size": 5,
    "learning_rate": 1e-2,
    "test_trials": 120,
    "index_trials": 20,
}


def tiny(**changes):
    return DelayLearning.checked(**{**TINY, **changes})


def same(found, expected, atol=0.0):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape, name
        assert np.allclose(found[name], array, rtol=0, atol=atol, equal_nan=True), name


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": 9}, r"Unknown task code 9. Allowed: 0 = DE-1, 1 = DE-2, .*8 = COMP"),
        ({"task": "CO"}, r"Unknown task 'CO'. Did you mean '(COMP|CD)"),
        ({"task": 5}, "code 5 is DE-1 with variable delays: task DE1, condition vardelay"),
        ({"first_task": "compare"}, "Unknown task 'COMPARE'"),
        (
            {"condition": "varied"},
            "condition is 'varied': Input should be 'basic', 'tethered', 'dynamic'",
        ),
        (
            {"model": "lstm"},
            "model is 'lstm': Input should be 'leinit', 'hebbian', 'orthogonal' or 'gru'",
        ),
        ({"lambda0": 1.2}, r"lambda0 is .*1.2.*: 1.2 is not in \[0, 1\]"),
        ({"lambda0": (0.9, -0.1)}, r"-0.1 is not in \[0, 1\]"),
        ({"sigma0": -0.1}, "-0.1 is below 0"),
        ({"rho": (0, -1e-3)}, "-0.001 is below 0"),
        ({"rho": float("nan")}, "rho: finite number|finite number"),
        ({"sigma0": float("inf")}, "finite number"),
        ({"gamma": -1}, "gamma is -1"),
        ({"sigma0": ()}, "give at least one value"),
        ({"lambda0": ""}, "give at least one value"),
        ({"sigma0": "some"}, "valid number"),
        ({"lambda0": (0.9, 0.9)}, "a value is given twice"),
        ({"task": "SINE", "condition": "dynamic"}, "dynamic condition is not defined for the task Sine"),
        (
            {"task": "SINE", "condition": "vardelay"},
            "vardelay condition is not defined for the task Sine",
        ),
        ({"task": 3, "condition": "vardelay"}, "vardelay condition is not defined for the task CD2"),
        ({"model": "hebbian", "condition": "vardelay"}, "Hebbian term is not defined for variable"),
        ({"model": "orthogonal"}, "an orthogonal start has no sigma0: give 0"),
        ({"first_task": "DE1"}, "first_task DE1 and task 2AFC need to be different, with as many"),
        ({"first_task": "2AFC"}, "first_task 2AFC and task 2AFC need to be different"),
        ({"task": "DE1", "first_task": "DE2"}, "two of 2AFC, CD and COMP, for example"),
        ({"readout": 5}, "readout and tethered_readout are at most response_steps, 4"),
        ({"tethered_readout": 5}, "at most response_steps, 4"),
        ({"readout": 0}, "readout is 0: Input should be greater than or equal to 1"),
        ({"hidden_size": 1}, "hidden_size is 1"),
        ({"iterations": 0}, "iterations is 0"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"gradient_clip": 0}, "gradient_clip is 0"),
        ({"norm_clip": -1}, "norm_clip is -1"),
        ({"test_trials": 0}, "test_trials is 0"),
        ({"sigma_val": 0.1}, "Unknown parameter 'sigma_val'. Did you mean 'sigma0'"),
    ],
)
def test_impossible_configurations_are_refused_before_anything_is_trained(runs, fields, message):
    with pytest.raises(ConfigError, match=message):
        tiny(**fields)
    assert not runs.exists()


@pytest.mark.parametrize("mode", ["smoke", "fast", "full"])
def test_impossible_parameters_of_a_chapter_are_refused(runs, mode):
    for fields in (
        {"task": "DE9"},
        {"task": 5},
        {"lambda0": 2},
        {"task": "SINE", "condition": "dynamic"},
    ):
        with pytest.raises(ConfigError):
            DelayLearning.preset(mode, **fields)
    assert not runs.exists()


def test_defaults_are_the_paper_s():
    full = DelayLearning.preset("full")
    assert full.geometry == Geometry(25, 100, 25)
    assert (full.hidden_size, full.iterations, full.report_every) == (500, 25_001, 500)
    assert (full.batch_size, full.learning_rate, full.gradient_clip) == (50, 5e-4, 100)
    assert (full.norm_clip, full.readout, full.tethered_readout, full.success) == (None, 5, 10, 0.5)
    assert len(full.points()) == 100
    assert full.points()[1] == (0.82, 0.0, 0.0)  # lambda0 changes fastest
    assert full.points()[-1] == (0.98, 0.4025, 0.0)
    assert full.effective_gamma == 0
    assert full.replace(model="hebbian").effective_gamma == 7e-4
    assert full.schedule().n_reports == 51


def test_the_quick_recipe():
    fast = DelayLearning.preset("fast", task="CD", model="hebbian")
    assert fast.geometry == Geometry(5, 20, 5)
    assert (fast.hidden_size, fast.iterations, fast.report_every) == (64, 1200, 60)
    assert (fast.gradient_clip, fast.norm_clip, fast.read_at) == (None, 1.0, 2)
    assert fast.effective_gamma == pytest.approx(7e-4 * 500 / 64)
    assert fast.points() == [(0.98, 0.0, 0.0), (0.98, 0.2, 0.0), (0.98, 0.4, 0.0)]
    assert fast.start_network().n_members == 18
    assert fast.replace(condition="tethered", model="leinit").read_at == 4
    assert DelayLearning.preset("fast", iterations=40).report_every == 2
    assert DelayLearning.preset("fast", iterations=40, report_every=7).report_every == 7
    for task in (*TASKS, "CD2"):
        smoke = DelayLearning.preset("smoke", task=task)
        assert 4 <= smoke.iterations <= 40
        assert smoke.iterations < quick_iterations(task, "fast") / 20
        assert smoke.schedule().n_reports >= 5


def test_success_in_sine_needs_five_times_less():
    assert DelayLearning.preset("fast", task="SINE").limit == pytest.approx(0.16)
    assert DelayLearning.preset("full", task="DE1").limit == 0.5


def test_tasks_and_values_can_be_given_in_several_ways():
    one = tiny(task="CD", lambda0=(0.9,), sigma0=(0.0, 0.4))
    for fields in (
        {"task": 2, "lambda0": 0.9, "sigma0": [0, 0.4]},
        {"task": "cd", "lambda0": "0.9", "sigma0": "0, 0.4"},
        {"task": "2", "lambda0": "[0.9]", "sigma0": "(0.0, 0.4)"},
    ):
        assert tiny(**fields).key() == one.key()
    assert tiny(task="Sine").task == "SINE"
    assert tiny(task="de-1", first_task=None).task == "DE1"
    assert tiny(first_task="8").first_task == "COMP"


def test_networks_are_named_by_what_distinguishes_them():
    config = tiny(task="DE1", rho=(0, 1e-3), seed=7)
    names = config.names()
    assert len(names) == len(set(names)) == config.start_network().n_members == 8
    assert names[-1] == "DE1 with lambda0 0.9, sigma0 0.4, rho 0.001, seed 8"
    assert names[0] == "DE1 with lambda0 0.9, sigma0 0, rho 0, seed 7"


def test_members_begin_as_their_point_says():
    config = tiny(lambda0=(0.5, 0.9), sigma0=(0.0, 0.4))
    net = config.start_network()
    for member in range(8):
        lambda0, sigma0, _ = config.points()[member // 2]
        w = net.W_hh[member].detach()
        assert torch.allclose(w.diagonal(), torch.tensor(lambda0))
        assert bool((w - torch.diag(w.diagonal())).any()) == (sigma0 > 0)
        assert torch.equal(net.W_in[member], net.W_in[member % 2])  # by seed
    assert isinstance(tiny(model="gru").start_network(), GatedNetworks)


# Trained networks


@pytest.fixture
def large(monkeypatch):
    """Has every network trained by itself, in this process."""

    def one_after_another(runs, report):
        return [run.result() for run in runs]

    monkeypatch.setattr(experiments, "members_together", lambda units, batch_size: 1)
    monkeypatch.setattr("mempaper.experiment.side_by_side", one_after_another)


KINDS = {
    "basic": {},
    "estimates": {"task": "DE2", "rho": (0.0, 1e-3), "sigma0": 0.4},
    "sine": {"task": "SINE", "condition": "tethered"},
    "variable delays": {"task": "CD", "condition": "vardelay", "norm_clip": 1.0},
    "moving bump": {"task": "GDE", "condition": "dynamic", "gradient_clip": None},
    "hebbian": {"model": "hebbian", "gamma": 1e-4},
    "orthogonal": {"model": "orthogonal", "sigma0": 0.0},
    "gated": {"model": "gru", "task": "COMP"},
}


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("kind", KINDS)
def test_networks_learn_in_company_what_they_learn_alone(kind):
    config = tiny(seed=3, **KINDS[kind])
    together = config.result().arrays
    step = {name for name in together if name.endswith("/step")}
    for member in range(2 * len(config.points())):
        lambda0, sigma0, rho = config.points()[member // 2]
        alone = config.replace(
            lambda0=lambda0, sigma0=sigma0, rho=rho, seed=3 + member % 2, n_seeds=1
        ).result()
        shared = step | {"delay"}
        own = {n: a if n in shared else a[member : member + 1] for n, a in together.items()}
        same(alone.arrays, own, 1e-5)


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    "changes", [{}, {"task": "CD", "condition": "vardelay"}, {"task": "COMP", "first_task": "2AFC"}]
)
def test_large_networks_are_trained_in_several_processes_with_the_same_result(
    runs, monkeypatch, request, changes
):
    together = tiny(**changes).result()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "elsewhere"))
    request.getfixturevalue("large")
    trained = []
    plain = Trainer.run

    def run(self, *arguments):
        trained.extend(self.names)
        return plain(self, *arguments)

    monkeypatch.setattr(Trainer, "run", run)
    same(tiny(**changes).result().arrays, together.arrays, 1e-5)
    assert len(trained) == len(set(trained))  # none was trained twice
    assert len(trained) == (8 if "first_task" in changes else 4)


def test_side_by_side_in_processes(runs, monkeypatch):
    together = tiny(n_seeds=1).result()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "elsewhere"))
    monkeypatch.setattr(experiments, "members_together", lambda units, batch_size: 1)
    apart = tiny(n_seeds=1)
    assert len(apart.parts()) == 2
    same(apart.result().arrays, together.arrays, 1e-5)
    assert not list(apart.folder().glob("resume*"))


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("apart", [False, True])
def test_one_network_that_explodes_does_not_end_the_others(request, capsys, apart):
    calm = tiny(sigma0=0.0, hidden_size=8).result()
    if apart:
        request.getfixturevalue("large")
    config = tiny(sigma0=(0.0, 1e30))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own = config.trained()
    assert (own.result["diverged"][:2] == -1).all()
    assert (own.result["diverged"][2:] >= 0).all()
    assert np.allclose(own.infloss[0], calm["infloss"], atol=1e-5)
    assert not own.passed[1].any()
    assert np.isnan(own.mean()[1]).all()
    assert "Stopped 2AFC with lambda0 0.9, sigma0 1e+30, rho 0, seed 1" in capsys.readouterr().out


@pytest.mark.usefixtures("runs", "large")
def test_steps_of_the_optimiser_are_not_those_of_a_network_that_exploded():
    result = tiny(sigma0=(1e30, 0.0)).result()
    assert (result["diverged"] >= 0).tolist() == [True, True, False, False]
    assert (result["moments/W_hh/step"] == 5).all()


@pytest.mark.usefixtures("runs", "large")
def test_if_all_large_networks_explode_the_error_names_them():
    config = tiny(task="DE1", learning_rate=1e30)
    for _ in range(2):  # the second time from the cache
        with pytest.raises(DivergedError) as caught:
            config.result()
        assert all(name in str(caught.value) for name in config.names())
    one = config.parts()[0]
    assert (one.result()["diverged"] >= 0).all()
    with pytest.raises(DivergedError, match="seed 0"):
        one.replace().result()  # the same network, asked for by itself


def test_if_all_explode_the_error_names_them_and_where_their_state_is(runs, monkeypatch):
    monkeypatch.setattr(DelayLearning, "resume_every", 0)
    config = tiny(task="DE1", learning_rate=1e30)
    with pytest.raises(DivergedError) as caught:
        config.result()
    for name in config.names():
        assert name in str(caught.value)
    (kept,) = runs.rglob("resume")
    assert str(kept) in str(caught.value)
    assert int(ResumePoint(kept).load()["done"]) <= 1


class KilledError(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("n", [1, 3, 5, 6, 8, 10])
def test_an_interrupted_run_goes_on_where_it_was(runs, monkeypatch, n):
    """Five updates of the first task, five of the second."""
    fields = {"task": "COMP", "first_task": "2AFC"}
    unbroken = tiny(**fields).result()
    monkeypatch.setenv("MEMPAPER_RUNS", str(runs / "elsewhere"))
    monkeypatch.setattr(DelayLearning, "resume_every", 0)
    plain, updates = Trainer.update, []

    def update(self, iteration):
        updates.append((self.task.name, iteration))
        if len(updates) == n:
            raise KilledError
        return plain(self, iteration)

    monkeypatch.setattr(Trainer, "update", update)
    with pytest.raises(KilledError):
        tiny(**fields).result()
    config = tiny(**fields)
    same(config.result().arrays, unbroken.arrays)
    assert len(updates) == 11  # none was repeated but the one that was interrupted
    assert not list(runs.rglob("resume*"))


@pytest.mark.usefixtures("runs")
def test_a_second_task_goes_on_from_the_first_s_networks():
    config = tiny(task="COMP", first_task="2AFC")
    first = config.first_stage()
    assert first.config() == tiny(task="2AFC").config()
    alone, after = tiny(task="COMP").result(), config.result()
    assert first.result().provenance["origin"] == "cache"
    assert not np.allclose(after["weights/W_hh"], alone["weights/W_hh"], atol=1e-3)
    assert (after["moments/W_hh/step"] == 10).all()
    moved = np.abs(after["weights/W_in"] - first.result()["weights/W_in"])
    assert 0 < moved.max() < 10 * 5 * 1e-2


def test_by_the_quick_recipe_each_task_has_its_iterations():
    config = DelayLearning.preset("fast", task="CD", first_task="2AFC")
    assert (config.iterations, config.first_stage().iterations) == (1200, 400)
    full = DelayLearning.preset("full", task="CD", first_task="2AFC")
    assert full.first_stage().iterations == full.iterations == 25_001


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("fields", [{}, {"condition": "vardelay"}, {"task": "DE1", "model": "gru"}])
def test_trained_networks_are_those_of_the_result(fields):
    config = tiny(**fields)
    own = config.trained()
    assert own.provenance["config"] == config.config()
    assert own.points == config.points()
    assert own.infloss.shape == own.passed.shape == own.mean().shape == (2, 2)
    assert own.limit == 0.5
    assert own.readout == 2
    for name, weights in own.network.state_dict().items():
        assert np.array_equal(weights.numpy(), own.result[f"weights/{name}"])
    (rng,) = member_generators(0, 1, TEST_STREAM)
    again = evaluation.run_test(own.network, own.task, rng, readout=2, n_trials=120, n_index=20)
    same({name: own.result[name] for name in again}, again, 1e-6)
    assert config.result().provenance["origin"] == "cache"
    assert config.result()["loss"].shape == (4, 5)
    assert config.result()["index_over_time"].shape == (4, 3)


def test_a_test_s_index_is_of_its_first_trials():
    task = DelayTask("CD", "vardelay", Geometry(3, 6, 4))
    net = tiny(task="CD").start_network()
    draw = np.random.default_rng
    found = evaluation.run_test(net, task, draw(0), readout=2, n_trials=130, n_index=70)
    trials = task.sample(130, draw(0))
    h, y = evaluation.respond(net, trials)
    asked, best = evaluation.ideal_for(task, trials, 2)
    assert found["index"].shape == found["n_active"].shape == (4, 70)
    assert np.array_equal(found["delay"], trials.stimuli.delay[:70])
    for m in range(4):
        expected = sequentiality(h[m, :70])
        assert np.allclose(found["index"][m], expected.index, equal_nan=True)
        assert np.allclose(found["ridge"][m], expected.ridge, equal_nan=True)
        loss = evaluation.information_loss("CD", asked, best, y[m, :, -2])
        assert found["infloss"][m] == pytest.approx(loss)


@pytest.mark.usefixtures("runs")
def test_index_trials_are_at_most_the_test_s():
    assert tiny(test_trials=7, index_trials=20).result()["index"].shape == (4, 7)


@pytest.mark.usefixtures("runs")
def test_tests_in_parts_use_all_trials(monkeypatch):
    monkeypatch.setattr(evaluation, "TRIALS_AT_ONCE", 30)
    result = tiny(index_trials=75).result()
    assert result["index"].shape == (4, 75)
    assert result["delay"].shape == (75,)
    assert np.isfinite(result["infloss"]).all()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.usefixtures("runs")
def test_what_is_shipped_has_no_moments_and_large_networks_half_the_digits(tmp_path, monkeypatch, large):
    monkeypatch.setattr("mempaper.experiment.data_folder", lambda: tmp_path / "data")
    config = tiny()
    result = config.result()
    if large:
        monkeypatch.setattr(experiments, "LARGE", 8)
    arrays = load_arrays(config.ship())
    assert not any(name.startswith("moments/") for name in arrays)
    assert set(result.arrays) - set(arrays) == {n for n in result.arrays if n.startswith("moments/")}
    for name, array in arrays.items():
        weights = name.startswith(("weights/", "loss"))
        assert (array.dtype == torch.float16) == (large and weights), name
        assert np.allclose(array.numpy(), result[name], atol=2e-3 if large else 0, equal_nan=True), name
    shipped = config.trained()
    assert shipped.provenance["origin"] == "shipped"
    assert shipped.network.W_hh.dtype == torch.float32
    assert np.array_equal(shipped.infloss, result["infloss"].reshape(2, 2))
    with pytest.raises(ConfigError, match="without Adam's moments"):
        tiny(task="CD", first_task="2AFC").result()


# Groups


def test_groups_share_networks():
    base = DelayLearning.preset("fast")
    basic = groups.basic(base)
    assert list(basic) == list(TASKS)
    assert basic["2AFC"].key() == base.key()
    assert basic["CD"].key() == DelayLearning.preset("fast", task="CD").key()
    assert basic["SINE"].n_seeds == 10
    assert len({config.key() for config in basic.values()}) == 7
    assert groups.on(basic["CD"], "2AFC").key() == base.key()  # from whichever task one begins
    changed = groups.on(base, "CD", condition="vardelay")
    assert (changed.n_seeds, changed.iterations) == (3, 1200)
    assert groups.on(base, "2AFC", model="hebbian").n_seeds == 6
    for (first, then), config in groups.transfers(base).items():
        assert (config.task, config.first_task) == (then, first)
        assert config.iterations == basic[then].iterations
        assert config.first_stage().iterations == basic[first].iterations
    grid = groups.grid(base, "DE1")
    assert len(grid.points()) == 16
    assert grid.n_seeds == 1
    decayed = groups.decayed(base, "2AFC")
    assert len(decayed.points()) == 10
    assert (decayed.n_seeds, groups.decayed(base, "DE1").n_seeds) == (3, 1)


def test_groups_at_the_paper_s_setting():
    base = DelayLearning.preset("full")
    assert not base.is_quick
    assert all(config.iterations == 25_001 for config in groups.basic(base).values())
    assert all(config.n_seeds == 1 for config in groups.basic(base).values())
    assert groups.grid(base, "2AFC").key() == base.key()
    assert groups.on(base, "CD", condition="vardelay").n_seeds == 1
    few = DelayLearning.preset("full", iterations=2001, lambda0=0.98, sigma0=[0, 0.09])
    assert few.points() == [(0.98, 0.0, 0.0), (0.98, 0.09, 0.0)]
    assert groups.on(few, "DE1").iterations == 2001


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("task", TASKS)
def test_every_task_trains_in_smoke_mode(task):
    own = DelayLearning.preset("smoke", task=task, n_seeds=1, sigma0=0.2, test_trials=60).trained()
    assert np.isfinite(own.infloss).all()
    assert own.passed.all()


def test_nothing_is_reported_while_members_train_alone(runs):
    told = []
    tiny().train(ResumePoint(), lambda *now: told.append(now))
    assert told == [(n, 5) for n in range(1, 6)]
    tiny().train(ResumePoint(), silent)
    assert not runs.exists()
