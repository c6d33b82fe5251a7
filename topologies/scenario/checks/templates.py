"""Templates of the user's own: they name fields, go through links, and ask what is equal; no more.

A Jinja2 template can work anything out, with as much time and memory as it likes. So what one may be made of
is told here, and asked before any is filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from skybed.topologies.model.closest import hint
from skybed.topologies.model.routing import Routing

if TYPE_CHECKING:
    from jinja2 import nodes

MAY = "a template names fields, goes through links, and asks whether fields are equal; no more"
LINKS = "links"
# What can be named, and what of that: docs/routing.md tells what each is.
Fields = Mapping[str, Any]
PEER: Fields = {name: {} for name in ("name", "kind", "layer", "ip", "ip6")}
LINK: Fields = {"interface": {}, "cost": {}, "peer": PEER}
LOOP: Fields = {name: {} for name in ("first", "last", "index", "length")}
RULE: Fields = {name: {} for name in Routing.model_fields}
ROUTER: Fields = {**PEER, "number": {}, LINKS: {}, "home": {}, "config": {}, "rule": RULE}


def wrong(text: str) -> str | None:
    """What is wrong with a template that is to be filled for a router, or None."""
    import jinja2  # takes a tenth of a second

    environment = jinja2.Environment()
    try:
        tree = environment.parse(text)
        if found := next(_wrong(tree, ROUTER), None):
            return found
        environment.compile(tree)
        return None
    except jinja2.TemplateSyntaxError as error:
        return f"{error.message}, in its line {error.lineno}"
    except (ValueError, RecursionError, SyntaxError):  # thousands of figures or of brackets, a hundred `if`
        return "what stands in it is too long, or in too many brackets or conditions"


def _wrong(part: nodes.Node, known: Fields) -> Iterator[str]:
    """What is wrong with a part of it. known: what can be named there."""
    from jinja2 import nodes

    match part:
        case nodes.Name() | nodes.Getattr(node=nodes.Name() | nodes.Getattr()):
            try:
                _named(part, known)
            except LookupError as error:
                yield f"{error.args[0]}, in its line {part.lineno}"
        case nodes.For(target=nodes.Name(name=each), iter=nodes.Name(name=name), test=None) if (
            name == LINKS in known
        ):
            within = {**known, each: LINK, "loop": LOOP}
            del within[LINKS]  # a loop in a loop in a loop would take any time
            for child in [*part.body, *part.else_]:
                yield from _wrong(child, within)
        case nodes.Compare(ops=[nodes.Operand(op="eq" | "ne", expr=other)]):
            yield from _wrong(part.expr, known)
            yield from _wrong(other, known)
        case (
            nodes.Template()
            | nodes.Output()
            | nodes.TemplateData()
            | nodes.Const()
            | nodes.If()
            | nodes.Not()
            | nodes.And()
            | nodes.Or()
        ):
            for child in part.iter_child_nodes():
                yield from _wrong(child, known)
        case _:
            yield f"{MAY}, in its line {part.lineno}"


def _named(part: nodes.Node, known: Fields) -> Fields:
    """What can be named of a field. Raises LookupError, with a sentence's beginning, where there is none."""
    from jinja2 import nodes

    if isinstance(part, nodes.Name):
        within, name = known, part.name
    elif isinstance(part, nodes.Getattr):
        within, name = _named(part.node, known), part.attr
    else:
        raise LookupError(MAY)
    if name not in within:
        raise LookupError(f"{name} is no field{hint(name, within)}")
    found: Fields = within[name]
    return found
