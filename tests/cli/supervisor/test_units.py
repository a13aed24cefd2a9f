import pytest

from services.cli.supervisor.units import CommandLine, PlanError, Unit, in_start_order, only


def unit(name, *needs):
    """A unit that needs others."""
    return Unit(name=name, command=lambda: CommandLine(()), needs=needs)


PLAN = [unit("dashboard", "api"), unit("api", "store", "collector"), unit("collector", "store"), unit("store")]


def test_order_puts_each_after_its_needs():
    """However the plan is written down, what is needed comes first."""
    assert [u.name for u in in_start_order(PLAN)] == ["store", "collector", "api", "dashboard"]


def test_only_keeps_what_is_needed():
    """A part of the plan brings all that it needs, and nothing else."""
    assert [u.name for u in only(PLAN, ["collector"])] == ["store", "collector"]


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ([unit("a", "b"), unit("b", "a")], "a -> b -> a"),
        ([unit("a", "b")], "a needs b, which is not in the plan"),
    ],
)
def test_an_impossible_plan_is_refused(units, message):
    """A circle and an unknown need are told apart and named."""
    with pytest.raises(PlanError, match=message):
        in_start_order(units)


def test_an_unknown_name_is_refused():
    """Asking for a process that does not exist names those that do."""
    with pytest.raises(PlanError, match="no process stor; there are api, collector, dashboard, store"):
        only(PLAN, ["stor"])
