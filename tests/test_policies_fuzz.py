"""Whatever stands in a policy file, it is read or refused with a declared error."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from policy_support import put

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.messages import LANGUAGES
from codebooks.policies.policy import Given
from codebooks.policies.reading import read_file

REAL = {
    topic: (paths.shipped() / "policies" / "harbin" / f"{topic}.yaml").read_text("utf-8")
    for topic in ("drg_rate", "assignment")
}
TABLE = "group,weight\nAA19,18.2858\nAB19,36.2185\n"
MARKS = st.sampled_from(
    [*"{}[]:,-&*!|>'\"%@`#?\t\n \x00\ufeff\u2028", "null", "1e9", "- ", ": ", "<<", "---\n", "0x1"]
)


def read_or_refuse(root: Path, topic: str, text: str, table: str = TABLE) -> None:
    for year in (2022, 2023, 2024):
        put(root, f"harbin/weights-{year}.csv", table)
    path = root / "harbin" / f"{topic}.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    found, refused = read(path)
    # Every error has its words in both languages, and every value its source and its row.
    for lang in LANGUAGES:
        assert refused is None or refused.code in refused.describe(lang)
    assert all(one.source and one.where.row and list(one.by_keys()) for one in found)


def read(path: Path) -> tuple[list[Given], CodebookError | None]:
    try:
        return read_file(path, "harbin"), None
    except CodebookError as error:
        return [], error


@settings(max_examples=examples(150), deadline=None)
@given(text=st.text())
@example("[" * 5000)
@example("- " * 3000)
@example("? " * 3000)
@example("a: " + "{a: " * 3000)
@example("\ud800")
def test_any_text(text: str) -> None:
    with TemporaryDirectory() as folder:
        read_or_refuse(Path(folder), "drg_rate", text)


@settings(max_examples=examples(250), deadline=None)
@given(data=st.data(), topic=st.sampled_from(sorted(REAL)))
def test_a_real_file_with_anything_put_in_taken_out_or_repeated(
    data: st.DataObject, topic: str
) -> None:
    text = REAL[topic]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 20)))
        put_in = data.draw(MARKS | st.text(max_size=5) | st.just(text[start:end] * 2))
        text = text[:start] + put_in + text[end:]
    with TemporaryDirectory() as folder:
        read_or_refuse(Path(folder), topic, text)


@settings(max_examples=examples(100), deadline=None)
@given(
    table=st.text()
    | st.lists(st.sampled_from([*'",\n\r\0|', "AA19", "1", "weight", "group"])).map("".join)
)
def test_any_table(table: str) -> None:
    with TemporaryDirectory() as folder:
        text = table.encode("utf-8", "replace").decode("utf-8")
        read_or_refuse(Path(folder), "drg_rate", REAL["drg_rate"], text)
