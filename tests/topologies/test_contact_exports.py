"""Contacts in JSON: HDTN's, and the IETF's Time-Variant Routing. The latter is valid by the published YANG
modules; a folder with these, named by SKYBED_YANG, has that tested again.
"""

import json
import os
import pathlib

import numpy as np
import pandas as pd
import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.plan import export
from skybed.topologies.plan.export import yang
from skybed.topologies.plan.plan import Plan
from skybed.topologies.scenario.file import Scenario
from support.command import finished
from support.places import ROOT, SCENARIOS

YANG = os.environ.get("SKYBED_YANG")
REDUCED = ROOT / "tests/data/yang"
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


@pytest.mark.skipif(not YANG, reason="SKYBED_YANG names no folder of YANG modules")
@pytest.mark.parametrize("name", ["pair", "ring12", "sc-mini"])
def test_tvr_is_valid_by_the_published_modules(name):
    yang.check(export.tvr.text(Plan.make(Scenario.load(SCENARIOS / f"{name}.yaml"))), pathlib.Path(YANG))


# -- the option --yang, with those nodes of the modules that are used, as this house read them -----


@pytest.mark.parametrize("name", ["pair", "ring12", "sc-mini"])
def test_tvr_is_valid_by_the_modules_of_a_folder(name):
    yang.check(export.tvr.text(Plan.make(Scenario.load(SCENARIOS / f"{name}.yaml"), duration_s=600)), REDUCED)


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('"delay": "', '"delay": "-', r"node-id=.eo-0-0.*/link-attributes/delay"),
        ('"period-start"', '"period-begin"', r"period-begin"),
        ('"node-id": "miyun"', '"node-id": 7', r"node=7/node-id"),
        ('"tp-id": "miyun"', '"id": "miyun"', r"termination-point"),
    ],
)
def test_yangson_would_find_what_is_wrong(right, wrong, says):
    text = export.tvr.text(Plan.make(Scenario.load(SCENARIOS / "pair.yaml")))
    assert right in text
    with pytest.raises(ScenarioError, match=f"is not valid by the YANG modules in .*: .*{says}"):
        yang.check(text.replace(right, wrong), REDUCED)


def test_a_folder_without_the_modules(tmp_path):
    with pytest.raises(
        ScenarioError, match=r"has no YANG module ietf-network; give a folder with the modules"
    ):
        yang.check("{}", tmp_path)
    for path in REDUCED.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("grouping period {", "grouping period"))
    with pytest.raises(ScenarioError, match=r"the YANG modules in .* cannot be read: "):
        yang.check("{}", tmp_path)


def test_the_command_checks_what_it_writes(tmp_path):
    done = finished("plan", "pair", "--export", tmp_path / "p.tvr.json", "--yang", REDUCED)
    assert done.returncode == 0, done.stderr
    assert "p.tvr.json is valid by the YANG modules in" in done.stdout
    done = finished("plan", "pair", "--export", tmp_path / "p.csv", "--yang", REDUCED)
    assert done.returncode == 2 and "--yang is of an export to .tvr.json; give one." in done.stderr
