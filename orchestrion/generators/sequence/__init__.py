"""The generators of Xu & Swar 2021, "Lo-Fi Music Generation with Sequential Models", all at 4,410 samples a second.

No stems are needed to use them: the paper separated its songs to make the task easier and reports that this did not help the TCN.
"""
