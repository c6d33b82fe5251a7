"""One family of errors: each is a sentence that says what is wrong, where, and what to do."""


class SkybedError(Exception):
    """Base of every error that skybed raises on purpose; `exit_code` is what the command returns."""

    exit_code = 2


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
