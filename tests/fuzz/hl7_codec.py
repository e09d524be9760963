"""Coverage-guided fuzzing of the HL7 v2 codec; every error but a declared one ends it.

Usage: python tests/fuzz/hl7_codec.py [options of libFuzzer] [FOLDER OF SEEDS]
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["hl7_adapters.hl7v2"]):
    from grouper.intake.forms import IntakeError
    from hl7_adapters.hl7v2.codec import Message, build, parse, split_batch


def walk(found: Message) -> None:
    """Read every part of a message once."""
    for segment in found.segments:
        for field in range(segment.size + 2):
            for repetition in range(1, segment.repetitions(field) + 2):
                for component in range(1, segment.components(field, repetition) + 2):
                    segment.value(field, component, 1, repetition)
                    segment.value(field, component, 2, repetition)


def rewritten(found: Message) -> None:
    """What was read can be written, and reads the same; or the error is a declared one."""
    values = [[s.value(n) for n in range(1, s.size + 1)] for s in found.segments]
    names = [s.name for s in found.segments]
    again = parse(build(list(zip(names, values, strict=True)), found.charset))
    wanted = [[v for v in row if v] for row in values[1:]]
    read = [[v for n in range(1, s.size + 1) if (v := s.value(n))] for s in again.segments[1:]]
    if read != wanted:
        raise AssertionError


def one(raw: bytes) -> None:
    """One input."""
    try:
        for piece in split_batch(raw):
            found = parse(piece)
            walk(found)
            rewritten(found)
    except IntakeError as error:
        error.describe("en")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
