"""A step that is a program of the user's own: it reads what has come, and writes what goes on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from skybed.traffic import processes
from skybed.traffic.nodes import NodeHandle
from skybed.traffic.shared import Shared
from skybed.traffic.waiting import Moment

INPUT, OUTPUT, PRINTED = "input", "output", "printed.txt"


class Program:
    """One time that it runs, in a folder of its own. ended: comes with how many bytes it has written; ends as
    `failed` where it could not be started, or ended with another exit code than 0.
    """

    def __init__(
        self, shared: Shared, node: NodeHandle, folder: Path, command: str, size: int, about: dict[str, str]
    ) -> None:
        self.ended = Moment()
        folder.mkdir(parents=True)
        with (folder / INPUT).open("wb") as file:
            file.truncate(size)  # so many zeros, which take no room
        self._output = folder / OUTPUT
        environment = {
            **os.environ, "INPUT": str(folder / INPUT), "OUTPUT": str(self._output), "HOME": str(folder),
            "SKYBED_NODE": node.name, **about,
        }  # fmt: skip
        printed = shared.closing.enter_context((folder / PRINTED).open("wb"))
        self._process = node.popen(
            ["/bin/sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=printed,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        shared.closing.callback(processes.kill, self._process)
        processes.when_ended(shared.loop, self._process, self._over)

    def stop(self) -> None:
        """What it works on is gone."""
        processes.kill(self._process)

    def _over(self, code: int, _cpu_s: float) -> None:
        if code:
            self.ended.end("failed")
        else:
            self.ended.come(self._output.stat().st_size if self._output.exists() else 0)
