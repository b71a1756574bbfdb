"""Each reader reads what its authors publish: names, times, pitches, velocities, works, splits and licences."""

from __future__ import annotations

import pytest

from orchestrion.datasets.dataset import LAYOUTS, initialise
from orchestrion.datasets.layouts import bachviolin, urmp
from orchestrion.datasets.recordings.tracks import Selection, plain_name
from orchestrion.datasets.records import RECORDINGS
from orchestrion.errors import OrchestrionError
from tests.datasets.layouts import published

TIMES = [(0.1, 0.5), (0.3, 0.7), (0.6, 1.1)]


def tracks(name: str, folder, **selection) -> dict:
    return {track.name: track for track in initialise(name, folder, Selection(**selection)).tracks()}


def check_notes(track, velocity: int, within_s: float = 1e-4) -> None:
    notes = track.read_notes()
    assert [note.pitch for note in notes] == [60, 64, 67]
    assert [note.velocity for note in notes] == [velocity] * 3
    for note, (onset_s, offset_s) in zip(notes, TIMES, strict=True):
        assert abs(note.onset_s - onset_s) < within_s and abs(note.offset_s - offset_s) < within_s


def refused(name: str, folder, **selection) -> str:
    with pytest.raises(OrchestrionError) as caught:
        [track.read_notes() for track in tracks(name, folder, **selection).values()]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_layout_has_a_record_and_a_reader():
    assert {record.layout for record in RECORDINGS} == set(LAYOUTS)


def test_musicnet(tmp_path):
    folder = published.musicnet(tmp_path)
    found = tracks("musicnet", folder)
    assert len(found) == 6 and found["musicnet_2191"].split == "test" and found["musicnet_2000"].split is None
    check_notes(found["musicnet_2000"], 64)
    assert found["musicnet_2002"].work == "Schubert OP 1: Trout: 1"
    assert found["musicnet_2003"].work == found["musicnet_2191"].work
    assert found["musicnet_2000"].about["ensemble"] == "Solo Cello"


def test_musicnet_by_instrument_and_ensemble(tmp_path):
    folder = published.musicnet(tmp_path)
    alone = {"musicnet_2000", "musicnet_2001", "musicnet_2003", "musicnet_2191"}
    assert set(tracks("musicnet", folder, instrument="43")) == alone
    assert set(tracks("musicnet", folder, instrument="Cello")) == alone
    assert set(tracks("musicnet", folder, ensemble="solo cello")) == alone
    quintet = tracks("musicnet", folder, ensemble="Piano Quintet", instrument="cello")
    check_notes(quintet["musicnet_2002"], 64)
    assert len(tracks("musicnet", folder, ensemble="Piano Quintet")["musicnet_2002"].read_notes()) == 9
    assert set(tracks("musicnet", folder, work="mozart")) == {"musicnet_2004"}
    assert "no instrument 'kazoo'" in refused("musicnet", folder, instrument="kazoo")
    assert "no ensemble 'Solo Kazoo'" in refused("musicnet", folder, ensemble="Solo Kazoo")
    (tmp_path / "musicnet_metadata.csv").unlink()
    assert "musicnet_metadata.csv" in refused("musicnet", folder, ensemble="Solo Cello")
    assert len(tracks("musicnet", folder)) == 6


def test_musicnet_with_damaged_labels(tmp_path):
    folder = published.musicnet(tmp_path)
    labels = folder / "train_labels" / "2000.csv"
    whole = labels.read_text()
    labels.write_text(whole.replace("start_time", "begin"))
    assert "no column 'start_time'" in refused("musicnet", folder)
    labels.write_text(whole.replace("4410,", "soon,", 1))
    assert "'soon'" in refused("musicnet", folder)
    labels.write_text(whole[: len(whole) - 20])
    assert "not as many fields" in refused("musicnet", folder)
    labels.write_text(whole.replace(",60,", ",600,"))
    assert "Pitch 600" in refused("musicnet", folder)
    assert "no train_labels" in refused("musicnet", tmp_path)


@pytest.mark.parametrize("index", ["csv", "columns", "rows"])
def test_maestro(tmp_path, index):
    found = tracks("maestro", published.maestro(tmp_path, index))
    assert [track.split for track in found.values()] == ["train", "validation", "test"]
    first = next(iter(found.values()))
    assert first.work == "Alban Berg: Sonata Op. 1" and first.audio.exists() and "." not in first.name
    check_notes(first, 77, 0.002)


def test_maestro_selection_flac_and_hostile_index(tmp_path):
    folder = published.maestro(tmp_path)
    assert len(tracks("maestro", folder, work="chopin")) == 1 and len(tracks("maestro", folder, collection="2018")) == 3
    wav = next(folder.rglob("*.wav"))
    published.audio(wav.with_suffix(".flac"))
    wav.unlink()
    assert {track.audio.suffix for track in tracks("maestro", folder).values()} == {".wav", ".flac"}
    index = folder / "maestro-v3.0.0.csv"
    whole = index.read_text()
    index.write_text(whole.replace("2018/MIDI-Unprocessed_00_R1_2018.wav--0.wav", "../../etc/passwd"))
    assert "does not lie in its folder" in refused("maestro", folder)
    index.write_text(whole.replace(",train,", ",rehearsal,"))
    assert "split 'rehearsal'" in refused("maestro", folder)
    index.unlink()
    assert "no maestro-v3.0.0.csv" in refused("maestro", folder)


def test_sustain_pedal_lengthens_notes(tmp_path):
    import pretty_midi

    folder = published.maestro(tmp_path)
    midi = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes.append(pretty_midi.Note(80, 60, 0.1, 0.3))
    piano.control_changes += [pretty_midi.ControlChange(64, 127, 0.2), pretty_midi.ControlChange(64, 0, 0.9)]
    midi.instruments.append(piano)
    path = next(folder.rglob("*.midi"))
    midi.write(str(path))
    track = next(track for track in tracks("maestro", folder).values() if track.labels == (path,))
    assert abs(track.read_notes()[0].offset_s - 0.9) < 0.005


def test_saarland(tmp_path):
    found = tracks("saarland", published.saarland(tmp_path))
    assert {track.work for track in found.values()} == {"Bach_BWV849-01", "Chopin_Op010-03"}
    check_notes(found["Bach_BWV849-01_001_20090916-SMD"], 77, 0.002)
    assert len(tracks("saarland", tmp_path / "SMD-piano_v2", work="chopin")) == 1


def test_pairs_want_twins(tmp_path):
    published.audio(tmp_path / "audio" / "one.mp3")
    published.midi(tmp_path / "midi" / "one.mid")
    check_notes(tracks("pairs", tmp_path)["one"], 77, 0.002)
    published.midi(tmp_path / "midi" / "two.mid")
    assert "no audio of the same name" in refused("pairs", tmp_path)
    assert "There is no" in refused("pairs", tmp_path / "nowhere")


def test_tables_in_the_shared_format(tmp_path):
    for name in ("one_ENSTDkCl", "one_ENSTDkAm", "two"):
        published.audio(tmp_path / f"{name}.wav")
        rows = "".join(f"{a}\t{b}\t{pitch}\t71\n" for a, b, pitch in published.NOTES)
        (tmp_path / f"{name}.tsv").write_text("onset_s\toffset_s\tpitch\tvelocity\n" + rows)
    found = tracks("tables", tmp_path)
    check_notes(found["two"], 71)
    assert found["one_ENSTDkCl"].work == found["one_ENSTDkAm"].work and found["two"].split is None
    (tmp_path / "splits.json").write_text('{"train": ["two"], "validation": ["one_ENSTDkCl"]}')
    assert {name: track.split for name, track in tracks("tables", tmp_path).items()} == {
        "two": "train",
        "one_ENSTDkCl": "validation",
    }
    (tmp_path / "two.tsv").unlink()
    assert "no table of notes" in refused("tables", tmp_path)


def test_maps_as_distributed(tmp_path):
    found = tracks("maps", published.maps(tmp_path))
    assert sorted(found) == ["MAPS_MUS-alb_se2_ENSTDkCl", "MAPS_MUS-ty_mai_ENSTDkAm", "MAPS_MUS-ty_mai_ENSTDkCl"]
    check_notes(found["MAPS_MUS-alb_se2_ENSTDkCl"], 77, 0.002)  # velocities of the MIDI file
    assert len({track.work for track in found.values()}) == 2
    assert len(tracks("maps", tmp_path, collection="ENSTDkAm")) == 1
    stem = tmp_path / "MAPS_ENSTDkCl_2" / "ENSTDkCl" / "MUS" / "MAPS_MUS-alb_se2_ENSTDkCl"
    published.midi(stem.with_suffix(".mid"), published.NOTES[:2])
    check_notes(tracks("maps", tmp_path)["MAPS_MUS-alb_se2_ENSTDkCl"], 64)  # another performance's are not taken
    stem.with_suffix(".txt").unlink()
    assert "no twin" in refused("maps", tmp_path)


def test_maps_as_tables(tmp_path):
    found = tracks("maps", published.maps_tables(tmp_path))
    assert sorted(found) == ["alb_se2_ENSTDkCl", "ty_mai_ENSTDkAm", "ty_mai_ENSTDkCl"]
    check_notes(found["ty_mai_ENSTDkAm"], 71)
    (tmp_path / "tsv" / "ty_mai_ENSTDkAm.tsv").write_text("a\tb\tc\td\n0.1\t0.2\n")
    assert "line 2" in refused("maps", tmp_path)


def test_guitarset(tmp_path):
    found = tracks("guitarset", published.guitarset(tmp_path))
    assert len(found) == 4 and {track.work for track in found.values()} == {"BN1-129-Eb"}
    notes = found["00_BN1-129-Eb_comp"].read_notes()
    assert [note.pitch for note in notes] == [60, 64, 67, 60]  # both strings, the second as columns
    assert len(tracks("guitarset", tmp_path, collection="01")) == 2
    assert len(tracks("guitarset", tmp_path, collection="solo")) == 2
    path = tmp_path / "annotation" / "00_BN1-129-Eb_comp.jams"
    path.write_text(path.read_text().replace('"value"', '"wert"'))
    assert "without time, duration or pitch" in refused("guitarset", tmp_path)
    path.write_text("{}")
    assert "no annotations" in refused("guitarset", tmp_path)


def test_bach_violin(tmp_path):
    found = tracks("bach-violin", published.bach_violin(tmp_path))
    assert sorted(found) == ["emil-telmanyi_bwv1001_mov1", "emil-telmanyi_bwv1001_mov2", "john-garner_bwv1001_mov1"]
    second = found["emil-telmanyi_bwv1001_mov2"]
    assert (second.start_s, second.stop_s) == (2.0, 4.0)
    check_notes(second, 64)
    assert found["emil-telmanyi_bwv1001_mov1"].work == found["john-garner_bwv1001_mov1"].work != second.work
    assert found["john-garner_bwv1001_mov1"].about["licence"] == "CC BY 3.0" and second.about["licence"] == "PD"
    assert len(tracks("bach-violin", tmp_path, collection="john-garner")) == 1
    alignment = tmp_path / "bach-violin" / "alignments" / "john-garner" / "john-garner_bwv1001_mov1.csv"
    alignment.write_text("start,end\n0.1,0.2\n")
    assert "has 1 rows" in refused("bach-violin", tmp_path)
    assert bachviolin.seconds("1:02:03.5", tmp_path) == 3723.5
    with pytest.raises(OrchestrionError, match="h:mm:ss"):
        bachviolin.seconds("now", tmp_path)


def test_urmp(tmp_path):
    mixes = tracks("urmp", published.urmp(tmp_path))
    assert sorted(mixes) == ["URMP_01_Jupiter_vn_vc", "URMP_36_Rondeau_vn_vn", "URMP_37_Rondeau_vn_va"]
    assert len(mixes["URMP_01_Jupiter_vn_vc"].read_notes()) == 6
    violins = tracks("urmp", tmp_path, instrument="violin")
    assert len(violins) == 4 and {track.work for track in violins.values()} == {"Jupiter", "Rondeau"}
    check_notes(violins["URMP_1_vn_01_Jupiter"], 64, 0.002)
    assert violins["URMP_1_vn_01_Jupiter"].audio.name == "AuSep_1_vn_01_Jupiter.wav"
    assert "no 'kazoo'" in refused("urmp", tmp_path, instrument="kazoo")
    with pytest.raises(OrchestrionError, match="no pitch"):
        urmp.pitch_of(0.0, tmp_path, 1)
    assert urmp.pitch_of(440.0, tmp_path, 1) == 69.0


def test_unknown_names():
    with pytest.raises(OrchestrionError, match="there are musicnet"):
        initialise("musicnett", ".")
    assert plain_name("a/b c.d-é") == "b_c_d-é"
