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
    """How much of the sound's energy is in this tone, 0 to 1.

    Measured in tenths of a second: over a longer stretch one late packet, which moves the phase, would hide the tone.
    """
    energy = sum(value * value for value in sound)
    tenth = rate // 10
    tone = sum(_energy_at(sound[at : at + tenth], hertz, rate) for at in range(0, len(sound), tenth))
    return tone / energy if energy else 0.0


def _energy_at(sound: list[int], hertz: float, rate: int) -> float:
    """Goertzel's algorithm."""
    turn = 2 * math.cos(2 * math.pi * hertz / rate)
    before, last = 0.0, 0.0
    for value in sound:
        before, last = last, value + turn * last - before
    return 2 * (before**2 + last**2 - turn * before * last) / len(sound)
