"""`skybed view`: the page of a scenario, of a plan, of a run; what cannot be is told."""

import webbrowser

import pytest

from support.command import skybed

SHORT = ("--duration", "10")


def test_a_scenario_becomes_a_page_of_its_name(place):
    assert skybed(0, "view", "pair", *SHORT).splitlines()[-1].startswith("pair.html: 0.")
    assert (place / "pair.html").read_text().startswith("<!doctype html>")


def test_a_stored_plan_becomes_the_same_page(place):
    skybed(0, "plan", "pair", *SHORT, "--out", "stored")
    skybed(0, "view", "pair", *SHORT, "--out", "a.html")
    skybed(0, "view", "stored", "--out", "b.html")
    assert (place / "a.html").read_bytes() == (place / "b.html").read_bytes()


def test_the_page_of_a_run_is_in_its_directory_and_can_be_opened(place, good_run, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    skybed(0, "view", good_run, "--open")
    assert opened == [(good_run / "view.html").as_uri()]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("view", "no-such"), "no-such"),
        (("view", "empty"), "there is no plan in it"),
        (("view", "pair", "--out", "nowhere/a.html"), "there is no directory nowhere; make it first."),
        (("view", "empty", "--start", "2026-05-09T02:40:00Z"), "--start and --duration are for a scenario."),
    ],
)
def test_what_cannot_be_is_told(place, words, says):
    (place / "empty").mkdir()
    assert says in skybed(2, *words)
    assert not list(place.glob("*.html"))
