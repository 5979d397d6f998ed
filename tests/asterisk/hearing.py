"""What is to be heard in a recording: how loud, and which tone."""

from __future__ import annotations

import array
import math
import wave
from pathlib import Path


def samples(recording: Path) -> list[int]:
    """A WAV file of 16 bits, 8 kHz, mono; an empty list where there is none."""
    if not recording.exists():
        return []
    with wave.open(str(recording), "rb") as sound:
        return list(array.array("h", sound.readframes(sound.getnframes())))


def loudness(sound: list[int]) -> float:
    """Root mean square; a telephone's speech is above 1,000, silence below 50."""
    return math.sqrt(sum(value * value for value in sound) / len(sound)) if sound else 0.0


def share(sound: list[int], hertz: float, rate: int = 8000) -> float:
    """How much of the sound's energy is in this tone, 0 to 1 (Goertzel's algorithm)."""
    energy = sum(value * value for value in sound)
    if not energy:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * hertz / rate)
    before, last = 0.0, 0.0
    for value in sound:
        before, last = last, value + turn * last - before
    return 2 * (before**2 + last**2 - turn * before * last) / (energy * len(sound))
