"""General MIDI programs of Humdrum's instrument codes (``*I...``; Humdrum Guide, appendix II)."""

PROGRAMS = {
    "piano": 0, "pianoforte": 0, "fortp": 0, "cemba": 6, "clavi": 7, "cel": 8, "celes": 8, "vibra": 11, "marim": 12,
    "xylo": 13, "organ": 19, "porgn": 19, "harmo": 20, "accor": 21, "guitr": 24, "lute": 24, "viola": 41, "violn": 40,
    "violin": 40, "vn": 40, "cello": 42, "violc": 42, "contra": 43, "cbass": 43, "harp": 46, "strgs": 48, "vox": 52,
    "soprn": 52, "alto": 52, "tenor": 52, "bass": 52, "calto": 52, "mezzo": 52, "barit": 52, "cor": 60, "corno": 60,
    "tromp": 56, "tromb": 57, "tuba": 58, "sax": 65, "saxS": 64, "saxA": 65, "saxT": 66, "saxR": 67, "oboe": 68,
    "cangl": 69, "fagot": 70, "clars": 71, "clarp": 71, "clara": 71, "clarb": 71, "picco": 72, "flt": 73, "flute": 73,
    "recor": 74, "flts": 74, "flta": 74, "fltt": 74, "fltb": 74, "gamba": 42, "viol": 42, "mando": 25, "banjo": 105,
}  # fmt: skip
