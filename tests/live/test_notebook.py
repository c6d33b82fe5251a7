"""The notebook in docs does what it shows: virtual time gives its figures again."""

import nbformat
import pytest
from nbclient import NotebookClient

from support import needs
from support.places import ROOT

pytestmark = [
    pytest.mark.live,
    needs.virtual_time,
]

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


def texts(cell):
    """What a cell shows as text: what it prints, and its value."""
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream" and output.name == "stdout":
            shown.append(output.text)
        elif output.output_type == "execute_result":
            shown.append(output.data["text/plain"])
    return shown


def test_the_notebook_shows_what_it_gives(tmp_path):
    kept = nbformat.read(NOTEBOOK, as_version=4)
    fresh = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(fresh, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert sum(bool(texts(cell)) for cell in code) >= 6
    for before, after in zip(kept.cells, fresh.cells, strict=True):
        assert texts(before) == texts(after), before.source
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
