"""docs/campaigns.md has every field of a campaign with its default."""

import pathlib
import re

from skybed.topologies.model.metrics import compared
from skybed.topologies.scenario.campaign import Campaign

TEXT = (pathlib.Path(__file__).parents[2] / "docs" / "campaigns.md").read_text()
ROWS = {name: cells for name, *cells in re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) ?\|$", TEXT, re.MULTILINE)}


def test_every_field_and_its_default():
    fields = {field.alias or name: field for name, field in Campaign.model_fields.items()}
    assert list(ROWS) == list(fields)
    for name in ("repeats", "clock", "retries"):
        assert ROWS[name][0] == str(fields[name].default)
    assert [name for name, field in fields.items() if field.is_required()] == [
        name for name, (default, _) in ROWS.items() if default == "required"
    ]


def test_the_metrics_that_are_collected_if_nobody_says_otherwise():
    assert re.findall(r"`(\w+)`", ROWS["metrics"][0]) == compared()
