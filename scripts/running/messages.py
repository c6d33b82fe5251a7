"""What the inside of a lane tells the outside, and is asked by it: typed messages over the lane's channel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, get_args, get_type_hints

from skybed.emulator.lanes.channel import Channel
from skybed.topologies.errors import InvalidRun

LONGEST_SHOWN = 80  # characters of what is no message


@dataclass(frozen=True)
class Building:
    """The plan is read, nodes are made."""


@dataclass(frozen=True)
class Converging:
    """Routing daemons run, and have not found all routes yet; told again at every look."""


@dataclass(frozen=True)
class Playing:
    """Run time t_s is reached; told now and then."""

    t_s: float


@dataclass(frozen=True)
class Network:
    """What the player has come to at run time t_s; told with Playing, as Traffic is. late_us: by how much the
    latest event or route since it was told last was late. So far applied: how many events and routes were;
    late: how many of them by more than the scenario allows; skipped: how many events were left out. links:
    that stand; held: [link, direction, property, value] of what is held by hand.
    """

    t_s: float
    late_us: float
    applied: int
    late: int
    skipped: int
    links: int
    held: list


@dataclass(frozen=True)
class Traffic:
    """What traffic has come to at run time t_s. flows: of each by its name what `figures` of its kind gives
    (topologies.model.kinds).
    """

    t_s: float
    flows: dict


@dataclass(frozen=True)
class Carried:
    """What links carried in the second from run time t_s on, where the kernel's counters are read; told as
    often as Traffic. links: [node that sends, peer, Mbit/s] of those that carried something.
    """

    t_s: float
    links: list


@dataclass(frozen=True)
class Ending:
    """It has been played: answers under way are awaited, tables written."""


@dataclass(frozen=True)
class Done:
    """All is over and written. facts: for the manifest."""

    facts: dict


@dataclass(frozen=True)
class Refused:
    """It cannot go on. why: a SkybedError's sentence; exit_code: which kind."""

    why: str
    exit_code: int


@dataclass(frozen=True)
class Broken:
    """A defect ended it. error: its kind and words; the traceback is in the lane's log."""

    error: str


@dataclass(frozen=True)
class Noted:
    """How far a measurement of the benchmark is, in words."""

    words: str


@dataclass(frozen=True)
class Measured:
    """What a section of the benchmark found."""

    section: dict


@dataclass(frozen=True)
class Stop:
    """Asked of the inside: end the run early, and write its tables."""


@dataclass(frozen=True)
class Command:
    """For the prompt of the inside, where that has no terminal: a line, or "" at the end of all."""

    line: str


# Of visitors from a second terminal, each with a number. Data is in base64.


@dataclass(frozen=True)
class Enter:
    """Asked of the inside: run a command in a node, on a terminal of this kind and size if term is not ""."""

    visitor: int
    node: str
    command: list
    term: str
    rows: int
    columns: int


@dataclass(frozen=True)
class Typed:
    """Asked of the inside: give this to the command; "": there will be no more."""

    visitor: int
    data: str


@dataclass(frozen=True)
class Leave:
    """Asked of the inside: end the command."""

    visitor: int


@dataclass(frozen=True)
class Printed:
    """The command has printed this. stream: 1 standard output, 2 standard error."""

    visitor: int
    stream: int
    data: str


@dataclass(frozen=True)
class Exited:
    """The command has ended."""

    visitor: int
    code: int


@dataclass(frozen=True)
class Look:
    """Asked of the inside: what is in force on the links."""

    visitor: int


@dataclass(frozen=True)
class Seen:
    """What is in force at run time t_s. links: of each that stands by plan its number, its values [direction]
    [Property], and which of these are held by hand.
    """

    visitor: int
    t_s: float
    links: list


# Between the first host of a run and each of the others (scripts/running/others.py).


@dataclass(frozen=True)
class Greeting:
    """Of a host: it is there, and what it has."""

    skybed: str
    kernel: str


@dataclass(frozen=True)
class Answers:
    """Of a host: it answers exchanges over the underlay."""


@dataclass(frozen=True)
class Underlay:
    """Of a host: the round trip to others with which it shares links, by their names."""

    rtt_us: dict


@dataclass(frozen=True)
class Ready:
    """Of a host: what stands at run time 0 is made."""


@dataclass(frozen=True)
class Begun:
    """Of a host: it plays by that clock."""


@dataclass(frozen=True)
class Given:
    """A piece of a file, in base64; its pieces come in order. path: in the run directory."""

    path: str
    data: str


@dataclass(frozen=True)
class Stand:
    """Asked of a host: all files are there, it is the one of this number."""

    number: int


@dataclass(frozen=True)
class Measure:
    """Asked of a host: all others answer, too."""


@dataclass(frozen=True)
class Begin:
    """Asked of a host: when run time 0 is, ns of its CLOCK_REALTIME."""

    zero_ns: int


@dataclass(frozen=True)
class Over:
    """Of one of several kernels: its traffic is over, and it stands, as that of others may not be. early:
    before the end of the scenario.
    """

    early: bool


@dataclass(frozen=True)
class Part:
    """Asked of one of several kernels: the traffic of all is over."""


@dataclass(frozen=True)
class End:
    """Asked of a host: this run time was reached; write tables, and stand until nobody is left."""

    played_s: float


Message = (
    Building | Converging | Playing | Network | Traffic | Carried | Ending | Done | Refused | Broken | Noted
    | Measured | Stop | Command | Enter | Typed | Leave | Printed | Exited | Look | Seen | Greeting | Given
    | Stand | Answers | Measure | Underlay | Ready | Begin | Begun | Over | Part | End
)  # fmt: skip
KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in get_args(Message)}


Heard = Network | Traffic | Carried  # of what a run has come to
Answer = Printed | Exited | Seen  # to who came through the door


def say(channel: Channel, message: Message) -> None:
    channel.send(encoded(message))


def offer(channel: Channel, message: Message) -> None:
    """The same, but nobody waits for who does not listen: then it is left out."""
    channel.offer(encoded(message))


def said(channel: Channel) -> Iterator[Message]:
    """What comes, until the other end is gone. Raises InvalidRun for what is no message."""
    return map(decoded, channel.lines())


def encoded(message: Message) -> bytes:
    """A line of JSON: the message's name, and its fields."""
    return json.dumps([type(message).__name__, asdict(message)]).encode()


def decoded(line: bytes) -> Message:
    """The message that was encoded. Raises InvalidRun for what is none."""
    try:
        name, fields = json.loads(line)
        kind = KINDS[name]
        hints = get_type_hints(kind)
        if fields.keys() == hints.keys() and all(_is(fields[key], hint) for key, hint in hints.items()):
            return kind(**fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    shown = line[:LONGEST_SHOWN].decode(errors="replace")
    raise InvalidRun(f"Over the channel of the lane came what is no message of this version's: {shown!r}.")


def _is(value: Any, hint: type) -> bool:
    return isinstance(value, (int, float) if hint is float else hint)
