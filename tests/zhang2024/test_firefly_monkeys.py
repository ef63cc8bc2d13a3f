"""Recordings of monkeys: here an agent's trajectories, resampled to 833 Hz."""

import math
import sys

import numpy as np
import pytest
import torch

from mempaper.parameters import ConfigError
from mempaper.zhang2024 import analysis, monkey_pickles, monkeys
from mempaper.zhang2024.monkey_trials import (
    agent_trials,
    gain_sets,
    normal_sets,
    perturbed_sets,
    reintegrated,
    without_generalisation,
)
from mempaper.zhang2024.networks import Sizes
from mempaper.zhang2024.rollout import Agent, run
from mempaper.zhang2024.trials import Conditions, draw_trials
from mempaper.zhang2024.world import GAIN, LINEAR_SCALE, NORMAL_PEAKS, World

WORLD = World()
FULL = np.array([GAIN[0] * LINEAR_SCALE, math.degrees(GAIN[1])])
HELD = 84  # samples per step; a little more than a step, so that times are never on a border
DT = WORLD.dt / HELD


def steer(trials, seed=0):
    """Roll-outs, without noise, that follow the circle to the target for a random time, then stop."""
    generator = torch.Generator().manual_seed(seed)
    x, y = trials.target.T
    bearing = math.pi / 2 - torch.atan2(y, x)
    distance = trials.target.norm(dim=1)
    steps = torch.randint(22, 28, (len(trials),), generator=generator)
    seconds = (steps - 1) * WORLD.dt
    speed = torch.stack([distance * bearing / bearing.sin() / seconds, -2 * bearing / seconds], 1)
    action = (speed / trials.gain).clamp(-1, 1)

    def explore(raw, t, index):
        chosen = torch.where((t < steps[index])[:, None], action[index], torch.zeros(len(index), 2))
        return chosen, chosen

    agent = Agent("Actor1Critic1", Sizes(4, 4, 4, 4), generator)
    noise = torch.zeros(len(trials), WORLD.n_steps, 4)
    return run(agent, WORLD, trials, noise, explore)


def record(rollouts, condition):
    """The columns of a file."""
    steps = rollouts.length.numpy()
    n = steps * HELD
    offsets = np.concatenate([[0], np.cumsum(n)])
    paths = analysis.paths(rollouts)
    times = [np.arange(k) * DT for k in n]

    def trace(values):
        grid = np.arange(values.shape[1]) * WORLD.dt
        pairs = zip(values, steps, times, strict=True)
        return np.concatenate([np.interp(t, grid[:k], row[:k]) for row, k, t in pairs])

    def held(values):
        return np.concatenate([np.repeat(row[:k], HELD) for row, k in zip(values, steps, strict=True)])

    gains = rollouts.trials.gain.numpy() / np.array(GAIN) * FULL
    columns = {
        "target_x": paths.target[:, 0],
        "target_y": paths.target[:, 1],
        "gain_v": gains[:, 0],
        "gain_w": gains[:, 1],
        "pos_x": trace(paths.place[..., 0]),
        "pos_y": trace(paths.place[..., 1]),
        "action_v": held(paths.action[..., 0]),
        "action_w": held(paths.action[..., 1]),
        "time": np.concatenate(times),
        "offsets": offsets,
        "dt": np.array(DT),
    }
    if condition == "normal":
        columns["rewarded"] = rollouts.rewarded.numpy()
    if condition == "perturbation":
        peak = rollouts.trials.peak.numpy() * [LINEAR_SCALE, math.degrees(1)]
        start = rollouts.trials.start.numpy() * WORLD.dt
        profile = np.repeat(WORLD.bump().numpy(), HELD)
        columns |= {
            "perturb_vpeak": peak[:, 0],
            "perturb_wpeak": peak[:, 1],
            "perturb_start_time_ori": start,
            "perturb_start_time": start,
            "perturb_v": np.zeros(offsets[-1]),
            "perturb_w": np.zeros(offsets[-1]),
            "perturb_v_gauss": np.outer(peak[:, 0], profile).ravel(),
            "perturb_w_gauss": np.outer(peak[:, 1], profile).ravel(),
            "offsets_gauss": np.arange(len(peak) + 1) * len(profile),
        }
    return columns


def make_columns(n, seed):
    """Columns of the three files of a subject."""
    generator = torch.Generator().manual_seed(seed)
    quiet = {"process_noise": (0.0, 0.0), "observation_noise": (0.0, 0.0)}
    trials = {
        "normal": draw_trials(n, WORLD, Conditions(**quiet), generator),
        "gain": draw_trials(n, WORLD, Conditions(**quiet), generator),
        "perturbation": draw_trials(n, WORLD, Conditions(peaks=NORMAL_PEAKS, **quiet), generator),
    }
    gain = torch.where(torch.arange(n) % 2 == 0, 2.0, 1.5)  # the later one first
    trials["gain"] = trials["gain"].with_gain(gain)
    rollouts = {name: steer(each, seed) for name, each in trials.items()}
    return {name: record(each, name) for name, each in rollouts.items()}, rollouts


@pytest.fixture(scope="module")
def recorded():
    return {"B": make_columns(40, 1), "S": make_columns(30, 2)}


@pytest.fixture
def folder(recorded, tmp_path):
    for name, (files, _) in recorded.items():
        (tmp_path / name).mkdir()
        for condition, columns in files.items():
            np.savez(tmp_path / name / f"{condition}.npz", **columns)
    return tmp_path


def rewrite(path, drop=(), **changed):
    with np.load(path) as file:
        columns = {name: file[name] for name in file.files if name not in drop}
    np.savez(path, **columns | changed)


def read(path, condition):
    return monkeys.read_recordings(path, condition)


def test_a_folder_is_read_and_what_is_derived_is_added(folder, recorded):
    subjects = monkeys.read_subjects(folder)
    assert [s.name for s in subjects] == ["B", "S"]
    assert [s.name for s in monkeys.read_subjects(folder, names=["B"])] == ["B"]
    normal, rollouts = subjects[0]["normal"], recorded["B"][1]["normal"]
    assert len(normal) == 40
    np.testing.assert_allclose(normal.end, LINEAR_SCALE * rollouts.end.numpy(), atol=1e-2)
    distance = LINEAR_SCALE * rollouts.distance.numpy()
    np.testing.assert_allclose(normal.scalars["relative_radius_end"], distance, atol=1e-2)
    np.testing.assert_array_equal(normal.scalars["rewarded"], rollouts.rewarded.numpy())
    r, theta = normal.scalars["target_r"], np.radians(normal.scalars["target_theta"])
    target = np.stack([r * np.cos(theta), r * np.sin(theta)], 1)
    np.testing.assert_allclose(target, normal.target, atol=1e-9)
    assert normal.path(3).shape == (HELD * int(rollouts.length[3]), 2)


def test_only_what_is_asked_for_is_read(folder):
    (folder / "B" / "gain.npz").unlink()
    assert set(monkeys.read_subjects(folder, ["normal"])[0].recordings) == {"normal"}
    with pytest.raises(ConfigError, match=r"B/gain\.npz is missing"):
        monkeys.read_subjects(folder)


def test_derived_columns_that_are_given_are_kept_and_checked(folder):
    path = folder / "B" / "normal.npz"
    rewrite(path, relative_radius_end=np.full(40, 7.0))
    assert (read(path, "normal").scalars["relative_radius_end"] == 7).all()
    rewrite(path, target_r=np.full(40, 3.0))
    with pytest.raises(ConfigError, match="target_r does not fit target_x and target_y"):
        read(path, "normal")


def test_some_trials_are_the_same_trials(folder):
    all_of_them = read(folder / "B" / "perturbation.npz", "perturbation")
    some = all_of_them[np.array([5, 2, 5])]
    for new, old in enumerate((5, 2, 5)):
        np.testing.assert_array_equal(some.path(new), all_of_them.path(old))
        name = "perturb_w_gauss"
        np.testing.assert_array_equal(some.trace(name, new), all_of_them.trace(name, old))
        np.testing.assert_array_equal(some.peak[new], all_of_them.peak[old])
    np.testing.assert_array_equal(all_of_them[:3].end, all_of_them.end[:3])
    mask = np.arange(40) < 3
    np.testing.assert_array_equal(all_of_them[mask].end, all_of_them.end[:3])


def test_what_is_written_is_read(folder, tmp_path):
    made = read(folder / "S" / "perturbation.npz", "perturbation")
    again = read(monkeys.write_recordings(tmp_path / "new" / "p.npz", made), "perturbation")
    assert again.dt == made.dt
    for group in ("scalars", "traces", "profiles"):
        old, new = getattr(made, group), getattr(again, group)
        assert old.keys() == new.keys()
        assert all((old[name] == new[name]).all() for name in old)


BAD = {
    "no actions": ({"drop": ("action_w", "pos_x")}, r"lacks the column\(s\) pos_x, action_w$"),
    "no offsets": ({"drop": ("offsets",)}, r"lacks the column\(s\) offsets"),
    "metres": ({"target_x": 0.0, "target_y": 2.5}, "target_r lies between 2.5 and 2.5, expected .* cm"),
    "0 is ahead": ({"target_x": 250.0, "target_y": 0.0}, "target_theta lies between 0 and 0"),
    "percent": ({"action_v": 80.0}, "action_v lies between 80 and 80, expected -1 to 1 shares"),
    "other gain": ({"gain_v": 250.0}, r"trial 0 are \(250, 90\); expected \(200, 90\) cm/s"),
    "not true": ({"rewarded": 2.0}, "rewarded has values other than true and false"),
    "not finite": ({"pos_x": np.nan}, "pos_x has values that are not finite"),
    "text": ({"pos_y": "a"}, "pos_y has shape .* and type <U1; expected"),
    "slow": ({"dt": 1.0}, "dt is 1 s"),
    "other time": ({"dt": 0.01}, "time advances by 0.00119 s"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_normal_file_with_something_wrong_is_refused(folder, case):
    changes, message = BAD[case]
    path = folder / "B" / "normal.npz"
    with np.load(path) as file:
        shapes = {name: file[name].shape for name in file.files}
    changes = {k: v if k == "drop" else np.full(shapes[k], v) for k, v in changes.items()}
    rewrite(path, **changes)
    with pytest.raises(ConfigError, match=message) as error:
        read(path, "normal")
    assert str(path) in str(error.value)


@pytest.mark.parametrize("offsets", [[0, 5, 5], [1, 5], [0], [0, 2.5, 6], [[0, 1]], [0, 9, 4]])
def test_offsets_that_do_not_increase_are_refused(folder, offsets):
    path = folder / "B" / "normal.npz"
    rewrite(path, offsets=np.array(offsets))
    with pytest.raises(ConfigError, match="offsets must be whole numbers that increase from 0"):
        read(path, "normal")


def test_lengths_that_do_not_fit_are_refused(folder, recorded):
    path = folder / "B" / "normal.npz"
    offsets = recorded["B"][0]["normal"]["offsets"]
    rewrite(path, offsets=offsets[:-1])
    with pytest.raises(ConfigError, match=f"pos_x has shape .{offsets[-1]},. .* {offsets[-2]} numbers"):
        read(path, "normal")
    path = folder / "B" / "perturbation.npz"
    rewrite(path, offsets_gauss=np.array([0, 1000]))
    with pytest.raises(ConfigError, match="offsets_gauss is of 1 trials, offsets of 40"):
        read(path, "perturbation")


def test_a_gain_file_needs_both_gains_and_a_perturbation_its_limits(folder):
    path = folder / "B" / "gain.npz"
    rewrite(path, gain_v=np.full(40, 300.0), gain_w=np.full(40, 135.0))
    with pytest.raises(ConfigError, match=r"not all gains; expected \(300, 135\) and \(400, 180\)"):
        read(path, "gain")
    path = folder / "B" / "perturbation.npz"
    rewrite(path, perturb_start_time_ori=np.full(40, 500.0))
    with pytest.raises(ConfigError, match="perturb_start_time_ori lies between 500 and 500"):
        read(path, "perturbation")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_corrupt_file_is_named(folder, content):
    path = folder / "B" / "normal.npz"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"normal\.npz is not a readable npz file"):
        read(path, "normal")


def test_a_truncated_file_and_one_with_objects_are_named(folder):
    path = folder / "B" / "normal.npz"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ConfigError, match="not a readable npz file"):
        read(path, "normal")
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ConfigError, match="it holds a single array"):
        read(path, "normal")
    np.savez(path, pos_x=np.array([[1], [2, 3]], dtype=object))
    with pytest.raises(ConfigError, match="not a readable npz file of plain arrays"):
        read(path, "normal")


def test_folders_and_subjects_that_are_missing_are_named(folder, tmp_path):
    with pytest.raises(ConfigError, match="nowhere is not a folder"):
        monkeys.read_subjects(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="Unknown subject 'T'"):
        monkeys.read_subjects(folder, names=["T"])
    with pytest.raises(ConfigError, match=r"1 subject\(s\) \(B\); this needs 2"):
        monkeys.read_subjects(folder, names=["B"], n_least=2)
    with pytest.raises(ConfigError, match="Unknown condition 'gains'"):
        monkeys.read_subjects(folder, ["gains"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ConfigError, match=r"0 subject\(s\) \(none\)"):
        monkeys.read_subjects(empty)


def test_the_first_subject_needs_as_many_trials_as_the_second(folder):
    with pytest.raises(ConfigError, match=r"S has 30 trials in normal.npz, fewer than the 40 of B"):
        monkeys.read_subjects(folder, names=["S", "B"])


def test_without_a_folder_a_panel_says_why(folder):
    assert monkeys.NO_DATA in monkeys.not_attempted(None)
    assert "Not attempted" in monkeys.not_attempted("")
    assert monkeys.not_attempted(folder) == ""


def distances(a, b):
    return np.hypot(*(a.target - b.target).T)


def test_normal_trials_are_matched_by_target(folder):
    subjects = monkeys.read_subjects(folder)
    sets = normal_sets(subjects)
    assert [len(r) for r in sets.values()] == [30, 30]
    apart = distances(*sets.values())
    assert (np.diff(apart) >= 0).all()
    best = normal_sets(subjects, 10)
    np.testing.assert_allclose(distances(*best.values()), apart[:10])
    assert len({tuple(t) for t in sets["B"].target}) == 30  # none twice
    alone = normal_sets(subjects[1:], 10)
    np.testing.assert_array_equal(alone["S"].target, subjects[1]["normal"].target[:10])


def test_gains_are_found_by_value_and_have_the_same_number_of_trials(folder):
    subjects = monkeys.read_subjects(folder)
    for sets in gain_sets(subjects).values():
        assert list(sets) == [1.0, 1.5, 2.0]
        assert {len(r) for r in sets.values()} == {15}
        for gain, trials in sets.items():
            np.testing.assert_allclose(trials.gain, gain)
    assert {len(r) for r in gain_sets(subjects, 4)["S"].values()} == {4}
    assert len(gain_sets(subjects[:1])["B"][2.0]) == 20


def test_perturbed_trials_are_matched_by_all_that_was_designed(folder):
    subjects = monkeys.read_subjects(folder)
    sets = perturbed_sets(subjects, 5)
    assert [len(r) for r in sets.values()] == [5, 5]
    themselves = perturbed_sets([subjects[0], subjects[0]])["B"]
    assert len(themselves) == 40
    with pytest.raises(ConfigError, match="one or two subjects can be matched, not of 3"):
        perturbed_sets([*subjects, subjects[0]])


@pytest.mark.parametrize("condition", ["normal", "gain"])
def test_integration_of_the_actions_gives_the_agents_path_back(folder, recorded, condition):
    made = read(folder / "B" / f"{condition}.npz", condition)
    rollouts = recorded["B"][1][condition]
    paths = reintegrated(made)
    length = np.minimum(rollouts.length.numpy(), paths.length)
    assert (paths.length <= rollouts.length.numpy()).all()
    assert (paths.length >= rollouts.length.numpy() - 1).all()
    known = analysis.paths(rollouts)
    for trial, steps in enumerate(length):
        np.testing.assert_allclose(paths.place[trial, :steps], known.place[trial, :steps], atol=1e-2)
    assert np.isfinite(analysis.path_length(paths.place)).all()
    assert analysis.curvature(paths.place, paths.length).values.shape == paths.place.shape[:2]


def test_a_trial_that_never_moves_is_one_step_long(folder):
    made = read(folder / "B" / "normal.npz", "normal")[:2]
    still = {name: 0 * made.traces[name] for name in ("action_v", "action_w")}
    made = monkeys.Recordings(
        "normal", made.scalars, {**made.traces, **still}, made.offsets, {}, made.offsets_gauss, made.dt
    )
    assert reintegrated(made).length.tolist() == [1, 1]


def test_without_generalisation_a_gain_scales_the_path(folder):
    normal, changed = (read(folder / "B" / f"{c}.npz", c) for c in ("normal", "gain"))
    same = {**changed.scalars, "target_x": normal.scalars["target_x"]}
    same["target_y"] = normal.scalars["target_y"]
    for gain in (1.0, 2.0):
        same |= {"gain_v": np.full(40, gain * FULL[0]), "gain_w": np.full(40, gain * FULL[1])}
        made = monkeys.Recordings(
            "gain", same, changed.traces, changed.offsets, {}, changed.offsets_gauss, changed.dt
        )
        replayed = without_generalisation(made, normal)
        lengths = [np.hypot(*np.diff(path, axis=0).T).sum() for path in replayed.paths]
        speeds = [np.abs(normal.trace("action_v", t)[1:]).sum() * DT for t in range(40)]
        np.testing.assert_allclose(lengths, gain * FULL[0] * np.array(speeds), rtol=1e-6)
        if gain == 1:
            assert np.median(np.abs(replayed.signed_error)) < 25  # circles to targets
    assert np.median(replayed.signed_error) > 50  # overshoots


def test_without_generalisation_a_perturbation_is_delivered_as_a_whole(folder):
    normal, changed = (read(folder / "B" / f"{c}.npz", c) for c in ("normal", "perturbation"))
    short = normal[np.zeros(1, int)]
    still = {name: 0 * short.traces[name][:10] for name in ("pos_x", "pos_y", "action_v", "action_w")}
    ends = np.array([0, 10])
    short = monkeys.Recordings("normal", short.scalars, still, ends, {}, ends, DT)
    replayed = without_generalisation(changed, short)
    travelled = np.array(
        [np.hypot(*np.diff(p, axis=0, prepend=[[0, 0]]).T).sum() for p in replayed.paths]
    )
    seconds = float(WORLD.bump().sum()) * WORLD.dt
    np.testing.assert_allclose(travelled, np.abs(changed.peak[:, 0]) * seconds, rtol=1e-4)
    lasting = np.round(changed.scalars["perturb_start_time"] / DT) + 11 * HELD
    assert [len(p) for p in replayed.paths] == lasting.astype(int).tolist()


def test_files_with_other_sampling_are_not_mixed(folder):
    normal, changed = (read(folder / "B" / f"{c}.npz", c) for c in ("normal", "gain"))
    other = monkeys.Recordings(
        "normal", normal.scalars, normal.traces, normal.offsets, {}, normal.offsets_gauss, 0.01
    )
    with pytest.raises(ConfigError, match=r"dt of normal trials is 0.01 s"):
        without_generalisation(changed, other)


@pytest.mark.parametrize("condition", monkeys.CONDITIONS)
def test_agents_get_the_same_trials(folder, recorded, condition):
    made = read(folder / "B" / f"{condition}.npz", condition)
    trials, known = agent_trials(made, 0.0, 0.0), recorded["B"][1][condition].trials
    for name in ("target", "gain", "peak", "start", "radius", "process_std"):
        torch.testing.assert_close(getattr(trials, name), getattr(known, name), atol=1e-5, rtol=1e-5)
    noisy = agent_trials(made)
    torch.testing.assert_close(noisy.process_std, 0.2 * known.gain, atol=1e-5, rtol=1e-5)


# The released pickles


@pytest.fixture
def released(recorded, tmp_path):
    pandas = pytest.importorskip("pandas")
    place = tmp_path / "download" / "monkey_data" / "Bruno"
    place.mkdir(parents=True)
    for condition, columns in recorded["B"][0].items():
        frame = {}
        for name, values in columns.items():
            if name.startswith("offsets") or name == "dt":
                continue
            group = "offsets_gauss" if name.endswith("gauss") else "offsets"
            whole = len(values) == len(columns["offsets"]) - 1
            frame[name] = list(values) if whole else np.split(values, columns[group][1:-1])
        path = place / f"bruno_{condition}_trajectory_paper.pkl"
        pandas.DataFrame(frame).to_pickle(path)
    return tmp_path / "download"


def test_released_pickles_are_converted(released, recorded, tmp_path):
    written = monkey_pickles.import_pickles(released, tmp_path / "out")
    expected = [tmp_path / "out" / "B" / f"{c}.npz" for c in monkeys.CONDITIONS]
    assert written == expected
    (subject,) = monkeys.read_subjects(tmp_path / "out")
    for condition, columns in recorded["B"][0].items():
        made = subject[condition]
        assert made.dt == pytest.approx(DT)
        groups = {**made.scalars, **made.traces, **made.profiles}
        for name in set(columns) & set(groups):
            np.testing.assert_allclose(groups[name], columns[name])


def test_pickles_that_do_not_fit_are_refused(released, tmp_path):
    pandas = pytest.importorskip("pandas")
    path = released / "monkey_data" / "Bruno" / "bruno_gain_trajectory_paper.pkl"
    frame = pandas.read_pickle(path)
    frame.drop(columns=["pos_x", "gain_w"]).to_pickle(path)
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match=r"bruno_gain.*lacks the column\(s\) gain_w, pos_x"):
        monkey_pickles.import_pickles(released, out)
    assert not out.exists()
    frame["action_w"] = [values[:-1] for values in frame["action_w"]]
    frame.to_pickle(path)
    with pytest.raises(ConfigError, match="action_w has other lengths than pos_x"):
        monkey_pickles.import_pickles(released, out)
    path.write_bytes(b"no pickle")
    with pytest.raises(ConfigError, match=r"cannot be read by pandas .*; a file of an old version"):
        monkey_pickles.import_pickles(released, out)
    with pytest.raises(ConfigError, match="has no Bruno/bruno_normal"):
        monkey_pickles.import_pickles(tmp_path, out)


def test_without_pandas_the_importer_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match="pip install pandas"):
        monkey_pickles.import_pickles(tmp_path, tmp_path)
