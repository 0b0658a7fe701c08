"""Money: the formula by hand, costs that are refused, and a bound that holds."""

import json
import os
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy import stats

from fortnight.errors import FortnightError
from fortnight.money import Costs, read_costs, saving, unit_costs
from fortnight.payoff import money_by_share, plot_money
from fortnight.settings import Product

SOAK = bool(os.environ.get("FORTNIGHT_SOAK"))
TRIALS = 10_000 if SOAK else 1_000
COSTS = Costs("EUR", 120_000, 0.08, 0.01, 1.5, 0.002, 2.5, 0.05, 0.1)
COUNTED = {"cases": 2000, "decided": 700, "errors": 3, "errors_if_all": 130}
CERTIFIED = {"precision_low": 0.985, "precision_confidence": 0.975}


def test_the_formula():
    """Saving per case = c (cH - cA) + c (eH LH - (1 - pi) LA) - audit, and its lower bound."""
    found = saving(COSTS, **COUNTED, **CERTIFIED)
    c, pi, audit = 0.35, 1 - 3 / 700, 0.05 * 0.1
    by_hand = c * (0.08 - 0.002) + c * (0.01 * 1.5 - (1 - pi) * 2.5) - c * audit
    assert found.per_case == pytest.approx(by_hand)
    assert found.per_thousand == pytest.approx(1000 * by_hand)
    assert found.per_sprint == pytest.approx(120_000 * by_hand)
    low = stats.beta.ppf(0.025, 700, 1301)
    assert found.share_low == pytest.approx(low)
    bound = low * (0.08 - 0.002 + 0.015 - 0.015 * 2.5 - audit)
    assert found.low_per_case == pytest.approx(bound)
    assert found.low_per_sprint == pytest.approx(120_000 * bound)
    assert found.pays


def test_three_arms_on_the_same_cases():
    """People cost what is stated, the machine errs on all cases, and savings are differences."""
    people, part, machine = saving(COSTS, **COUNTED, **CERTIFIED).arms
    assert people.cost_per_case == pytest.approx(0.08 + 0.015)
    assert machine.cost_per_case == pytest.approx(0.002 + 0.005 + 130 / 2000 * 2.5)
    for arm in (people, part, machine):
        assert arm.saving_per_case == pytest.approx(people.cost_per_case - arm.cost_per_case)
        assert arm.cost_per_sprint == pytest.approx(120_000 * arm.cost_per_case)
    assert people.saving_per_case == 0


def test_an_audit_costs_a_person_if_nothing_is_said():
    """Without a cost of its own, a person decides once more."""
    assert unit_costs(replace(COSTS, audit_cost=None))[1] == pytest.approx(0.002 + 0.05 * 0.08)
    assert unit_costs(replace(COSTS, audit_share=0.0))[1] == 0.002


def test_break_even():
    """At that error rate of people the bound is nothing; None if no rate would be enough."""
    dear = replace(COSTS, person_cost=0.01)
    found = saving(dear, **COUNTED, **CERTIFIED)
    assert not found.pays
    assert found.low_per_case < 0
    same = saving(replace(dear, person_error_rate=found.break_even), **COUNTED, **CERTIFIED)
    assert same.low_per_case == pytest.approx(0, abs=1e-12)
    never = replace(dear, person_error_cost=0.001)
    assert saving(never, **COUNTED, **CERTIFIED).break_even is None
    assert saving(replace(dear, person_error_cost=0), **COUNTED, **CERTIFIED).break_even is None


def test_without_a_certificate_there_is_no_bound():
    """The estimate stands, the bound is None and nothing pays; the record is JSON."""
    found = saving(COSTS, **COUNTED, precision_low=None, precision_confidence=0.975)
    assert found.per_case > 0
    assert (found.low_per_case, found.low_per_sprint, found.pays) == (None, None, False)
    nothing = {"cases": 10, "decided": 0, "errors": 0, "errors_if_all": 4}
    none = saving(COSTS, **nothing, **CERTIFIED)
    assert (none.precision, none.share_low, none.low_per_case, none.pays) == (None, 0, 0, False)
    for record in (found, none):
        json.dumps(asdict(record), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"machine_cost": None}, "machine_cost is not stated"),
        ({"person_cost": -0.1}, "person_cost is -0.1"),
        ({"person_cost": "-0.1"}, "person_cost is -0.1"),
        ({"machine_error_cost": float("nan")}, "machine_error_cost is nan"),
        ({"machine_error_cost": "inf"}, "machine_error_cost is inf"),
        ({"machine_cost": "0.002 USD"}, "is in USD"),
        ({"machine_cost": "cheap"}, "machine_cost is 'cheap'"),
        ({"machine_cost": True}, "machine_cost is True"),
        ({"person_error_rate": 1.5}, "person_error_rate is 1.5"),
        ({"audit_share": 2}, "audit_share is 2"),
        ({"audit_cost": -1}, "audit_cost is -1"),
        ({"cases_per_sprint": 0}, "cases_per_sprint is 0"),
        ({"cases_per_sprint": 1.5}, "cases_per_sprint is 1.5"),
        ({"currency": "euros"}, "currency is 'euros'"),
        ({"rent": 3}, "rent is not one that is known"),
    ],
)
def test_costs_that_are_refused(change, said):
    """Missing, negative, in another currency, or no cost at all: each by its name."""
    with pytest.raises(FortnightError) as refused:
        read_costs(asdict(COSTS) | change)
    assert said in str(refused.value)


def test_every_cost_is_needed():
    """What is left out would count as nothing; only the audit may be."""
    product = asdict(Product("EUR", 120_000, 0.08, 0.01, 1.5, 0.002, 2.5))
    assert asdict(read_costs(product)) == product
    for name in product:
        rest = {key: value for key, value in product.items() if key != name}
        if name.startswith("audit"):
            assert read_costs(rest) == read_costs(product)
        else:
            with pytest.raises(FortnightError, match=f"{name} is not stated"):
                read_costs(rest)
    assert read_costs(product | {"machine_cost": "0.002 EUR"}).machine_cost == 0.002


@pytest.mark.parametrize(
    "counts",
    [
        {"decided": 2001},
        {"errors": 701},
        {"errors": -1},
        {"cases": 0, "decided": 0, "errors": 0, "errors_if_all": 0},
        {"errors_if_all": 2},
        {"errors_if_all": 1304},
        {"errors": 0.5},
    ],
)
def test_counts_that_cannot_be(counts):
    """Counts that contradict each other are refused."""
    with pytest.raises(FortnightError, match="cannot be"):
        saving(COSTS, **(COUNTED | counts), **CERTIFIED)


@pytest.mark.parametrize(("certificate", "asked"), [(0.95, 0.95), (0.9, 0.95), (1, 0.95), (0.9, 0)])
def test_a_certificate_that_leaves_the_share_nothing(certificate, asked):
    """The permitted error is shared between precision and share, so some must be left."""
    with pytest.raises(FortnightError, match="needs a certificate that is surer"):
        counts = COUNTED | {"precision_low": 0.985, "precision_confidence": certificate}
        saving(COSTS, **counts, confidence=asked)
    with pytest.raises(FortnightError, match="is none"):
        saving(COSTS, **COUNTED, precision_low=1.5, precision_confidence=0.975)


@pytest.mark.parametrize(("share", "error"), [(0.3, 0.02), (0.05, 0.01), (0.9, 0.06), (0.6, 0.036)])
def test_the_bound_holds(share, error):
    """Known share and precision: the bound exceeds the truth no more often than stated."""
    rng = np.random.default_rng(1)
    people, machine = unit_costs(COSTS)
    truth = share * (people - machine - error * COSTS.machine_error_cost)
    over = 0
    for decided in rng.binomial(1000, share, TRIALS).tolist():
        wrong = int(rng.binomial(decided, error))
        low = float(stats.beta.ppf(0.05, decided - wrong, wrong + 1)) if decided > wrong else 0.0
        counts = {"cases": 1000, "decided": decided, "errors": wrong, "errors_if_all": wrong}
        found = saving(
            COSTS, **counts, precision_low=low, precision_confidence=0.95, confidence=0.9
        )
        over += found.low_per_case > truth
    assert over <= 0.1 * TRIALS + 3 * np.sqrt(TRIALS * 0.09)


def test_money_by_share_counts_ties_together():
    """From nothing to everything, one point for each score that occurs."""
    shares, money = money_by_share(COSTS, [0.9, 0.5, 0.5, 0.1], [True, True, False, False])
    assert shares.tolist() == [0, 0.25, 0.75, 1]
    people, machine = unit_costs(COSTS)
    each = people - machine
    expected = [0, each / 4, (3 * each - 2.5) / 4, (4 * each - 5) / 4]
    assert (money / 1000).tolist() == pytest.approx(expected)
    for wrong in (([0.1], [True, False]), ([], []), ([np.nan], [True])):
        with pytest.raises(FortnightError, match="cannot be drawn"):
            money_by_share(COSTS, *wrong)


def test_the_picture_says_what_is_shown():
    """Its title has the bound, or says that there is none."""
    from matplotlib.figure import Figure

    scores, correct = np.arange(2000.0)[::-1], np.arange(2000) % 50 != 7
    titles = []
    for low in (0.985, None):
        found = saving(
            COSTS,
            cases=2000,
            decided=700,
            errors=14,
            errors_if_all=40,
            precision_low=low,
            precision_confidence=0.975,
        )
        drawn = plot_money(COSTS, scores, correct, found, Figure().subplots())
        titles.append(drawn.get_title(loc="left"))
    assert "saves at least" in titles[0]
    assert "is not shown to save" in titles[1]
