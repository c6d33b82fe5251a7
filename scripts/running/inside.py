"""The part of a run that happens inside a lane.

    python -m skybed.scripts.running.inside RUN [--cli [--no-terminal]] [--zero-ns NS] [--report-every S]
        [--kind FILE]... [--folder DIRECTORY] [--underlay FD [--host NUMBER]] [--kernel NUMBER]

RUN holds what it is given (scripts.running.handover). NS: run time 0 by CLOCK_REALTIME; without it, as soon
as all is ready. FILE: the module of a flow kind that is not skybed's own. DIRECTORY: where whoever began the
run is, so that files are found from there at the prompt and in scripts. How it goes is told over the lane's
channel, and what is asked over it is done. With --cli the terminal is Mininet's prompt; with --no-terminal
what is typed there comes over the channel too. FD: of the machine's own network namespace, where the sky
stands on several hosts (docs/hosts.md); NUMBER: of this one, where it is not the first; of this kernel, where
several play the sky (docs/cores.md).
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import sys
import traceback
from functools import partial
from pathlib import Path

from skybed.emulator.lanes import channel
from skybed.emulator.lanes.channel import Channel
from skybed.scripts.running import lean, leaving, messages
from skybed.topologies.errors import SkybedError

PR_SET_TIMERSLACK = 29


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--cli", action="store_true", dest="interactive")
    parser.add_argument("--no-terminal", action="store_false", dest="terminal")
    parser.add_argument("--zero-ns", type=int)
    parser.add_argument("--report-every", type=float, default=1.0, metavar="S")
    parser.add_argument("--kind", action="append", default=[], metavar="FILE", dest="kinds")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--underlay", type=int, metavar="FD")
    parser.add_argument("--host", type=int, metavar="NUMBER")
    parser.add_argument("--kernel", type=int, metavar="NUMBER")
    options = parser.parse_args(arguments)
    if options.folder:
        with contextlib.suppress(OSError):  # one that is closed to the lane's user
            os.chdir(options.folder)
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)  # timers wake by the nanosecond, those of children too
    for descriptor in (channel.DESCRIPTOR, options.underlay):
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
    os.set_blocking(channel.DESCRIPTOR, False)  # how it goes is said, whether or not anybody listens
    outside = Channel(channel.DESCRIPTOR, listens=True)
    tell = partial(messages.say, outside)
    try:
        with leaving.importing():
            lean.imports()
            from skybed.scripts.running import playing

            if options.host is not None:
                from skybed.scripts.running import hosted

        play = playing.play if options.host is None else hosted.play
        facts = play(options, outside)
    except SkybedError as error:
        tell(messages.Refused(str(error), error.exit_code))
        return 1
    except Exception as error:
        traceback.print_exc()
        tell(messages.Broken(f"{type(error).__name__}: {error}"))
        return 1
    tell(messages.Done(facts))
    if options.host is not None:
        hosted.stand(outside)
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    leaving.leave(status)
    sys.exit(status)
