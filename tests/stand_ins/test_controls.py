"""Tables with one defect each. The suite must fail every table."""

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.models.table import TableModel
from tests.chaos.controls import BlindStore
from tests.fakes.aws import TABLE, entry
from tests.stand_ins import test_store, test_table
from tests.stand_ins.requests import services


class Tampered:
    """A table that changes some requests or responses."""

    def __init__(self, *, asked: Any = lambda r: r, answered: Any = lambda r: r) -> None:
        self._table = TableModel(TABLE)
        self._asked = asked
        self._answered = answered

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._table, name)
        return lambda **request: self._answered(operation(**self._asked(request)))


def without(name: str) -> Callable[[Any], Any]:
    return lambda fields: {key: value for key, value in fields.items() if key != name}


def overwrites(request: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in request.get("ExpressionAttributeValues", {}).items() if name == ":new"}
    changed = without("ConditionExpression")(request)
    return changed | {"ExpressionAttributeValues": values} if values else changed


def sorts_lists(request: dict[str, Any]) -> dict[str, Any]:
    values = {
        name: {"L": sorted(value["L"], key=repr)} if "L" in value else value
        for name, value in request.get("ExpressionAttributeValues", {}).items()
    }
    return request | {"ExpressionAttributeValues": values} if values else request


def answers_for_missing(response: dict[str, Any]) -> dict[str, Any]:
    return {"Item": {}} | response if "Responses" not in response else response


def forgets_the_rest(response: dict[str, Any]) -> dict[str, Any]:
    return response | {"UnprocessedKeys": {}} if "Responses" in response else response


failed_condition = test_table.test_failed_condition_returns_the_item_and_changes_nothing
large_batch = test_table.test_batch_read_returns_16_megabytes_and_the_rest_as_unprocessed
nothing_back = without("ReturnValuesOnConditionCheckFailure")


def reordered_list(table: Any) -> None:
    test_table.test_lists_differ_in_any_element_or_order(table, services(entry("b"), entry("a")))


CONTROLS: dict[str, tuple[Any, Callable[[Any], None]]] = {
    "conditions ignored": (Tampered(asked=overwrites), failed_condition),
    "nothing given back": (Tampered(asked=nothing_back), failed_condition),
    "lists without order": (Tampered(asked=sorts_lists), reordered_list),
    "missing is empty": (Tampered(answered=answers_for_missing), test_table.test_missing_item_is_not_returned),
    "rest forgotten": (Tampered(answered=forgets_the_rest), large_batch),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_control_wrong_table_is_caught(name: str):
    table, examine = CONTROLS[name]
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        examine(table)


def test_control_table_without_a_size_limit_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("localcloud.models.table.ITEM_BYTES_MAX", 500_000)
    with pytest.raises(pytest.fail.Exception):
        test_table.test_item_of_one_byte_more_is_rejected_and_the_old_item_stays(TableModel(TABLE))


def test_control_store_without_condition_is_caught():
    table = TableModel(TABLE)
    with pytest.raises(AssertionError):
        test_store.test_lost_race_loses_no_login(
            table, lambda other: test_store.interrupted_store(table, other, BlindStore), known=False
        )


def test_control_correct_table_passes():
    for _, examine in CONTROLS.values():
        examine(TableModel(TABLE))
    table = TableModel(TABLE)
    test_store.test_logins_become_records_newest_first(table, test_store.UserRecordStore(table, TABLE))
