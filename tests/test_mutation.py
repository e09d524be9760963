"""The tool that mutates: what it exchanges, how it names a mutant, what it tries and what it says."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from textwrap import dedent

import pytest

from tools.mutate.__main__ import all_mutants, sampled
from tools.mutate.choosing import Chooser, Known, read_known, write_known
from tools.mutate.lines import ANY, COLLECTED, Recorded, digest, read, stored
from tools.mutate.mutants import Mutant, mutants_of
from tools.mutate.report import rows, table, whole
from tools.mutate.results import Result
from tools.mutate.scope import REPOSITORY, Words, read_scope
from tools.mutate.survivors import read_survivors, stale

SCOPE = read_scope()
WORDS: Words = SCOPE.words


@cache
def every_mutant() -> list[tuple[str, Mutant]]:
    return all_mutants(SCOPE, REPOSITORY)


def mutants(source: str) -> list[Mutant]:
    return mutants_of("one.py", dedent(source).encode(), WORDS)


def changed(source: str) -> list[str]:
    return [one.mutated for one in mutants(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["x = (a <= b)"]),
        ("x = a >= b", ["x = (a > b)"]),
        ("x = a < b <= c", ["x = (a <= b <= c)", "x = (a < b < c)"]),
        ("x = a is None", ["x = (a is not None)"]),
        ("x = a not in b", ["x = (a in b)"]),
        ("x = a + b * c", ["x = (a - b * c)", "x = a + (b / c)"]),
        ("x = 'a' + b", []),
        ("x = '%s' % b", []),
        ("x = a and b or c", ["x = ((a and b) and c)", "x = (a or b) or c"]),
        ("x = not a", ["x = (a)"]),
        ("x = ~a", ["x = (a)"]),
        ("x = -a", ["x = (a)"]),
        ("x = a if b else c", ["x = (c if b else a)"]),
        ("x = True", ["x = False"]),
        ("x = 0", ["x = 1"]),
        ("x = 3", ["x = 4", "x = 2"]),
        ("x = Decimal('0.5')", ["x = (Decimal('0.5') + 1)"]),
        ("x = side('left')", ["x = side('right')"]),
        ("x = min(a, b)", ["x = max(a, b)"]),
        ("x = sorted(a)", ["x = list(a)"]),
        ("x = pc.greater(a, b)", ["x = pc.greater_equal(a, b)"]),
        ("x = pc.is_null(a)", ["x = pc.is_valid(a)"]),
        ("x = pc.invert(a)", ["x = (a)"]),
        ("x = np.where(a, b, c)", ["x = np.where(a, c, b)"]),
        ("x = rounded(a, ROUND_HALF_UP)", ["x = rounded(a, ROUND_HALF_EVEN)"]),
        ("x = zip(a, b, strict=True)", []),
        ("x = f'{1}'", []),
        ("x: int = 0", ["x: int = 1"]),
        ("Number = int | str", []),
        ("import one", []),
        ("x.y = a", ["pass"]),
        ("x += a", ["pass", "x -= a"]),
        ("told(a)", ["pass"]),
        ("'told'", []),
        ("raise ValueError(a + 1)", ["pass"]),
        ("del x[a]", ["pass"]),
    ],
)
def test_exchanges_of_a_statement(source: str, expected: list[str]) -> None:
    assert changed(source) == expected


def test_exchanges_of_compound_statements() -> None:
    found = mutants(
        '''
        if TYPE_CHECKING:
            x = 1

        def one(a: int = 2) -> int:
            """Says 1."""
            if a > limit:
                return a
            elif a == 5:
                return None
            while a:
                for b in c:
                    if not b:
                        continue
                    break
            with d(1):
                return True

        def two():
            def three():
                yield 1
                return a
            return [b for b in c if b]

        class Four:
            @property
            def five(self):
                match self.x:
                    case 1 if self.y < 2:
                        return x

        '''
    )
    assert [(one.function, one.mutated) for one in found] == [
        ("<module>", "def one(a: int = 3) -> int:"),
        ("<module>", "def one(a: int = 1) -> int:"),
        ("one", "if (not a > limit):"),
        ("one", "if (a >= limit):"),
        ("one", "return None"),
        ("one", "elif (a != 5):"),
        ("one", "elif a == 6:"),
        ("one", "elif a == 4:"),
        ("one", "if (b):"),
        ("one", "break"),
        ("one", "continue"),
        ("one", "with d(2):"),
        ("one", "with d(0):"),
        ("one", "return False"),
        ("two.three", "yield 2"),
        ("two.three", "yield 0"),
        ("two", "return None"),
        ("two", "return [b for b in c if (not b)]"),
        ("Four.five", "return None"),
        ("Four.five", "(self.y <= 2):"),
        ("Four.five", "self.y < 3:"),
        ("Four.five", "self.y < 1:"),
    ]


def test_a_mutant_is_the_file_with_one_change() -> None:
    source = "名 = '甲'; x = a < b  # 小于\ny = 1\n".encode()
    one = mutants_of("one.py", source, WORDS)[0]
    assert one.applied(source).decode() == "名 = '甲'; x = (a <= b)  # 小于\ny = 1\n"
    assert one.key == "one.py:<module>: x = a < b → x = (a <= b)"


def test_the_name_of_a_mutant_does_not_move_with_lines() -> None:
    source = "def one():\n    x = 1 + a\n    x = 1 + a\n"
    later = mutants("\n\n# more\n" + source)
    assert [one.key for one in later] == [one.key for one in mutants(source)]
    assert [one.nth for one in later] == [1, 1, 1, 2, 2, 2]
    assert len({one.key for one in later}) == len(later)


def test_every_mutant_of_the_scope_can_be_compiled_and_has_its_own_name() -> None:
    for _, one in sampled(every_mutant(), 40, "compile"):
        text = one.applied((REPOSITORY / one.module).read_bytes())
        ast.parse(text)
        assert one.original != one.mutated
    keys = [one.key for _, one in every_mutant()]
    assert len(set(keys)) == len(keys)


def test_a_sample_stays_when_mutants_are_added() -> None:
    every = [("a", one) for one in mutants("\n".join(f"x = a + {n}" for n in range(40)))]
    some = sampled(every, 12, "seed")
    assert len(some) == 12
    assert set(sampled(every[:60], 12, "seed")) >= set(some) & set(every[:60])
    assert sampled(every, 12, "other") != some
    assert [every.index(one) for one in some] == sorted(every.index(one) for one in some)


RECORDED = (
    Recorded(["t1", "t2", "t3"], [3.0, 1.0, 2.0], {"one.py": {1: [COLLECTED], 5: [0, 2], 6: [1]}}),
    Recorded(["u1", "u2"], [0.5, 30.0], {"one.py": {5: [1]}}),
    Recorded(["v1"], [1.0], {"two.py": {5: [0]}}),
)


def mutant(first: int, last: int) -> Mutant:
    return Mutant("one.py", "f", "compare", "a", "b", 1, (first, last), 0, 0, "")


def test_tests_of_the_changed_lines_come_first_then_the_others_of_their_modules() -> None:
    chooser = Chooser(RECORDED, replace(SCOPE.limits, test_seconds=100, first_seconds=2.5))
    assert chooser.portions(mutant(5, 5)) == [["t3", "t1"], ["u2", "u1", "t2"]]
    assert chooser.portions(mutant(6, 6)) == [["t2", "t3"], ["t1"]]
    assert chooser.portions(mutant(1, 1)) == [["t2", "t3"], ["t1"]]
    assert chooser.portions(mutant(7, 9)) == []


def test_records_hold_until_the_test_module_changes(tmp_path: Path) -> None:
    for name in ("test_one.py", "one.py", "two.py"):
        (tmp_path / name).write_text("x = 1\n", "utf-8")
    names = ("test_one.py", "one.py", "two.py")
    lines = {"1": [COLLECTED], "2": [1], "3": [0, 1]}
    raw = {
        "of": {name: digest(tmp_path / name) for name in names},
        "tests": ["t1", "t2"],
        "seconds": [1, 2],
        "lines": {"one.py": lines, "two.py": lines},
    }
    path = stored(tmp_path, "tests/test_one.py")
    assert read(tmp_path, path) is None
    path.write_text(json.dumps(raw), "utf-8")
    whole = {1: [COLLECTED], 2: [1], 3: [0, 1]}
    assert read(tmp_path, path) == Recorded(
        ["t1", "t2"], [1, 2], {"one.py": whole, "two.py": whole}
    )
    # Lines of a changed module are no longer known, but which tests go over it is.
    (tmp_path / "two.py").write_text("# More\nx = 1\n", "utf-8")
    found = read(tmp_path, path)
    assert found == Recorded(["t1", "t2"], [1, 2], {"one.py": whole, "two.py": {ANY: [0, 1]}})
    chooser = Chooser([found], SCOPE.limits)
    assert chooser.portions(replace(mutant(9, 9), module="two.py")) == [["t1", "t2"]]
    (tmp_path / "test_one.py").write_text("x = 2\n", "utf-8")
    assert read(tmp_path, path) is None


def test_a_few_parameters_of_each_test_come_before_more_of_one() -> None:
    names = [f"t[{n}]" for n in range(4)]
    recorded = Recorded([*names, "u"], [1, 1, 1, 1, 2], {"one.py": {5: [0, 1, 2, 3, 4]}})
    chooser = Chooser([recorded], replace(SCOPE.limits, first_seconds=100))
    assert chooser.portions(mutant(5, 5)) == [["t[0]", "u", "t[1]", "t[2]", "t[3]"]]


def test_what_noticed_the_last_mutant_is_tried_before_all_others() -> None:
    chooser = Chooser(RECORDED, SCOPE.limits)
    chooser.noticed(mutant(5, 5), "t1")
    chooser.noticed(mutant(5, 5), "t3")
    chooser.noticed(mutant(5, 5), "gone")
    assert chooser.portions(mutant(5, 5))[0] == ["t3", "t1"]


def test_tests_are_tried_only_so_long_and_long_ones_left_out() -> None:
    chooser = Chooser(RECORDED, replace(SCOPE.limits, test_seconds=6, first_seconds=100))
    assert chooser.portions(mutant(5, 5)) == [["t3", "t1", "u1"]]
    chooser = Chooser(RECORDED, replace(SCOPE.limits, test_seconds=0, first_seconds=100))
    assert chooser.portions(mutant(5, 5)) == [["t3"]]


def test_a_test_that_is_written_down_is_the_only_one_tried(tmp_path: Path) -> None:
    path = tmp_path / "noticed.csv"
    write_known(path, {"one.py:f: a → b": "t1", "one.py:f: a, c → b": "t2"})
    chooser = Known(read_known(path))
    assert chooser.portions(mutant(5, 5)) == [["t1"]]
    assert chooser.portions(replace(mutant(5, 5), nth=2)) == []


def test_listed_survivors_are_read_and_what_is_stale_is_told(tmp_path: Path) -> None:
    path = tmp_path / "survivors.toml"
    one = '[[survivor]]\nmodule = "m.py"\nfunction = "f"\noriginal = "a"\nmutated = "b"\n'
    path.write_text(one + 'reason = "same"\n' + one + 'nth = 2\nreason = "same"\n', "utf-8")
    listed = read_survivors(path)
    assert list(listed) == ["m.py:f: a → b", "m.py:f: a → b #2"]
    there = ["m.py:f: a → b"]
    assert stale(listed, there, [Result(there[0], "survived", None)]) == [
        "no such mutant: m.py:f: a → b #2"
    ]
    assert stale(dict.fromkeys(there, "same"), there, [Result(there[0], "killed", "t")]) == [
        "noticed now: m.py:f: a → b"
    ]
    path.write_text(one + 'reason = " "\n', "utf-8")
    with pytest.raises(ValueError, match="without a reason"):
        read_survivors(path)


def test_the_list_of_survivors_names_mutants_that_there_are() -> None:
    keys = {one.key for _, one in every_mutant()}
    assert [key for key in read_survivors() if key not in keys] == []


def test_the_table_counts_by_module_and_area() -> None:
    results = [
        ("a", "m.py", Result("1", "killed", "t")),
        ("a", "m.py", Result("2", "timeout", None)),
        ("a", "m.py", Result("3", "survived", None)),
        ("a", "n.py", Result("4", "uncovered", None)),
    ]
    counted = rows([*results, ("b", "o.py", Result("5", "survived", None))], {"3": "same"})
    assert (whole(counted).all, whole(counted).rate) == (5, 2 / 5)
    assert whole(counted).unexplained_rate == 2 / 4
    found = table(rows(results, {"3": "same"})).splitlines()
    assert found[2:] == [
        "| m.py | 3 | 1 | 1 | 1 | 0 | 1 | 66.7 |",
        "| n.py | 1 | 0 | 0 | 0 | 1 | 0 | 0.0 |",
        "| **a** | 4 | 1 | 1 | 1 | 1 | 1 | 50.0 |",
    ]


def test_an_area_that_fits_no_file_is_refused(tmp_path: Path) -> None:
    text = (REPOSITORY / "tools/mutate/scope.toml").read_text("utf-8")
    path = tmp_path / "scope.toml"
    path.write_text(text.replace("grouper/rules/*.py", "grouper/rulez/*.py"), "utf-8")
    with pytest.raises(ValueError, match="no file fits grouper/rulez"):
        read_scope(path)
    path.write_text(text.replace("grouper/rules/*.py", "grouper/payment/exact.py"), "utf-8")
    with pytest.raises(ValueError, match="in two areas"):
        read_scope(path)
