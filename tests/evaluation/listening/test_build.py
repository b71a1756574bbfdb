"""The page: clips of one loudness and rate under names that say nothing, playlists that are balanced, a key outside."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from orchestrion import temporary
from orchestrion.audio import Waveform
from orchestrion.audio.loudness import integrated_loudness
from orchestrion.cli.app import cli
from orchestrion.errors import OrchestrionError
from orchestrion.evaluation.listening.build import build_page
from orchestrion.evaluation.listening.clips import ClipFile, find_clips
from orchestrion.evaluation.listening.codes import completion_code, fnv1a
from orchestrion.evaluation.listening.loudness import Level, amplified, at_one_loudness, match_loudness
from orchestrion.evaluation.listening.plan import make_playlists
from orchestrion.options import Listening
from tests.sinusoids import tone


@pytest.fixture
def systems(tmp_path: Path) -> Path:
    """Three systems of different rates, levels and tags, with three items each."""
    root = tmp_path / "clips"
    for number, (name, rate, gain) in enumerate((("quiet", 16000, 0.02), ("loud", 44100, 0.9), ("lofi", 4410, 0.3))):
        (root / name).mkdir(parents=True)
        for item in range(3):
            rng = np.random.default_rng([number, item])
            noise = rng.uniform(-1, 1, rate) * np.exp(-3 * np.arange(rate) / rate)
            Waveform(gain * noise, rate, {"title": f"secret {name}", "model": name}).write(
                root / name / f"item{item}.wav"
            )
    return root


def test_players_are_brought_to_the_softest_and_silence_stays():
    loud, soft = (Waveform(np.float32(gain) * np.sin(np.arange(16_000) * 0.3).astype(np.float32), 16_000) for gain in (0.5, 0.1))
    silent = Waveform(np.zeros(16_000, np.float32), 16_000)
    made = at_one_loudness([loud, silent, soft])
    assert integrated_loudness(made[0]) == pytest.approx(integrated_loudness(made[2]), abs=0.05)
    assert float(np.abs(made[0].samples).max()) < 0.5 and not made[1].samples.any()
    assert at_one_loudness([silent])[0] is silent


def test_matched_clips_are_equally_loud_and_never_clip():
    rng = np.random.default_rng(0)
    peaky = np.zeros(48000)
    peaky[::1200] = 1.0
    clips = {"soft": tone(440, 0.001), "loud": tone(440, 1.0), "peaky": Waveform(peaky, 48000),
             "noise": Waveform(rng.uniform(-0.5, 0.5, 48000), 48000), "silent": Waveform(np.zeros(48000), 48000)}  # fmt: skip
    match = match_loudness({name: Level.of(clip) for name, clip in clips.items()})
    matched = {name: amplified(clip, match.gains_db[name]) for name, clip in clips.items()}
    heard = [name for name in clips if name != "silent"]
    assert {round(integrated_loudness(matched[name]), 2) for name in heard} == {round(match.lufs, 2)}
    assert max(float(np.abs(clip.samples).max()) for clip in matched.values()) <= 10 ** (-1 / 20) + 1e-4
    assert match.lufs < -23 and match.silent == ("silent",) and not match.softer_db
    with pytest.raises(OrchestrionError, match="silent"):
        match_loudness({"silent": Level.of(clips["silent"])})


def test_a_clip_whose_peaks_allow_no_loudness_does_not_hush_the_others():
    match = match_loudness({"burst": Level(-40.0, -2.0), "tone": Level(-20.0, -10.0)})
    assert match.lufs == -30 and match.gains_db == {"burst": 1.0, "tone": -10.0}
    assert match.softer_db == {"burst": 9.0}


def test_nothing_in_the_page_tells_the_systems_apart(systems, tmp_path):
    key = build_page([systems], tmp_path / "page", Listening(pairs=9))
    page = (tmp_path / "page" / "index.html").read_text()
    assert {path.name for path in (tmp_path / "page").iterdir()} == {"index.html", "clips"}
    assert not re.search("quiet|loud|lofi|item|secret", page.split('id="study">')[1].split("</script>")[0])
    sounds = {path.stem: path for path in (tmp_path / "page" / "clips").iterdir()}
    assert set(key["clips"]) < set(sounds)
    for path in sounds.values():
        assert re.fullmatch(r"[0-9a-f]{10}\.wav", path.name)
        with soundfile.SoundFile(path) as file:
            assert file.samplerate == 44100 and file.subtype == "PCM_16"
            assert not any(getattr(file, name) for name in ("title", "software", "comment", "artist"))
    loudness = [integrated_loudness(Waveform.read(sounds[name])) for name in key["clips"]]
    assert max(loudness) - min(loudness) < 0.1
    # In the order of file names the systems are mixed.
    in_order = [key["clips"][name]["system"] for name in sorted(key["clips"])]
    assert in_order != sorted(in_order)
    assert json.loads((tmp_path / "page-key.json").read_text())["clips"] == key["clips"]


def test_the_page_needs_nothing_else(systems, tmp_path):
    build_page([systems], tmp_path / "page", Listening(title='A <b>"test"</b> of @STYLE@'))
    page = (tmp_path / "page" / "index.html").read_text()
    assert "http" not in page and not re.search(r'(src|href)="(?!data:)[^"]', page)
    assert "&lt;b&gt;" in page and "@STYLE@" in page and "@SCRIPT@" not in page
    assert 'lang="en"' in page and 'name="viewport"' in page


def test_the_same_command_makes_the_same_page_and_another_seed_other_names(systems, tmp_path):
    pages = {}
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        build_page([systems], tmp_path / name, Listening(seed=seed, pairs=5, ratings=6))
        pages[name] = {p.name: p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
    assert pages["one"] == pages["again"]
    assert not set(pages["one"]) & set(pages["other"]) - {"index.html"}


def test_playlists_are_balanced():
    sources = {f"{s}{i}": ClipFile(f"system{s}", f"item{i}", Path()) for s in range(4) for i in range(5)}
    lists = make_playlists(sources, 10, 12, np.random.default_rng(0))
    assert len(lists) == 24
    heard = {name: 0 for name in sources}
    for item in lists:
        per_system = [sum(name[0] == str(s) for name in item.rate) for s in range(4)]
        assert sorted(per_system) == [2, 2, 3, 3]
        together = [tuple(sorted((a[0], b[0]))) for a, b in item.pairs]
        # Six pairs of systems, twelve choices: each twice; and only of one item.
        assert all(together.count(pair) == 2 for pair in set(together)) and len(set(together)) == 6
        assert all(a[1] == b[1] for a, b in item.pairs)
        for name in item.rate:
            heard[name] += 1
    assert min(heard.values()) >= 5
    whole = make_playlists(sources, None, 0, np.random.default_rng(0))
    assert len(whole) == 1 and set(whole[0].rate) == set(sources)


def test_impossible_tests_are_refused(systems, tmp_path):
    for folders, options, words in (
        ([systems / "quiet"], Listening(), "at least two systems"),
        ([tmp_path / "nowhere", systems], Listening(), "no folder"),
        ([systems], Listening(ratings=2), "not every one"),
        ([systems, systems / "quiet" / ".." / ".."], Listening(), "no audio|called"),
    ):
        with pytest.raises(OrchestrionError, match=words):
            build_page(folders, tmp_path / "page", options)
        assert not (tmp_path / "page").exists() and not (tmp_path / "page-key.json").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    with pytest.raises(OrchestrionError, match="not an empty folder"):
        build_page([systems], tmp_path / "full")
    (systems / "quiet" / "item0.flac").write_bytes(b"")
    with pytest.raises(OrchestrionError, match="suffix only"):
        find_clips([systems])


def test_a_folder_is_empty_that_holds_nothing_but_the_temporary_files_of_this_process(systems, tmp_path, monkeypatch):
    """Where the output alone can be written, they lie there (`temporary.provide`)."""
    page = tmp_path / "page"
    page.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(temporary, "provided", [])
    temporary.provide(Path("page"))
    assert [path.is_dir() for path in page.iterdir()] == [True]
    build_page([systems], "page")
    assert (page / "index.html").is_file()


def test_long_clips_are_cut_or_refused(systems, tmp_path):
    long = np.tile(tone(440, 0.1, 1.0, 4000).samples, 125)
    Waveform(long, 4000).write(systems / "quiet" / "item9.wav")
    with pytest.raises(OrchestrionError, match="item9.wav lasts more than 120 s"):
        build_page([systems], tmp_path / "page")
    build_page([systems], tmp_path / "page", Listening(seconds=0.75))
    assert {Waveform.read(path).duration_s for path in (tmp_path / "page" / "clips").iterdir()} >= {0.75}


def test_pairs_need_common_items(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        tone(440, 0.5, 0.5).write(tmp_path / name / f"{name}.wav")
    with pytest.raises(OrchestrionError, match="same name"):
        build_page([tmp_path / "one", tmp_path / "two"], tmp_path / "page", Listening(pairs=1))


def test_codes_and_hashes():
    assert fnv1a("") == 0x811C9DC5 and fnv1a("a") == 0xE40C292C
    codes = {completion_code("study", f"listener{i}") for i in range(500)}
    assert len(codes) == 500 and all(re.fullmatch("[A-HJ-NP-Z2-9]{8}", code) for code in codes)


def test_the_command(systems, tmp_path):
    result = CliRunner().invoke(
        cli, ["listen", "build", str(systems), "-o", str(tmp_path / "p"), "--pairs", "3", "--json"]
    )
    assert result.exit_code == 0, result.output
    shown = json.loads(result.stdout)
    assert shown["per_listener"] == {"ratings": 9, "pairs": 3, "abx": 0, "repeats": 4, "pair_repeats": 0}
    again = CliRunner().invoke(cli, ["listen", "build", str(systems), "-o", str(tmp_path / "p")])
    assert again.exit_code == 1 and again.stderr.startswith("Error: ")
    for options, says in (
        ((), "each listener rates 9 (+4 again)\n"),
        (("--ratings", "0", "--abx", "4"), "each listener hears 4 ABX trials\n"),
        (("--pairs", "3"), "each listener rates 9 (+4 again) and chooses from 3 pairs\n"),
    ):
        said = CliRunner().invoke(cli, ["listen", "build", str(systems), "-o", str(tmp_path / f"q{len(options)}"), *options])
        assert said.exit_code == 0 and says in said.stdout and " 0 " not in said.stdout and "(+0" not in said.stdout, said.output
