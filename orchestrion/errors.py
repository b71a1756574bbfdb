"""The one exception a user can cause."""


class OrchestrionError(ValueError):
    """Bad input, said in one sentence: what is wrong, where, and what to do.

    The command line prints the sentence on standard error and exits with status 1; nothing has been written under a
    final name by then.
    """


class IgnoredWarning(UserWarning):
    """Something in a user's file was not followed; the sentence begins with "ignored:" and names the file."""


def said_by(error: BaseException, longest: int = 200) -> str:
    """What another library's error says, on one line of at most ``longest`` characters: some quote kilobytes of the file."""
    text = " ".join(str(error).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
