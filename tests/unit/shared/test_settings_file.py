"""Settings files: read strictly, and every fault named with its line and its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, fields, post_load, validate

from shared.config import SettingsError
from shared.settings_file import MOST_BYTES, load, parse, refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    day: str
    dishes: tuple[str, ...]


class Dish(Schema):
    name = fields.String(required=True)
    price = fields.Integer(strict=True, validate=validate.Range(1))
    value = fields.String()


class MenuSchema(Schema):
    day = fields.String(load_default="")
    dishes = fields.Dict(keys=fields.String(validate=validate.Length(max=5)), values=fields.Nested(Dish))
    order = fields.List(fields.Nested(Dish), load_default=list)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Menu:
        unknown = [(("order", n, "name"), "is not on the menu") for n, one in enumerate(data["order"]) if one]
        if data["day"] == "closed":
            raise refused([*unknown, (("day",), "we are closed"), (("day",), "today")])
        return Menu(day=data["day"], dishes=tuple(data.get("dishes", ())))


def read(text: str) -> Menu:
    menu: Menu = parse(text, MenuSchema(), name="menu.yaml")
    return menu


def faults(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(text)
    assert caught.value.slug == "bad-settings"
    return caught.value.message


def test_a_file_becomes_what_its_schema_makes_of_it(tmp_path: Path) -> None:
    path = tmp_path / "menu.yaml"
    path.write_text("day: Måndag\ndishes: {soup: {name: Soup}}\n", encoding="utf-8")
    assert load(path, MenuSchema()) == Menu(day="Måndag", dishes=("soup",))


def test_an_empty_file_is_a_file_without_fields() -> None:
    assert read("# nothing\n") == Menu(day="", dishes=())


def test_a_date_stays_text() -> None:
    assert read("day: 2026-13-45").day == "2026-13-45"


def test_every_fault_is_named_in_one_error_with_line_and_place_in_the_files_order() -> None:
    text = """
order:
  - name: 3
  - {price: 0}
dishes:
  soup: {name: Soup, colour: red}
  dessert:
    name: [Cake]
tip: 1
"""
    assert faults(text) == "menu.yaml: " + "; ".join(
        [
            "line 3, order.0.name: Not a valid string",
            "line 4, order.1.name: Missing data for required field",
            "line 4, order.1.price: Must be greater than or equal to 1",
            "line 6, dishes.soup.colour: Unknown field",
            "line 7, dishes.dessert: Longer than maximum length 5",
            "line 8, dishes.dessert.name: Not a valid string",
            "line 9, tip: Unknown field",
        ]
    )


def test_a_field_may_be_called_like_a_step_of_the_librarys() -> None:
    assert faults("dishes: {soup: {name: Soup, value: 3}}").endswith("dishes.soup.value: Not a valid string")


def test_a_hook_of_the_schema_names_its_faults_in_the_same_manner() -> None:
    text = "day: closed\norder:\n  - name: Soup\n  - name: Cake\n"
    assert faults(text) == (
        "menu.yaml: line 1, day: today; line 1, day: we are closed; "
        "line 3, order.0.name: is not on the menu; line 4, order.1.name: is not on the menu"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("day: a\nday: b", "line 2, day: is given twice"),
        ('day: a\n"day": a', "line 2, day: is given twice"),
        ("order:\n  - name: a\n    name: b", "line 3, order.0.name: is given twice"),
        ("dishes:\n  soup: {name: a}\n  soup: {name: b}", "line 3, dishes.soup: is given twice"),
    ],
)
def test_a_key_that_is_given_twice_is_refused(text: str, fault: str) -> None:
    assert faults(text) == f"menu.yaml: {fault}"


def test_a_part_that_is_used_again_may_be_changed() -> None:
    text = "dishes:\n  soup: &soup {name: Soup, price: 3}\n  more: {<<: *soup, price: 4}\n"
    assert read(text).dishes == ("soup", "more")


@pytest.mark.parametrize(
    "text",
    [
        "day: [",
        "- day",
        "day",
        "\tday: a",
        "? [a]\n: b",
        "day: !!python/object/apply:os.getcwd []",
        "day: !!timestamp 2026-13-45",
        "day: !!timestamp tomorrow",
        "day: !!bool perhaps",
        "day: !!int",
        "day: \x00",
        "[" * 500,
    ],
)
def test_what_is_no_plain_mapping_is_refused_in_one_line_that_names_the_file(text: str) -> None:
    assert faults(text).startswith("menu.yaml: ")
    assert "\n" not in faults(text)


def test_a_file_that_refers_to_itself_is_refused() -> None:
    assert "dishes" in faults("dishes: &all\n  soup: *all\n")


@pytest.mark.parametrize("content", [b"day: caf\xe9", b"#" * (MOST_BYTES + 1), None])
def test_a_file_that_is_no_text_or_too_long_or_not_there_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "menu.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"menu\.yaml"):
        load(path, MenuSchema())


def test_a_file_of_just_the_allowed_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "menu.yaml"
    path.write_bytes(b"day: a\n".ljust(MOST_BYTES, b"#"))
    assert load(path, MenuSchema()).day == "a"
