"""Numbers for people."""

from __future__ import annotations


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """With so many decimals; a dash where there is none. A thin space parts thousands."""
    if value is None or value != value:
        return "–"
    return f"{value:,.{digits}f}".replace(",", " ") + (f" {unit}" if unit else "")


def figures(value: float) -> str:
    """In four figures, or whole; a dash where there is none."""
    return number(value) if value != value or abs(value) >= 1000 else f"{value:.4g}"


def percent(value: float) -> str:
    """A share in two figures, or whole from 10 on, without an exponent."""
    if 0 < abs(value) < 0.01:
        return "less than 0.01 %"
    return f"{value:.0f} %" if abs(value) >= 9.95 else f"{value:.2g} %"
