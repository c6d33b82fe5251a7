"""The `skybed` command: a module beside this one for each of its commands; errors become exit codes."""

from __future__ import annotations

import resource
import sys
from typing import Any

import click

from skybed.scripts.cli.lazy import Lazy
from skybed.scripts.running.leaving import interrupt_on_signals, leave
from skybed.topologies.errors import SkybedError
from skybed.topologies.files import refused

HELP = """A testbed for space-ground networks: Linux nodes, links that follow the orbits, measured answers.

\b
Start with:   skybed doctor
              skybed run pair
"""

EXIT_CODES = """
\b
Exit codes:
  0  pass, or done
  1  fail: what was measured is beyond an acceptance limit
  2  bad input: a sentence says what, where, and what to do
  3  invalid: the emulation was distorted, the figures are of no use
  4  this machine lacks something: see `skybed doctor`
"""

COMMANDS = (
    "baseline", "bench", "campaign", "capture", "clean", "compare", "doctor", "draw", "exec", "host",
    "inspect", "install", "list", "passes", "path", "plan", "ps", "report", "run", "shell", "show", "view",
    "waits",
)  # fmt: skip


# What the loader of libraries says where memory or descriptors are too few.
CANNOT_LOAD = ("failed to map segment", "cannot allocate memory", "cannot map", "Too many open files")


LEAST_ROOM_MB = 600  # of addresses, for its libraries alone


class Skybed(Lazy):
    """Turns every error that skybed knows into one sentence and its exit code."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """As a process of its own, which ends with it."""
        interrupt_on_signals()
        try:
            return super().__call__(*arguments, **settings)
        except SystemExit as end:
            if isinstance(end.code, int):
                leave(end.code)
            raise

    def invoke(self, context: click.Context) -> None:
        room, _ = resource.getrlimit(resource.RLIMIT_AS)
        if room != resource.RLIM_INFINITY and room < LEAST_ROOM_MB << 20:  # where OpenBLAS tries for ever
            says = f"`ulimit -v` leaves {room >> 20} MB; skybed needs {LEAST_ROOM_MB} MB or more."
            click.echo(f"skybed: {says}", err=True)
            context.exit(4)
        try:
            super().invoke(context)
        except SkybedError as error:
            click.echo(f"skybed: {error}", err=True)
            context.exit(error.exit_code)
        except MemoryError:
            click.echo("skybed: not enough memory; take a shorter duration or fewer nodes.", err=True)
            context.exit(4)
        except ImportError as error:  # of a library that is there
            if not any(words in str(error) for words in CANNOT_LOAD):
                raise
            click.echo(f"skybed: {error}; `ulimit -v` and `ulimit -n` tell what limits there are.", err=True)
            context.exit(4)
        except KeyboardInterrupt:
            click.echo("skybed: interrupted; none of its processes is left.", err=True)
            context.exit(130)
        except BrokenPipeError:  # `skybed path ... | head`
            sys.stderr.close()
            context.exit(0)
        except OSError as error:  # a disk that is full, a tool that is missing
            refusal = refused(error)
            click.echo(f"skybed: {refusal}", err=True)
            context.exit(refusal.exit_code)


main = click.version_option(package_name="skybed")(
    Skybed("skybed", package="skybed.scripts.cli", modules=COMMANDS, help=HELP, epilog=EXIT_CODES)
)
