"""Benchmark: nodes on the machine's own kernel, where it cannot carry a sky.

    python -m skybed.scripts.bench.natively HOSTS

brings up a stock Mininet of so many hosts in a row, with plain links, and as many nodes of ours, and prints
what that took as JSON. `beside` runs it in namespaces of its own, so that nothing of it is ever in the
machine's, and nothing of it stays. In the uml lane each process that Mininet starts costs several times more.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

from mininet.link import Link

from skybed.scripts.bench import skies
from skybed.scripts.bench.figures import figure

APART = ["unshare", "--net", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"]
PATIENCE_S = 600.0
NEEDS_ROOT = "As root, nodes on the machine's own kernel are measured too."


def beside(hosts: int, rounds: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Figures, and sentences where there are none."""
    if os.geteuid() or not shutil.which(APART[0]):
        return [], [NEEDS_ROOT]
    command = [*APART, sys.executable, "-m", "skybed.scripts.bench.natively", str(hosts)]
    made = []
    for _ in range(rounds):
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
        if done.returncode:
            return [], [f"On the machine's own kernel: {done.stderr.strip().splitlines()[-1]}"]
        made.append(json.loads(done.stdout))

    def of(key: str) -> list[float]:
        return [each[key] for each in made]

    return [
        figure("native_node_ms", "the machine's kernel, ms a node", of("ours_ms"), of("host_ms"), "Mininet"),
        figure("native_link_ms", "  a plain link, ms", [], of("link_ms"), "Mininet"),
    ], []


def measure(hosts: int) -> dict[str, float]:
    """ms: of a host of Mininet, of a link between two, of a node of ours."""
    net = skies.stock_net()
    began_s = time.monotonic()
    made = [net.addHost(f"h{n}") for n in range(hosts)]
    hosts_s = time.monotonic()
    for a, b in pairwise(made):
        net.addLink(a, b, cls=Link)
    links_s = time.monotonic()
    for host in made:
        host.configDefault()
    up_s = time.monotonic()
    net.stop()
    plan = skies.grid((hosts, 1), pattern="none")
    ours_s = time.monotonic()
    sky = skies.open_sky(plan)
    opened_s = time.monotonic()
    sky.stop()
    return {
        "host_ms": 1e3 * (hosts_s - began_s + up_s - links_s) / hosts,
        "link_ms": 1e3 * (links_s - hosts_s) / (hosts - 1),
        "ours_ms": 1e3 * (opened_s - ours_s) / hosts,
    }


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
