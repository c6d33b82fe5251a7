"""Hosts in a guest: network namespaces that a bridge joins, each end of which is 0.5 ms away."""

ONE_WAY_US = 500
NAMES = ("a", "b", "c")

# Makes them, in a program that runs in a lane. on(host, *command): what runs a command there.
MAKE = f"""
import json, os, subprocess, time
from pathlib import Path

FOLDER = Path(__file__).parent
os.environ["TMPDIR"] = str(FOLDER / "temporary")
os.mkdir(os.environ["TMPDIR"])

def run(*words):
    subprocess.run([*map(str, words)], check=True)

def on(host, *words):
    return ["ip", "netns", "exec", f"h{{host}}", *map(str, words)]

run("ip", "netns", "add", "switch")
run("ip", "-n", "switch", "link", "add", "name", "br0", "type", "bridge")
run("ip", "-n", "switch", "link", "set", "br0", "up")
for number, host in enumerate({NAMES!r}, 1):
    run("ip", "netns", "add", f"h{{host}}")
    run("ip", "-n", f"h{{host}}", "link", "add", "u0", "mtu", MTU, "type", "veth",
        "peer", "name", f"to-{{host}}", "netns", "switch", "mtu", MTU)
    run("ip", "-n", "switch", "link", "set", f"to-{{host}}", "master", "br0", "up")
    run("ip", "-n", f"h{{host}}", "link", "set", "lo", "up")
    run("ip", "-n", f"h{{host}}", "link", "set", "u0", "up")
    run("ip", "-n", f"h{{host}}", "address", "add", f"10.99.0.{{number}}/24", "dev", "u0")
    run("tc", "-n", f"h{{host}}", "qdisc", "add", "dev", "u0", "root", "netem", "delay", "{ONE_WAY_US}us")

def links():
    return {{host: subprocess.run(on(host, "ip", "-o", "link"), capture_output=True, text=True).stdout
            for host in {NAMES!r}}}
"""
