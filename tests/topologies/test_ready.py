"""What comes with skybed goes by its name; what is here comes first."""

import shutil

import pytest

from skybed.topologies.errors import ScenarioError
from skybed.topologies.model import ready
from skybed.topologies.scenario import campaign
from skybed.topologies.scenario.file import Scenario

PAIR = ready.SCENARIOS / "pair.yaml"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty directory, which is where names are looked up first."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ready.names("scenario"))
def test_a_scenario_goes_by_its_name(name):
    assert Scenario.load(name) == Scenario.load(ready.SCENARIOS / f"{name}.yaml")
    assert Scenario.load(name).name == name


@pytest.mark.parametrize("name", ready.names("campaign"))
def test_a_campaign_goes_by_its_name(name, place):
    loaded, cases = campaign.load(place.relative_to(place) / name)
    assert loaded.name == name and len(cases) > 1


@pytest.mark.parametrize("what", ready.FOLDERS)
def test_each_is_told_in_one_sentence_that_fits_a_line(what):
    for name, sentence in ready.about(what).items():
        assert sentence.endswith(".") and sentence[0].isupper()
        assert len(f"  {'reroute-schedule'}  {sentence}") <= 80, name


def test_a_file_of_that_name_comes_first(place):
    (place / "pair").write_text(PAIR.read_text().replace("name: pair", "name: mine"))
    assert Scenario.load("pair").name == "mine"
    (place / "pair").unlink()
    assert Scenario.load("pair").name == "pair"


def test_a_folder_of_that_name_comes_first(place):
    (place / "pair").mkdir()
    with pytest.raises(ScenarioError, match="pair: this is a directory; name the scenario file in it"):
        Scenario.load("pair")


@pytest.mark.parametrize("path", ["./no/pair", "pair.yaml", "no/pair.yaml"])
def test_a_path_is_never_a_name(path):
    with pytest.raises(ScenarioError, match="there is no such scenario file"):
        Scenario.load(path)


def test_a_wrong_name_is_told_the_right_one(place):
    with pytest.raises(
        ScenarioError, match=r"^sc-mimi: there is no such scenario \(did you mean sc-mini\?\)\.$"
    ):
        Scenario.load("sc-mimi")
    shutil.copy(PAIR, place / "network.yaml")
    with pytest.raises(ScenarioError, match=r"^netwrk: .* \(did you mean network.yaml\?\)\.$"):
        Scenario.load("netwrk")
    with pytest.raises(ScenarioError, match=r"^zzz: .*; `skybed list` shows the ready scenarios.$"):
        Scenario.load("zzz")


def test_other_values_of_one_that_is_ready_are_told_by_its_name():
    with pytest.raises(ScenarioError, match=r"^pair with layers\.eo\.rol: .* \(did you mean role\?\)\.$"):
        Scenario.load("pair").with_({"layers.eo.rol": "relay"})


def test_a_campaign_may_name_its_scenario_by_name_or_file(place):
    def loaded(scenario):
        (place / "c.yaml").write_text(f"name: c\nscenario: {scenario}\ngrid: {{duration_s: [5]}}\n")
        return campaign.load(place / "c.yaml")[1][0].scenario.name

    assert loaded("pair") == "pair"
    (place / "mine.yaml").write_text(PAIR.read_text().replace("name: pair", "name: mine"))
    assert loaded("mine.yaml") == "mine"
    with pytest.raises(ScenarioError, match=r"c\.yaml, line 2: pairs: .* \(did you mean pair\?\)\.$"):
        loaded("pairs")


def test_the_text_of_one_is_a_file_of_one_s_own(place):
    (place / "mine.yaml").write_text(ready.text("sc-mini"))
    assert Scenario.load("mine.yaml") == Scenario.load("sc-mini")
    (place / "many.yaml").write_text(ready.text("access"))
    assert len(campaign.load(place / "many.yaml")[1]) == 6
    with pytest.raises(ScenarioError, match=r"^acces: .* \(did you mean access\?\)\.$"):
        ready.text("acces")
