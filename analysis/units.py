"""Quantities: numbers that know what they measure, for tests that people read.

    assert run.rtt("beijing", "eo-0-0").p99 < 120 * ms

A Quantity is a float in a base unit (s, bit/s, or a share of 1) and prints in the unit that suits its size.
Quantities of one kind add up and compare. A bare number of 1 or more, as in `p99 < 120`, is refused with a
TypeError: its unit was forgotten, and such a test could hardly fail.
"""

from __future__ import annotations

from typing import Any

# Of each kind of quantity: the units that it is printed in, the greatest first.
UNITS = {
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6},
    "rate": {"Mbit/s": 1e6, "kbit/s": 1e3, "bit/s": 1.0},
    "share": {"%": 0.01},
    "energy": {"Wh": 1.0, "mWh": 1e-3},
}
EXAMPLES = {"time": "120 * ms", "rate": "3 * mbps", "share": "0.5 * percent", "energy": "2 * wh"}


class Quantity(float):
    """A float of a kind: "time" (in s), "rate" (in bit/s), "share" (of 1) or "energy" (in Wh).

    of: what was measured, in words, for who prints a quantity that should have been another.
    """

    kind: str
    of: str

    def __new__(cls, value: float, kind: str, of: str = "") -> Quantity:
        quantity = super().__new__(cls, value)
        quantity.kind, quantity.of = kind, of
        return quantity

    def __repr__(self) -> str:
        value, units = float(self), UNITS[self.kind]
        fit = [unit for unit, size in units.items() if abs(value) >= size or not value]
        unit = fit[0] if fit else list(units)[-1]
        return f"{value / units[unit]:.6g} {unit}"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(float(self), spec) if spec else str(self)

    def __lt__(self, other: float) -> bool:
        return float(self) < self._alike(other)

    def __le__(self, other: float) -> bool:
        return float(self) <= self._alike(other)

    def __gt__(self, other: float) -> bool:
        return float(self) > self._alike(other)

    def __ge__(self, other: float) -> bool:
        return float(self) >= self._alike(other)

    def __add__(self, other: float) -> Quantity:
        return Quantity(float(self) + self._alike(other), self.kind)

    __radd__ = __add__  # of sum(), which begins with 0

    def __sub__(self, other: float) -> Quantity:
        return Quantity(float(self) - self._alike(other), self.kind)

    def __rsub__(self, other: float) -> Quantity:
        return Quantity(self._alike(other) - float(self), self.kind)

    def __mul__(self, factor: float) -> Quantity:
        if isinstance(factor, Quantity):
            raise TypeError(f"A {self.kind} times a {factor.kind} is nothing that a run measures.")
        return Quantity(float(self) * factor, self.kind)

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> float:
        """A number, of two quantities of one kind; else a part of this one."""
        if isinstance(other, Quantity):
            return float(self) / self._alike(other)
        return Quantity(float(self) / other, self.kind)

    def __abs__(self) -> Quantity:
        return Quantity(abs(float(self)), self.kind)

    def __neg__(self) -> Quantity:
        return Quantity(-float(self), self.kind)

    def __reduce__(self) -> tuple[Any, ...]:
        return Quantity, (float(self), self.kind, self.of)

    def _alike(self, other: float) -> float:
        """The other's value in this one's base unit."""
        if isinstance(other, Quantity):
            if other.kind != self.kind:
                raise TypeError(f"{self} is a {self.kind} and {other} is a {other.kind}.")
        elif abs(other) >= 1:
            raise TypeError(f"{other:g} has no unit; write a {self.kind} as in {EXAMPLES[self.kind]}.")
        return float(other)


s, ms, us = Quantity(1, "time"), Quantity(1e-3, "time"), Quantity(1e-6, "time")
mbps, kbps = Quantity(1e6, "rate"), Quantity(1e3, "rate")
minutes, hours = Quantity(60, "time"), Quantity(3600, "time")
percent = Quantity(0.01, "share")
wh = Quantity(1, "energy")
