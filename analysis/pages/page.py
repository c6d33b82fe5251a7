"""Pages: one HTML file each that needs nothing else, for a screen, a phone or paper."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import jinja2

from skybed.analysis.numbers import figures, number


def render(template: str, context: dict[str, Any]) -> str:
    """The page of a template beside this module. Texts are escaped; a name that is not told is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "number": number,
        "figures": figures,
        "image": _image,
        "micro": lambda text: text.replace(" us", " µs"),
    }
    return environment.get_template(template).render(context)


def _image(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
