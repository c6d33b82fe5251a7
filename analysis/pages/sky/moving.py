"""Figures that move: one picture after the other, as a GIF or a video."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from skybed.topologies.errors import MachineError
from skybed.topologies.files import whole

FORMATS = (".gif", ".mp4")
COLOURS = 96  # of a GIF, the same in all its pictures


def check(path: Path) -> None:
    """Raise MachineError where there is nothing to make this file with: before its pictures are painted."""
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise MachineError(
            f"{path} needs ffmpeg, which is not installed; install the package ffmpeg, or name a .gif."
        )


def write(pictures: Iterator[bytes], path: Path, frames_s: float) -> None:
    """pictures: PNG, all of one size. frames_s: so many are shown a second. The file's name ends in one of
    FORMATS.
    """
    check(path)
    with whole(path) as file:
        (_video if path.suffix == ".mp4" else _gif)(pictures, file, frames_s)


def _gif(pictures: Iterator[bytes], file: Path, frames_s: float) -> None:
    frames = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    colours = frames[0].quantize(COLOURS, dither=Image.Dither.NONE)
    frames = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    frames[0].save(
        file, format="GIF", save_all=True, append_images=frames[1:], duration=1000 / frames_s, loop=0
    )


def _video(pictures: Iterator[bytes], file: Path, frames_s: float) -> None:
    """H.264 that all players know, which takes even numbers of pixels."""
    command = [
        "ffmpeg", "-loglevel", "error", "-y", "-f", "image2pipe", "-framerate", f"{frames_s:g}", "-i", "-",
        "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-f", "mp4", str(file),
    ]  # fmt: skip
    done = subprocess.run(command, input=b"".join(pictures), capture_output=True)
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise MachineError(f"{file.with_suffix('')}: ffmpeg failed ({' '.join(why)}); name a .gif.")
