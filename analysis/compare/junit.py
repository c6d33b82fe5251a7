"""JUnit XML as CI services read it: the elements and attributes that pytest writes as `xunit2`."""

from __future__ import annotations

import datetime as dt
import platform
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

Outcome = Literal["passed", "failure", "error", "skipped"]


class Case(NamedTuple):
    """One test case; outcome "failure": it is not as it should be; "error": nothing could be looked at;
    "skipped": it could not be told."""

    name: str
    outcome: Outcome = "passed"
    message: str = ""


def write(file: Path, suite: str, cases: Sequence[Case], properties: Mapping[str, object]) -> None:
    """Write one suite; `suite` is also the class name of its cases."""
    counts = {
        kind: str(sum(case.outcome == kind for case in cases)) for kind in ("error", "failure", "skipped")
    }
    root = ET.Element("testsuites", name=suite)
    element = ET.SubElement(
        root, "testsuite", name=suite, errors=counts["error"], failures=counts["failure"],
        skipped=counts["skipped"], tests=str(len(cases)), time="0.000",
        timestamp=dt.datetime.now().astimezone().isoformat(), hostname=platform.node(),
    )  # fmt: skip
    properties_element = ET.SubElement(element, "properties")
    for name, value in properties.items():
        ET.SubElement(properties_element, "property", name=name, value=str(value))
    for case in cases:
        testcase = ET.SubElement(element, "testcase", classname=suite, name=case.name, time="0.000")
        if case.outcome != "passed":
            ET.SubElement(testcase, case.outcome, message=case.message).text = case.message
    file.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
