"""Skies for Mininet's own command."""

import pytest

from skybed.emulator import mn
from skybed.emulator.lanes import host


def test_a_kernel_without_netem_is_refused_in_a_sentence(monkeypatch, capsys):
    answer = host.Answer(False, "the kernel has no sch_netem")
    monkeypatch.setattr(host, "netem_available", lambda: answer)
    with pytest.raises(SystemExit) as ended:
        mn.sky("pair")
    assert ended.value.code == 4
    assert "no sch_netem: use `skybed run pair --cli`" in capsys.readouterr().err
