"""Contacts in JSON: HDTN's, and the IETF's Time-Variant Routing. The latter is valid by the published YANG
modules; a folder with these, named by SKYBED_YANG, has that tested again.
"""

import importlib.util
import json
import os
import pathlib
import re

import numpy as np
import pandas as pd
import pytest

from skybed.topologies.plan import export
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.places import SCENARIOS

YANG = os.environ.get("SKYBED_YANG")
TVR = "ietf-tvr-topology:available"


@pytest.fixture(scope="module")
def ring():
    return Plan.make(Scenario.load(SCENARIOS / "ring12.yaml"), duration_s=3600)


def test_hdtn_has_each_contact_both_ways_in_whole_seconds(ring):
    contacts = json.loads(export.hdtn.text(ring))["contacts"]
    assert [contact["contact"] for contact in contacts] == list(range(len(contacts)))
    assert set(contacts[0]) == {
        "contact", "source", "dest", "startTime", "endTime", "rateBitsPerSec", "owlt"
    }  # fmt: skip
    rows = export.csv.contact_table(ring)
    rows = rows[np.floor(rows.end_s) > np.ceil(rows.start_s)]
    assert len(contacts) == 2 * len(rows)
    for row, there, back in zip(rows.itertuples(), contacts[::2], contacts[1::2], strict=True):
        assert (there["source"], there["dest"]) == (back["dest"], back["source"])
        assert (there["source"], there["dest"]) == (ring.index[row.a] + 1, ring.index[row.b] + 1)
        assert 0 <= there["startTime"] - row.start_s < 1 and 0 <= row.end_s - there["endTime"] < 1
        assert there["rateBitsPerSec"] == pytest.approx(row.rate_mbps * 1e6)


def schedules(plan):
    """(node, peer, entries) of every termination point."""
    (network,) = json.loads(export.tvr.text(plan))["ietf-network:networks"]["network"]
    assert network["network-types"] == {"ietf-tvr-topology:tvr-topology": {}}
    for node in network["node"]:
        for point in node["ietf-network-topology:termination-point"]:
            yield node["node-id"], point["tp-id"], point[TVR]["schedule"]


def test_tvr_schedules_are_the_contacts_and_their_delays(ring):
    begin = pd.Timestamp(ring.scenario.begin)
    seconds = {}
    for node, peer, entries in schedules(ring):
        link = ring.network.link_between[ring.node(node), ring.node(peer)]
        for entry in entries:
            start_s, end_s = (
                (pd.Timestamp(entry[f"period-{end}"]) - begin).total_seconds() for end in ("start", "end")
            )
            seconds[link] = seconds.get(link, 0) + end_s - start_s
            told = entry["link-attributes"]
            delay_us = 1e6 * ring.delay_s(link, np.linspace(start_s, end_s, 200))
            assert np.abs(delay_us - int(told["delay"])).max() < 1000
            assert told["link-available"] is True and told["destination-nodes"] == [peer]
            assert int(told["bandwidth"]) > 0
    contacts = ring.contacts.assign(length_s=ring.contacts["end_s"] - ring.contacts["start_s"])
    stands_s = 2 * contacts.groupby("link")["length_s"].sum()
    assert seconds == pytest.approx(stands_s.to_dict(), abs=1e-4)


def test_a_contact_is_cut_where_its_delay_drifts(ring):
    cut = [entries for *_, entries in schedules(ring) if len(entries) > 3]
    assert cut
    for entries in cut:
        assert [entry["schedule-id"] for entry in entries] == list(range(len(entries)))


def test_the_ending_of_a_name_may_have_two_parts(ring, tmp_path):
    for ending in (".tvr.json", ".hdtn.json"):
        export.write(ring, tmp_path / f"ring{ending}")
        assert (tmp_path / f"ring{ending}").read_text() == export.FORMATS[ending](ring)


@pytest.mark.skipif(
    not YANG or not importlib.util.find_spec("yangson"),
    reason="SKYBED_YANG names no folder of YANG modules, or yangson is not installed",
)
@pytest.mark.parametrize("name", ["pair", "ring12", "sc-mini"])
def test_tvr_is_valid_by_the_published_modules(name):
    from yangson import DataModel, enumerations

    modules = []
    for path in sorted(pathlib.Path(YANG).glob("*.yang")):
        text = path.read_text()
        module = re.search(r"^\s*module\s+([\w-]+)", text, re.MULTILINE)[1]
        modules.append(
            {
                "name": module,
                "revision": max(re.findall(r"revision\s+\"?(\d{4}-\d\d-\d\d)", text)),
                "namespace": re.search(r'namespace\s+"([^"]+)"', text)[1],
                "conformance-type": "implement"
                if module in ("ietf-network", "ietf-network-topology", "ietf-tvr-topology")
                else "import",
            }
        )
    library = {"ietf-yang-library:modules-state": {"module-set-id": "tvr", "module": modules}}
    plan = Plan.make(Scenario.load(SCENARIOS / f"{name}.yaml"))
    told = DataModel(json.dumps(library), [YANG]).from_raw(json.loads(export.tvr.text(plan)))
    told.validate(ctype=enumerations.ContentType.config)
