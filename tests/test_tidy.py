"""Style as a test: the tree keeps every rule of tests/tidy/, and every rule can fail.

The reasons for the rules are in docs/style.md.
"""

import pytest

from tests.tidy import claims, habits, imports, shape, text
from tests.tidy.source import Rule, Sample, tree_of, whole_tree

PARTS = (imports, shape, text, habits, claims)
#: A rule that cannot fail is a defect, so what makes a rule is that samples break it.
RULES = tuple(rule for part in PARTS for rule in part.BAD)
BAD = {
    f"{rule.__name__}-{number}": (rule, sample)
    for part in PARTS
    for rule, samples in part.BAD.items()
    for number, sample in enumerate(samples)
}
GOOD = {
    f"{number}-{' '.join(sample)}": sample
    for number, sample in enumerate(sample for part in PARTS for sample in part.GOOD)
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    problems = list(rule(whole_tree()))

    assert not problems, "\n".join([rule.__doc__ or "", *problems])


def test_the_tree_has_every_room() -> None:
    """Guards the tests above against looking at nothing."""
    assert set(imports.OURS) <= {source.room for source in whole_tree().sources}


@pytest.mark.parametrize(("rule", "sample"), BAD.values(), ids=BAD)
def test_a_bad_sample_breaks_its_rule_and_no_other(rule: Rule, sample: Sample) -> None:
    assert [rule] == [each for each in RULES if list(each(tree_of(sample)))]


@pytest.mark.parametrize("sample", GOOD.values(), ids=GOOD)
def test_a_good_sample_keeps_every_rule(sample: Sample) -> None:
    assert [] == [problem for rule in RULES for problem in rule(tree_of(sample))]


def test_names_with_one_meaning_still_repeat() -> None:
    """What stands in the table and no longer repeats would let a second meaning in."""
    names = [source.in_room.rpartition("/")[2] for source in whole_tree().sources]

    assert [] == [name for name in shape.ONE_MEANING if names.count(name) < 2]


def test_every_floor_has_files() -> None:
    """A floor that nobody lives on says nothing."""
    floors = [
        f"{room}/{name}"
        for room, floors in imports.FLOORS.items()
        for floor in floors
        for name in floor
    ]
    paths = {source.path for source in whole_tree().sources}

    assert [] == [
        name
        for name in floors
        if not any(path == f"{name}.py" or path.startswith(f"{name}/") for path in paths)
    ]
