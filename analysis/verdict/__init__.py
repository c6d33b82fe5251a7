"""The verdict on a run: pass, fail, or invalid because the emulation was distorted."""

from skybed.analysis.verdict.judging import judge, refuse_invalid, write
from skybed.analysis.verdict.model import EXIT_CODES, FlowFigures, FullVerdict, Verdict

__all__ = ["EXIT_CODES", "FlowFigures", "FullVerdict", "Verdict", "judge", "refuse_invalid", "write"]
