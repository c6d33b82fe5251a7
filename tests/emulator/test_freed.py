"""`skybed clean` waits for the kernel, which frees network namespaces after the processes in them ended."""

import subprocess
import sys
import time

import pytest

from skybed.emulator.lanes import lanes

# A worker of the kernel's is called so while it frees them. This one waits for its input to end.
WORKER = "import sys; open('/proc/self/comm', 'w').write(sys.argv[1]); print(flush=True); input()"


@pytest.mark.parametrize("name", ["kworker/9+netns", "netns+netns"])
def test_who_waits_until_they_are_freed_waits_for_the_kernels_worker(name, monkeypatch):
    monkeypatch.setattr(lanes, "FREED_S", 1.0)
    command = [sys.executable, "-c", WORKER, name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        worker.stdout.readline()
        begun_s = time.monotonic()
        assert not lanes.wait_until_freed()
        assert time.monotonic() - begun_s >= 1.0
        worker.kill()
    monkeypatch.setattr(lanes, "FREED_S", 120.0)
    assert lanes.wait_until_freed()
