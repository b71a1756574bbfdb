"""What is sung, whistled or played to the page, written down: a take to correct and go on from, as ``compose --prime hum.wav`` hears it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrion.audio import Waveform
from orchestrion.audio.decoding import opened
from orchestrion.errors import OrchestrionError
from orchestrion.labelling.bars import Barred
from orchestrion.labelling.transcribing import PRIME_GRID, transcribe
from orchestrion.options import Transcribing
from orchestrion.studio import controls
from orchestrion.studio.jobs import StudioJob
from orchestrion.studio.scorejson import MidiScore, check_length
from orchestrion.studio.takes import SessionTake, Takes
from orchestrion.suffixes import AUDIO
from orchestrion.terminal import plural

LONGEST_HEARD_S = 120.0
MOST_HEARD_BYTES = 24 << 20  # two minutes in stereo at 48 kHz
HIGHEST_RATE = 192_000


@dataclass(frozen=True)
class HearingRequest:
    """Audio whose tune is to be written down.

    Attributes:
        data: the bytes of a file.
        suffix: how its name ends, one of `suffixes.AUDIO`.
        wishes: the meter of its bars, on the composers' grid.
    """

    data: bytes
    suffix: str
    wishes: Transcribing

    @classmethod
    def of(cls, data: bytes, suffix: str, meter: str) -> HearingRequest:
        """From what the page sent.

        Raises:
            OrchestrionError: no such kind of file, an empty or too large one, or no meter.
        """
        if suffix not in AUDIO:
            raise OrchestrionError(f"The studio listens to {', '.join(AUDIO)}.")
        if not data:
            raise OrchestrionError("The recording is empty.")
        if len(data) > MOST_HEARD_BYTES:
            raise OrchestrionError(f"The recording has more than {MOST_HEARD_BYTES >> 20} MiB; {_CUT}")
        wishes = Transcribing.of(quantize=PRIME_GRID, **({"meter": meter} if meter else {}))
        return cls(data, suffix, wishes)

    def run(self, job: StudioJob, takes: Takes) -> None:
        """Write the tune down, keep it, and tell of it."""
        number = takes.number()
        given = f"take-{number}-given{self.suffix}"
        job.tell("preparing", what="Writing down what is heard")
        audio, found = self._hear(given)
        job.check()
        check_length(found.score)
        meter = "{}/{}".format(*self.wishes.meter)
        spoken = [] if self.wishes.meter == Transcribing().meter else ["--meter", meter]
        command = controls.command("transcribe", given, *spoken, "--quantize", PRIME_GRID, "-o", f"take-{number}.mid")
        midi = MidiScore.of(found.score)
        what = f"a tune heard, {plural(len(midi.score.notes), 'note')}, {found.bpm:.0f} quarters a minute"
        settings = {"meter": meter, "quantize": PRIME_GRID}
        take = SessionTake(f"take-{number}", "heard", what, midi, command, settings, audio, {given: self.data})
        job.tell("take", gone=takes.add(number, take), bpm=round(found.bpm), **take.facts(number))

    def _hear(self, name: str) -> tuple[Waveform, Barred]:
        """The audio, and its tune, which is titled by the file's name, as the command line does."""
        with TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of channels that cancel, which is mended
            path = Path(folder) / name
            path.write_bytes(self.data)
            try:
                with opened(path) as handle:
                    if handle.samplerate > HIGHEST_RATE:
                        raise OrchestrionError(f"The recording has {handle.samplerate:,} samples a second, more than {HIGHEST_RATE:,}.")
                audio = Waveform.read(path, longest_s=LONGEST_HEARD_S)
                found = transcribe(audio, self.wishes)
                return audio, replace(found, score=replace(found.score, title=path.stem))
            except OrchestrionError as error:
                said = str(error).replace(str(path), "the recording")
                raise OrchestrionError(said[:1].upper() + said[1:]) from error


_CUT = f"the studio listens to {LONGEST_HEARD_S / 60:g} minutes at a time, and the command line (orchestrion transcribe) to more."
