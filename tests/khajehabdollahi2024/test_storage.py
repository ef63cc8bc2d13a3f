"""Networks on disk: names, round trips, and what is refused."""

import inspect
import json
import pickle

import numpy as np
import pytest
import torch

from mempaper.checkpoint import CorruptFileError, save_arrays
from mempaper.khajehabdollahi2024 import evaluation, storage
from mempaper.khajehabdollahi2024.experiments import CurriculumLearning
from mempaper.khajehabdollahi2024.learning import draw_network
from mempaper.khajehabdollahi2024.naming import affixes_of, curriculum_name, network_folder
from mempaper.parameters import ConfigError

SIZE = ["size_6"]
CONTINUOUS = ["duplicates[7, 8, 9, 10]", "tau2.0", "mod_leakyrelu"]


def new_config(**fields):
    return CurriculumLearning.checked(**{"n_seeds": 1, "n_units": 6, "max_n": 9, **fields})


def new_network(config):
    return draw_network(config.settings(), config.seed, 1)


def saved(base, number=1, stage=0, **fields):
    """Write an untrained network as if it had passed a list of its curriculum."""
    config = new_config(**fields)
    network, trained = new_network(config), config.settings().stages[stage]
    folder = network_folder(config, base, number)
    return network, storage.save_network(folder, network, config, trained, 3)


def equal(one, other):
    a, b = one.to_reference(), other.to_reference()
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"n_units": 500}, "cumulative_parity_network_1"),
        ({"n_units": 500, "task": "dms", "curriculum": "single"}, "single_dms_network_1"),
        ({}, "cumulative_parity_size_6_network_1"),
        ({"fixed_tau": 2}, "cumulative_parity_size_6_T_2.0_network_1"),
        ({"placement": "mod", "activation": "tanh"}, "cumulative_parity_mod_tanh_network_1"),
        ({"placement": "mod", "fixed_tau": 1.5}, "cumulative_parity_mod_leakyrelu_T_1.5_network_1"),
        (
            {"curriculum": "sliding", "init_heads": 5, "forget_heads": 3},
            "sliding_5_3_parity_size_6_network_1",
        ),
        (
            {"curriculum": "sliding", "forget_heads": 3},
            "sliding_3_3_parity_size_6_network_1",
        ),
        (
            {"placement": "continuous", "duplicates": (7, 8, 9, 10)},
            "cumulative_parity_duplicates[7, 8, 9, 10]_mod_leakyrelu_network_1",
        ),
        (
            {"placement": "continuous", "duplicates": (10,), "initial_tau": 2},
            "cumulative_parity_duplicates[10]_tau2.0_mod_leakyrelu_network_1",
        ),
    ],
)
def test_folders_are_called_as_in_the_original(fields, name):
    assert network_folder(new_config(**fields), "base", 1).as_posix() == f"base/{name}"


@pytest.mark.parametrize(
    ("fields", "stage", "stem", "asked"),
    [
        ({}, 3, "rnn_N2_N5", {"curriculum_type": "cumulative", "N_max": 5, "affixes": SIZE}),
        (
            {"init_heads": 2, "add_heads": 3, "task": "dms"},
            1,
            "rnn_N2_N6",
            {"curriculum_type": "cumulative", "N_max": 6, "affixes": SIZE},
        ),
        (
            {"first_n": 4},
            1,
            "rnn_N4_N5",
            {"curriculum_type": "cumulative", "N_max": 5, "N_min": 4, "affixes": SIZE},
        ),
        (
            {"curriculum": "single"},
            4,
            "rnn_N6_N6",
            {"curriculum_type": "single", "N_max": 6, "N_min": 6, "affixes": SIZE},
        ),
        (
            {"curriculum": "single_nocurr", "first_n": 8},
            0,
            "rnn_N8_N8",
            {"curriculum_type": "single_nocurr", "N_max": 8, "N_min": 8, "affixes": SIZE},
        ),
        (
            {"curriculum": "sliding", "init_heads": 4, "forget_heads": 2},
            1,
            "rnn_N4_N7",
            {"curriculum_type": "sliding_4_2", "N_max": 7, "N_min": 4, "affixes": SIZE},
        ),
        (
            {"curriculum": "sliding", "init_heads": 4, "forget_heads": 2, "head_order": "n"},
            1,
            "rnn_N4_N7",
            {
                "curriculum_type": "sliding",
                "n_heads": 4,
                "n_forget": 2,
                "N_max": 7,
                "N_min": 4,
                "affixes": SIZE,
            },
        ),
        (
            {"fixed_tau": 2},
            0,
            "rnn_N2_N2",
            {"curriculum_type": "cumulative", "N_max": 2, "affixes": [*SIZE, "T_2.0"]},
        ),
        (
            {"placement": "mod", "activation": "sigmoid", "fixed_tau": 3},
            2,
            "rnn_N2_N4",
            {
                "curriculum_type": "cumulative",
                "N_max": 4,
                "mod_model": True,
                "mod_afunc": "sigmoid",
                "affixes": ["T_3.0"],
            },
        ),
        (
            {"placement": "continuous", "duplicates": (7, 8, 9, 10), "initial_tau": 2},
            1,
            "rnn_N2_N3",
            {
                "curriculum_type": "cumulative",
                "N_max": 3,
                "continuous_model": True,
                "affixes": CONTINUOUS[:2],
            },
        ),
    ],
)
def test_a_network_is_found_by_its_name_and_comes_back_as_it_was(tmp_path, fields, stage, stem, asked):
    network, file = saved(tmp_path, 7, stage, **fields)
    assert file.stem == stem
    found = storage.load_model(
        **{"task": fields.get("task", "parity"), "network_number": 7, "base_path": tmp_path, **asked}
    )
    assert equal(found, network)
    assert (found.placement, found.activation) == (network.placement, network.activation)
    assert found.tau.requires_grad == (fields.get("fixed_tau") is None)
    stages = new_config(**fields).settings().stages
    stored = storage.load_network(file)
    assert stored.trained == stages[stage]
    curriculum = new_config(**fields).settings().curriculum
    heads = curriculum.heads([stages[stage]])
    for place, n in enumerate(stages[stage]):
        assert stored.head_of(n) == (place if heads is None else heads[0, place])
    assert CurriculumLearning.checked(**stored.about["config"]) == new_config(**fields)


def test_arguments_have_the_originals_order_and_defaults():
    parameters = inspect.signature(storage.load_model).parameters
    assert list(parameters) == [
        "curriculum_type",
        "task",
        "network_number",
        "N_max",
        "N_min",
        "device",
        "base_path",
        "mod_model",
        "n_heads",
        "n_forget",
        "continuous_model",
        "mod_afunc",
        "affixes",
    ]
    defaults = [p.default for p in parameters.values()][4:]
    assert defaults == [2, "cpu", "./trained_models", False, 1, 1, False, "leakyrelu", ()]


def test_every_head_has_its_memory_length(tmp_path):
    _, file = saved(tmp_path, stage=2)
    stored = storage.load_network(file)
    assert (stored.trained, stored.n_values) == ((2, 3, 4), tuple(range(2, 10)))
    assert stored.head_of(9) == 7
    with pytest.raises(ValueError, match=r"no head for N = 10; it has 8 heads, for N = 2 to 9"):
        stored.head_of(10)
    with pytest.raises(ValueError, match="no head for N = 1"):
        stored.head_of(1)


def test_arrays_of_the_original_are_read_too(tmp_path):
    network = new_network(new_config(curriculum="sliding", init_heads=3))
    arrays = network.to_reference()
    np.savez(tmp_path / "net.npz", **arrays, Ns=np.array([4, 5, 6]))
    stored = storage.load_network(tmp_path / "net.npz")
    assert equal(stored.network, network)
    assert (stored.n_values, stored.head_of(6), stored.about) == ((4, 5, 6), 2, {})
    (found,) = storage.find_networks(tmp_path)
    assert found.name == f"{tmp_path.name}/net"


def npz(folder, **changes):
    arrays = new_network(new_config(curriculum="single")).to_reference() | {"Ns": np.array([5])}
    arrays = {name: a for name, a in (arrays | changes).items() if a is not None}
    np.savez(folder / "net.npz", **arrays)
    return folder / "net.npz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Ns": None}, "lacks Ns, the memory length of each head"),
        ({"Ns": np.array([5, 6])}, r"expected 2 heads, for \[5, 6\], found 1"),
        ({"tau": None, "b_in": None}, "the network lacks b_in, tau"),
        ({"tau": np.ones(5)}, r"tau has shape \(5,\); expected \(6,\)"),
        ({"w_rec": np.full((6, 6), np.nan)}, "w_rec holds values that are not finite"),
        ({"tau": np.array(["a"] * 6)}, "is no network"),
        ({"w_rec": np.float32(1)}, "is no network"),
    ],
)
def test_arrays_that_are_no_network_are_refused(tmp_path, changes, message):
    with pytest.raises(CorruptFileError, match=message) as error:
        storage.load_network(npz(tmp_path, **changes))
    assert "net.npz" in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated", b"text", pickle.dumps({"w_rec": 1})])
@pytest.mark.parametrize("name", ["net.npz", "net.safetensors", "net.pt"])
def test_foreign_files_are_refused_by_name(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorruptFileError, match="net"):
        storage.load_network(tmp_path / name)


def test_a_damaged_file_is_refused(tmp_path):
    _, file = saved(tmp_path)
    file.write_bytes(file.read_bytes()[:-4] + b"1234")
    with pytest.raises(CorruptFileError, match="checksum"):
        storage.load_network(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_units": 7}, "expected 7 units, found 6"),
        ({"Ns": [2, 3]}, "expected 2 heads"),
        ({"trained": [2, 3, 4]}, "by its name rnn_N2_N2 is expected, found rnn_N2_N4"),
        ({"kind": "stats"}, "expected kind 'network' in rnn_N2_N2.json, found 'stats'"),
        ({"task": None}, "lacks task"),
        ({"fixed_tau": 2.0}, "expected tau 2.0 in all units"),
        ({"placement": "inside"}, "placement is 'inside'"),
        ({"activation": "tanh"}, "activation is 'tanh'"),
    ],
)
def test_what_lies_beside_the_weights_must_fit_them(tmp_path, changes, message):
    _, file = saved(tmp_path)
    sidecar = file.with_suffix(".json")
    about = {k: v for k, v in (json.loads(sidecar.read_text()) | changes).items() if v is not None}
    about.setdefault("fixed_tau", None)
    sidecar.write_text(json.dumps(about))
    with pytest.raises(CorruptFileError, match=message):
        storage.load_network(file)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"curriculum_type": "cumulativ"}, "Unknown curriculum 'cumulativ'. Did you mean 'cumulative'"),
        ({"curriculum_type": "sliding_10"}, "Unknown curriculum 'sliding_10'"),
        ({"curriculum_type": "sliding_10_5", "n_heads": 3}, "sliding_10_5 does not fit n_heads=3"),
        ({"task": "pairity"}, "Unknown task 'pairity'. Did you mean 'parity'"),
        ({"mod_model": True, "mod_afunc": "elu"}, "Unknown activation 'elu'"),
        ({"mod_afunc": "tanh"}, "which only mod and continuous networks take"),
        ({"mod_model": True, "continuous_model": True}, "exclude each other"),
    ],
)
def test_impossible_questions_are_refused(tmp_path, asked, message):
    with pytest.raises(ConfigError, match=message):
        storage.load_model(
            **{"curriculum_type": "single", "task": "parity", "network_number": 1, "N_max": 3, **asked},
            base_path=tmp_path,
        )


def test_a_missing_file_is_named_with_what_there_is(tmp_path):
    saved(tmp_path, 1, 0, curriculum="single")
    saved(tmp_path, 1, 1, curriculum="single")
    with pytest.raises(FileNotFoundError, match=r"rnn_N2_N3.*does not exist.*rnn_N2_N2, rnn_N3_N3\."):
        storage.load_model("single", "parity", 1, 3, base_path=tmp_path, affixes=SIZE)
    with pytest.raises(FileNotFoundError, match="Nor does the folder single_parity_size_6_network_2"):
        storage.load_model("single", "parity", 2, 3, 3, base_path=tmp_path, affixes=SIZE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        FileNotFoundError, match=r"rnn_N\*.safetensors or \*.npz expected.*holds no networks"
    ):
        storage.find_networks(tmp_path / "empty")


def test_a_network_of_another_size_or_kind_is_refused(tmp_path):
    _, file = saved(tmp_path)
    file.parent.rename(tmp_path / "cumulative_parity_network_1")
    message = r"rnn_N2_N2.*expected .*'affixes': \[\].*found .*'affixes': \['size_6'\]\} \(6 units\)"
    with pytest.raises(CorruptFileError, match=message):
        storage.load_model("cumulative", "parity", 1, 2, base_path=tmp_path)
    (tmp_path / "cumulative_parity_network_1").rename(tmp_path / "single_dms_size_6_network_1")
    with pytest.raises(CorruptFileError, match=r"'curriculum': 'single'.*'curriculum': 'cumulative'"):
        storage.load_model("single", "dms", 1, 2, base_path=tmp_path, affixes=SIZE)


def test_the_size_of_mod_networks_is_not_asked_for(tmp_path):
    network, _ = saved(tmp_path, placement="mod", activation="relu")
    found = storage.load_model(
        "cumulative", "parity", 1, 2, base_path=tmp_path, mod_model=True, mod_afunc="relu"
    )
    assert found.n_units == network.n_units == 6


def test_full_names_of_curricula():
    assert curriculum_name("sliding", 10, 5) == curriculum_name("sliding_10_5") == "sliding_10_5"
    assert curriculum_name("sliding_10_5", 10, 5) == "sliding_10_5"
    assert affixes_of(new_config(n_units=500)) == []


def test_all_networks_of_a_folder_are_found_in_the_order_of_their_numbers(tmp_path):
    for stage in (7, 0, 3):
        saved(tmp_path, 2, stage, max_n=12, init_heads=3)
    saved(tmp_path, 10, 0)
    config = new_config()
    first = storage.save_network(tmp_path / "x", new_network(config), config, (), 0)
    found = [net.name for net in storage.find_networks(tmp_path)]
    folder = "cumulative_parity_size_6_network"
    assert found == [f"{folder}_2/rnn_N2_N{n}" for n in (4, 7, 11)] + [f"{folder}_10/rnn_N2_N2"]
    with pytest.raises(CorruptFileError, match="before its training"):
        storage.find_networks(first)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        storage.find_networks(tmp_path / "nothing")
    save_arrays(tmp_path / "rnn_N2_N2.safetensors", {"a": torch.zeros(1)}, {"kind": "other"})
    with pytest.raises(CorruptFileError, match="expected kind 'network'"):
        storage.find_networks(tmp_path)


def test_who_can_be_asked_for_what(tmp_path):
    _, several = saved(tmp_path, stage=2)
    _, one = saved(tmp_path, stage=2, curriculum="single")
    assert evaluation.questions(storage.load_network(several), range(7, 12)) == [(7, 5), (8, 6), (9, 7)]
    assert evaluation.questions(storage.load_network(one), [3, 4]) == [(3, 0), (4, 0)]
    _, continuous = saved(tmp_path, placement="continuous", duplicates=(2,))
    with pytest.raises(ConfigError, match=r"rnn_N2_N2.* is a continuous network"):
        evaluation.questions(storage.load_network(continuous), [2])


def test_accuracies_of_a_network_that_answers_by_rule():
    """One unit that follows the input: right about N = 1, a coin toss about more."""
    config = new_config(curriculum="single", fixed_tau=1)
    arrays = {name: np.zeros_like(a) for name, a in new_network(config).to_reference().items()}
    arrays["w_in"][0] = 1.0
    arrays["w_head"][0, 1, 0], arrays["b_head"][0, 0] = 1.0, 0.5
    network = storage.LeakyRNN.from_reference(arrays, fixed_tau=1.0)
    batch, stream = evaluation.accuracies(network, "parity", [(1, 0), (2, 0), (5, 0)])
    assert batch[0, 0] == stream[0, 0] == 1.0
    assert stream[0, 1:] == pytest.approx([0.5, 0.5], abs=0.03)
    assert batch[0, 1:] == pytest.approx([1 / 2, 3 / 5], abs=0.03)  # the other bits are even
    again, _ = evaluation.accuracies(network, "parity", [(1, 0), (2, 0), (5, 0)])
    assert np.array_equal(again, batch)
