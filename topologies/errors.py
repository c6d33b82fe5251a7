"""One family of errors: each is a sentence that says what is wrong, where, and what to do."""

LONGEST = 1000  # characters of a line of a message: nobody reads more


def shown(text: str) -> str:
    """A text by anybody, such as a file's or a stranger's, as a terminal may get it.

    What a terminal would obey instead of showing it is spelled out (as \\x1b), and of a line of more than
    LONGEST characters the middle is left out: where, and what to do, stand at its ends.
    """
    return "\n".join(map(_shown, text.split("\n")))


def _shown(line: str) -> str:
    if len(line) > LONGEST:
        line = f"{line[: LONGEST * 2 // 3]} ... {line[-LONGEST // 3 :]}"
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class SkybedError(Exception):
    """Base of every error that skybed raises on purpose; `exit_code` is what the command returns.

    What it quotes may be by anybody: its sentences are as a terminal may show them.
    """

    exit_code = 2

    def __init__(self, sentences: str) -> None:
        super().__init__(shown(sentences))


class ScenarioError(SkybedError):
    """The scenario (or an element file it names) cannot be used as it stands."""


class ChangeError(SkybedError):
    """What somebody wants to change on a sky that is being played cannot be done."""


class RunError(SkybedError):
    """A run directory lacks something or holds something unreadable."""


class InvalidRun(SkybedError):
    """The emulation was distorted: the figures of this run must not be used."""

    exit_code = 3


class MachineError(SkybedError):
    """This machine lacks something that the work needs; the message names the remedy."""

    exit_code = 4


BY_EXIT_CODE = {error.exit_code: error for error in (ScenarioError, InvalidRun, MachineError)}
