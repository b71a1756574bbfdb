"""Fault: the header of a weights file is damaged or hostile. It must be refused in one sentence, never loaded.

A single flipped bit anywhere in the file, the header's own checksum or its name included, must not pass; nor may a header
that is sound by its checksum but holds nested objects, endless numbers, text for numbers or sizes past all memory.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from orchestrion import header, shipped, weights
from orchestrion.composer.compose import Composer
from orchestrion.errors import OrchestrionError
from orchestrion.generators.files import load_generator
from orchestrion.renderer.instrument import Instrument
from tests.invoking import invoke

DEEP = "[" * 100_000 + "]" * 100_000


def with_text(source: Path, target: Path, text: str, key: str = header.KEY) -> Path:
    """``source`` with another header text, as it stands."""
    save_file(weights.load(source)[0], target, metadata={key: text})
    return target


def with_fields(source: Path, target: Path, **fields: object) -> Path:
    """``source`` with other fields, and sound checksums."""
    tensors, metadata = weights.load(source)
    weights.save(target, tensors, metadata | fields)
    return target


def test_flipped_bits_of_the_header_are_noticed(tiny: Path, tmp_path: Path) -> None:
    whole, draw = tiny.read_bytes(), random.Random(0)
    end = 8 + int.from_bytes(whole[:8], "little")
    path, passed = tmp_path / "flipped.safetensors", []
    for position in draw.sample(range(end), 500):
        bit = 1 << draw.randrange(8)
        path.write_bytes(whole[:position] + bytes([whole[position] ^ bit]) + whole[position + 1 :])
        try:
            weights.load(path)
            passed.append(position)
        except OrchestrionError:
            pass
    assert not passed


def test_every_bit_of_the_name_that_tells_the_form_is_noticed(tiny: Path, tmp_path: Path) -> None:
    """A file without a checksum in its header is taken for one of an earlier version: damage must not make it one."""
    whole = tiny.read_bytes()
    for name in (header.KEY, header.CHECKSUM):
        first = whole.index(name.encode())
        for position in range(first - 2, first + len(name) + 2):
            for bit in range(8):
                flipped = whole[:position] + bytes([whole[position] ^ 1 << bit]) + whole[position + 1 :]
                (tmp_path / "flipped.safetensors").write_bytes(flipped)
                for read in (weights.load, header.read):
                    with pytest.raises(OrchestrionError):
                        read(tmp_path / "flipped.safetensors")


def test_removing_the_checksum_is_noticed(tiny: Path, tmp_path: Path) -> None:
    bare = json.dumps(weights.load(tiny)[1], sort_keys=True)
    with pytest.raises(OrchestrionError, match="altered"):
        weights.load(with_text(tiny, tmp_path / "bare.safetensors", bare))


def test_files_of_earlier_versions_load_as_they_did(tiny: Path, tmp_path: Path) -> None:
    tensors, metadata = weights.load(tiny)
    old = with_text(tiny, tmp_path / "old.safetensors", json.dumps(metadata), header.UNSIGNED_KEY)
    again, found = weights.load(old)
    assert found == metadata and all(torch.equal(again[name], tensor) for name, tensor in tensors.items())
    assert Instrument.load(old).checksum == Instrument.load(tiny).checksum


def test_every_shipped_file_loads() -> None:
    for name in shipped.names():
        path = shipped.find(name)
        with safe_open(path, framework="pt") as handle:
            (text,) = handle.metadata().values()
        stored = json.loads(text)
        stored.pop(header.CHECKSUM, None)
        assert weights.load(path)[1] == header.read(path) == stored


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        f'{{"architecture": "wavenet", "config": {DEEP}}}',
        f'{{"architecture": "wavenet", "temperature": {"9" * 10_000}}}',
        "null",
        "[1, 2]",
        "{",
    ],
    ids=["nested", "nested config", "10,000 digits", "null", "list", "cut"],
)
@pytest.mark.parametrize("key", [header.KEY, header.UNSIGNED_KEY])
def test_hostile_json_is_one_sentence(text: str, key: str, tiny: Path, tmp_path: Path) -> None:
    path = with_text(tiny, tmp_path / "bad.safetensors", text, key)
    for command in (["render", "ode-to-joy", "-i", path, "-o", tmp_path / "o.wav"], ["models", "info", path],
                    ["compose", "--model", path, "-o", tmp_path / "o.mid"],
                    ["generate", "tcn", "--model", path, "--seconds", "1", "-o", tmp_path / "o.wav"]):  # fmt: skip
        result = invoke(*command)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit), (command, result.exception)
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1 and len(result.stderr) < 500


@pytest.mark.parametrize("outer", ["[" * 50_000, f'{{"__metadata__": {DEEP}}}', '{"__metadata__": {"orchestrion": 3}}', "\xff"])
def test_a_hostile_outer_header_is_one_sentence(outer: str, tmp_path: Path) -> None:
    content = outer.encode("latin-1")
    (tmp_path / "bad.safetensors").write_bytes(len(content).to_bytes(8, "little") + content)
    for read in (weights.load, header.read):
        with pytest.raises(OrchestrionError):
            read(tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", "warm"), ("temperature", float("nan")), ("temperature", 10**25), ("temperature", True), ("temperature", -1),
        ("gain_db", "text"), ("gain_db", float("inf")), ("gain_db", 1e300),
        ("pitch_range", ["low", "high"]), ("pitch_range", [21]), ("pitch_range", [90, 20]), ("pitch_range", "21-108"),
        ("notice", ["read", "me"]), ("notice", "\x1b[2Jgone"), ("notice", "x" * 10_000), ("program", "piano"),
        ("config", []), ("config", "medium"), ("config", {"layers": "x" * 10_000}), ("architecture", {}), ("backend", []),
    ],
)  # fmt: skip
def test_fields_of_another_kind_are_one_sentence(field: str, value: object, tiny: Path, tmp_path: Path) -> None:
    path = with_fields(tiny, tmp_path / "bad.safetensors", **{field: value})
    for load in (Instrument.load, load_generator):
        with pytest.raises(OrchestrionError, match=f"'{field}' is not") as raised:
            load(path)
        assert len(str(raised.value)) < 500


@pytest.mark.parametrize("value", ["text", True, None, [], {}, [[]], [{}], -1, 0, 1e300, 10**25, float("nan")])
def test_no_value_of_an_instruments_config_is_a_traceback(value: object, tiny: Path, tmp_path: Path) -> None:
    config = weights.load(tiny)[1]["config"]
    for name in config:
        path = with_fields(tiny, tmp_path / "bad.safetensors", config=config | {name: value})
        for load in (Instrument.load, load_generator):
            try:
                load(path)
            except OrchestrionError as error:
                assert len(str(error)) < 1000
            else:
                assert config[name] == value or name in UNSEEN, (name, value)


# What no tensor's shape depends on may be set to another sound value.
UNSEEN = ("cycle", "sample_rate", "hop", "stretched", "context_dilation", "harmonics", "pitch_low", "groups")


@pytest.mark.parametrize("value", ["text", True, None, [], {}, [[]], [-1], [10**25], 1e300, float("nan")])
def test_no_value_of_a_composers_config_is_a_traceback(value: object, tiny_composer: Path, tmp_path: Path) -> None:
    config = weights.load(tiny_composer)[1]["config"]
    for name in config:
        path = with_fields(tiny_composer, tmp_path / "bad.safetensors", config=config | {name: value})
        try:
            Composer.load(path)
        except OrchestrionError as error:
            assert len(str(error)) < 1000
        else:
            assert value == config[name] or (isinstance(config[name], bool) and value is True), (name, value)


@pytest.mark.parametrize("defaults", [[], {"polyphony": "four"}, {"polyphony": 0}, {"name": 3}, {"name": "\x1b]0;"}])
def test_a_composers_defaults_of_another_kind(defaults: object, tiny_composer: Path, tmp_path: Path) -> None:
    with pytest.raises(OrchestrionError, match="'defaults' is not"):
        Composer.load(with_fields(tiny_composer, tmp_path / "bad.safetensors", defaults=defaults))


def test_a_config_past_all_memory_is_refused_before_any_is_taken(tiny: Path, tiny_composer: Path, tmp_path: Path) -> None:
    import resource

    config = weights.load(tiny)[1]["config"] | {"layers": 200, "cycle": 16, "residual": 1024, "skip": 4096, "head": 4096}
    huge = with_fields(tiny, tmp_path / "huge.safetensors", config=config)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for load in (Instrument.load, load_generator):
        with pytest.raises(OrchestrionError, match="refused"):
            load(huge)
    wide = weights.load(tiny_composer)[1]["config"] | {"time_sizes": [4096] * 8}
    with pytest.raises(OrchestrionError, match="refused|do not fit"):
        Composer.load(with_fields(tiny_composer, tmp_path / "wide.safetensors", config=wide))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def test_a_checkpoint_without_its_counters(tmp_path: Path) -> None:
    from orchestrion.training import checkpoint

    model, average = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters())
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, model, average, optimizer, checkpoint.TrainingProgress(7, 1.5, 0.25))
    assert checkpoint.load(path, model, average, optimizer) == checkpoint.TrainingProgress(7, 1.5, 0.25)
    for progress in (None, [], {"step": 7}, {"step": "7", "elapsed_s": 1.5, "best": 0.25}):
        with pytest.raises(OrchestrionError, match="how far"):
            checkpoint.load(with_fields(path, tmp_path / "bad.safetensors", progress=progress), model, average, optimizer)


def test_a_long_value_in_a_config_is_cut(tmp_path: Path, tiny: Path, tiny_composer: Path) -> None:
    for path, load, name in ((tiny, Instrument.load, "conditioning"), (tiny_composer, Composer.load, "clock"), (tiny, load_generator, "layers")):
        config = header.read(path)["config"] | {name: "x" * 5000}
        with pytest.raises(OrchestrionError) as caught:
            load(with_fields(path, tmp_path / "bad.safetensors", config=config))
        assert len(str(caught.value)) < 1000
    for load in (Instrument.load, Composer.load, load_generator):
        with pytest.raises(OrchestrionError) as caught:
            load(with_fields(tiny, tmp_path / "bad.safetensors", architecture="x" * 5000))
        assert len(str(caught.value)) < 1000
