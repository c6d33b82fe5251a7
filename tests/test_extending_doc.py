"""docs/extending.md: its examples say what is enough, and do what they say. Some are played in tests/live."""

import os
import pathlib
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import kinds, metrics, tables
from skybed.topologies.plan import export
from skybed.topologies.scenario import file
from skybed.traffic.kinds import probe
from support.command import skybed
from support.extending import beacons, changed_copy, example, forgotten

ROOT = pathlib.Path(__file__).parents[1]
PAIR = ROOT / "scenarios" / "pair.yaml"
BEACON = yaml.safe_load(example("A flow kind", language="yaml"))


def text(**changes):
    fields = yaml.safe_load(PAIR.read_text()) | BEACON | changes
    return yaml.safe_dump(fields, sort_keys=False)


def parse(written):
    return file.parse(written, "pulse.yaml", PAIR.parent)


@pytest.fixture
def beacon(tmp_path):
    with beacons(tmp_path):
        yield


def test_a_kind_that_nobody_registered_is_none():
    with pytest.raises(
        ScenarioError,
        match=r"traffic\[0\].kind is beacon; it must be probe, trace, udp, tcp, program, bundles or ccsds\.",
    ):
        parse(text())


def test_a_registered_kind_is_one_like_any_other(beacon):
    (flow,) = parse(text()).traffic
    assert (flow.kind, flow.every_s, flow.family) == ("beacon", 0.5, 4)
    assert kinds.of(flow).packets(flow, 30) == 60
    assert parse(parse(text()).dump()) == parse(text())
    assert tables.TABLES["beacons"] is kinds.of(flow).TABLE


@pytest.mark.parametrize(
    "old, new, says",
    [
        ("every_s: 0.5", "every_s: 0", r"traffic\[0\].every_s is 0; it must be more than 0\."),
        ("every_s: 0.5", "evry_s: 1", r"traffic\[0\].evry_s is not a field \(did you mean every_s\?\)\."),
        ("from: miyun\n  to:", "to:", r"traffic\[0\].from is missing\."),
        (
            "kind: beacon",
            "kind: beacn",
            r"kind is beacn; it must be probe, trace, udp, tcp, program, bundles, ccsds or beacon\.",
        ),
        (
            "heard_pct",
            "loss_pct",
            r"is loss_pct, which is measured of no beacon flow \(there are handovers, h",
        ),
        ("heard_pct", "herd_pct", r"herd_pct is not a metric \(did you mean heard_pct\?\)\."),
    ],
)
def test_its_errors_have_line_and_field(beacon, old, new, says):
    written = text()
    assert old in written
    with pytest.raises(ScenarioError, match=r"pulse.yaml, line \d+: .*" + says):
        parse(written.replace(old, new))


def test_what_was_measured_of_it_and_what_it_was_to_send(beacon):
    (flow,) = parse(text()).traffic
    rows = pd.DataFrame({"sent_s": [0.0, 0.5, 1.0, 1.5], "heard_s": [np.nan, 0.52, 1.02, 1.52]})
    run = SimpleNamespace(played_s=2.0, rows=lambda _flow: rows)
    assert kinds.of(flow).measure(run, flow) == {"sent": 4, "lost": 1, "heard_pct": 75.0}
    assert kinds.of(flow).due(flow, 2.0, 0, 1) == len(kinds.of(flow).sent(run, flow)) == 4


def test_an_installed_package_brings_a_kind(tmp_path):
    """Its entry point, in a process that has it on its path."""
    (tmp_path / "beacon.py").write_text(example("A flow kind"))
    info = tmp_path / "beacons-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: beacons\nVersion: 1\n")
    points = example("A flow kind", language="toml").replace("project.entry-points.", "").replace('"', "")
    (info / "entry_points.txt").write_text(points.replace("my_package.", ""))
    (tmp_path / "pulse.yaml").write_text(text())
    program = "import skybed; print(skybed.Scenario.load('pulse.yaml').traffic[0].every_s)"
    path = os.pathsep.join([str(tmp_path), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "0.5\n", done.stderr


def test_a_routing_protocol_is_a_module_and_an_entry(tmp_path):
    rule = yaml.safe_load(example("A routing protocol", language="yaml"))
    with pytest.raises(ScenarioError, match=r"routing.protocol is babel; it must be oracle, .* or custom\."):
        parse(text(traffic=[], accept=[], **rule))
    changed = changed_copy(tmp_path / "skybed", "A routing protocol")
    scenario = tmp_path / "babel.yaml"
    scenario.write_text(text(traffic=[], accept=[], **rule))
    assert "scenario  pair" in changed(0, "plan", scenario)
    scenario.write_text(text(traffic=[], accept=[], routing={"protocol": "bable"}))
    assert "routing.protocol is bable; it must be oracle, " in (said := changed(2, "plan", scenario))
    assert said.endswith(" or babel (did you mean babel?).\n")


def test_a_link_property_is_an_entry_a_source_and_what_netem_is_told(tmp_path):
    """Contacts that settle for five seconds, or end before: the class says how much."""
    links = yaml.safe_load(PAIR.read_text())["links"]
    links["x-quick"]["duplicate_pct"] = 30
    written = text(traffic=[], accept=[], links=links)
    with pytest.raises(ScenarioError, match=r"links.x-quick.duplicate_pct is not a field"):
        parse(written)
    changed = changed_copy(tmp_path / "skybed", "A link property")
    (tmp_path / "settling.yaml").write_text(written)
    assert "4 duplication" in changed(0, "plan", tmp_path / "settling.yaml")
    assert "3 duplication" in changed(0, "plan", tmp_path / "settling.yaml", "--duration", "12")


def test_a_metric_is_a_line_and_its_value(tmp_path):
    """The lines of the example, put where they say, in a copy of the module."""
    source = pathlib.Path(probe.__file__).read_text()
    for old, new in {
        '"rtt_min_ms", ': '"rtt_min_ms", "rtt_max_ms", ',
        '"rtt_min_ms": ': example("A metric", 1) + '        "rtt_min_ms": ',
    }.items():
        assert source.count(old) == 1
        source = source.replace(old, new)
    (tmp_path / "probe_and_mean.py").write_text(source)
    with forgotten():
        metrics.add(eval(example("A metric"), vars(metrics)))
        kinds.load(tmp_path / "probe_and_mean.py")
        flow = {"kind": "probe", "name": "p", "from": "miyun", "to": "sanya"}
        limit = {"flow": "p", "metric": "rtt_max_ms", "max": 15}
        (found,) = parse(text(traffic=[flow], accept=[limit])).traffic
        rows = pd.DataFrame({"sent_s": [0.0, 0.1, 0.2], "rtt_us": [8000.0, 9000.0, np.nan], "owd_us": np.nan,
                             "lost": [False, False, True], "reordered": False})  # fmt: skip
        run = SimpleNamespace(played_s=1.0, pieces=lambda *_, **_columns: iter([rows]))
        assert kinds.of(found).measure(run, found)["rtt_max_ms"] == 9
    with pytest.raises(ScenarioError, match="rtt_max_ms is not a metric"):
        parse(text(traffic=[flow], accept=[limit]))


def test_an_export_format_is_a_module_and_a_line(tmp_path, monkeypatch):
    namespace = {}
    exec(example("An export format"), namespace)
    monkeypatch.setitem(export.FORMATS, ".json", namespace["text"])
    skybed(0, "plan", PAIR, "--export", tmp_path / "contacts.json")
    rows = pd.read_json(tmp_path / "contacts.json")
    assert rows["b"].tolist() == ["sanya", "miyun"] and rows["end_s"].tolist() == [30, 30]
