"""Every text the pages ask for is there, in every language."""

import re
from pathlib import Path
from typing import get_args

import pytest

from appliance import health, web
from appliance.cases.audit import Action, Actor
from appliance.cases.reviews import EVIDENCE, OTHERS
from appliance.cases.store import Source
from appliance.messages import LANGUAGES, Language, catalogue
from appliance.request_errors import PinError, RequestError
from appliance.settings import Settings
from appliance.vision.classes import CLASSES
from appliance.vision.hints import HINTS
from appliance.vision.risk import BY_LIKELIEST
from appliance.web.audit_words import FAILURES
from appliance.web.result_view import REASONS, SURE
from appliance.web.sites import SITES
from appliance.web.staff_cases import OUTCOMES

TEMPLATES = sorted((Path(web.__file__).parent / "templates").glob("*.html"))
HEALTH = Path(health.__file__).parent
KINDS, SPANS = ("soon", "back"), ("today", "tomorrow", "days", "week", "weeks", "any")  # next_step.how_soon
CODE = {".html", ".jinja", ".js", ".py"}
LITERAL = re.compile(r"\bt\(\s*['\"]([\w.]+)['\"]\s*[,)]")
RULES = {rule for _, rule in BY_LIKELIEST.values()} | {"none_of_these", "in_doubt", "reservation"}
COMPOSED = (
    [f"class.{each}.{part}" for each in CLASSES for part in ("name", "plain", "means")]
    + [f"site.{each}" for each in SITES]
    + [f"{kind}.{rule}" for rule in RULES for kind in ("next", "rule")]
    + ["next.cancer_not_excluded"]
    + [f"grade.{grade}" for grade in ("low", "refer", "urgent")]
    + [f"sure.{word}" for _, word in SURE]
    + ["evidence.limited", "evidence.insufficient"]
    + [f"{kind}.{reason}" for reason in REASONS for kind in ("wrong", "todo")]
    + [f"hint.{hint}" for hint in HINTS]
    + [f"error.{each.key}{part}" for each in RequestError.__subclasses__() for part in ("", ".remedy")]
    + [f"error.{each.key}{part}" for each in PinError.__subclasses__() for part in ("", ".remedy")]
    + [f"audit.{each}" for each in get_args(Action)]
    + [f"audit.by.{each}" for each in get_args(Actor)]
    + [f"staff.nav.{each}" for each in ("cases", "figures", "audit", "pin")]
    + [f"staff.nav.{each}" for each in ("settings", "health", "retention", "copies")]
    + [f"copies.why.{each}" for each in (*FAILURES, "other")]
    + [f"{kind}.{each}" for kind in ("staff.health", "staff.light") for each in ("green", "amber", "red")]
    + [f"check.box.{each.stem}" for each in HEALTH.glob("[a-z]*.py") if each.stem not in ("cached", "result")]
    + [f"facts.{each}" for each in ("waiting", "free", "worked", "version", "backup", "not_backed_up", "unexported")]
    + [f"setting.{each}" for each in Settings.model_fields]
    + [f"settings.choice.language.{each}" for each in LANGUAGES]
    + [f"{kind}.{each}" for kind in ("settings.when", "settings.kept") for each in ("now", "restart")]
    + [f"unit.{each}" for each in ("h", "min", "d")]
    + [f"staff.outcome.{each}" for each in OUTCOMES]
    + [f"staff.reviewed.{each}" for each in ("yes", "no")]
    + [f"staff.source.{each}" for each in get_args(Source)]
    + [f"diagnosis.other.{each}" for each in OTHERS]
    + [f"evidence.by.{each}" for each in EVIDENCE]
    + [f"figures.{each}{part}" for each in ("first_right", "sent_on", "coverage") for part in ("", ".how")]
    + [f"staff.audit.{each}" for each in ("number", "when", "who", "what", "case")]
)


def test_every_reason_has_a_drawing_of_its_own_hand() -> None:
    folder = Path(web.__file__).parent / "static"
    for reason in (*REASONS, "room_too_bright", "refer"):
        drawing = (folder / f"drawing-{reason}.svg").read_text("utf-8")
        assert 'viewBox="0 0 96 96"' in drawing, reason
        assert "href" not in drawing, reason


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_templates_name_is_in_the_catalogue(language: Language) -> None:
    literal = {key for template in TEMPLATES for key in LITERAL.findall(template.read_text("utf-8"))}
    assert len(literal) > 80
    assert not (literal | set(COMPOSED)) - set(catalogue(language))


def test_no_template_has_words_of_its_own() -> None:
    """Between tags there is nothing but what the catalogue gives."""
    for template in TEMPLATES:
        text = re.sub(r"\{% block body_(class|data) %\}.*", "", template.read_text("utf-8"))
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", text, flags=re.DOTALL)
        between = re.sub(r"<[^>]*>", " ", text, flags=re.DOTALL)
        assert re.findall(r"[A-Za-z\u4e00-\u9fff]{2,}", between) == [], template.name


def test_translations_have_the_same_keys_and_placeholders() -> None:
    zh, en = catalogue("zh"), catalogue("en")
    assert set(zh) == set(en)
    for key in zh:
        assert set(re.findall(r"\{\w+\}", zh[key])) == set(re.findall(r"\{\w+\}", en[key])), key
        assert zh[key].strip(), key
        assert en[key].strip(), key


def test_no_text_is_left_that_nothing_names() -> None:
    """Named whole, or by its beginning with the rest put together: ``t("wrong." ~ reason)``, ``f"error.{key}"``."""
    root = Path(web.__file__).parents[2]
    files = [each for room in ("appliance", "firmware") for each in (root / room).rglob("*") if each.suffix in CODE]
    code = "\n".join(each.read_text("utf-8") for each in files)
    named = set(re.findall(r"[\w.]+", code)) | set(COMPOSED) | {f"{kind}.{span}" for kind in KINDS for span in SPANS}
    begun = tuple(set(re.findall(r"[\"'](\w[\w.]*[._])(?:[\"']|\{)", code)))
    assert len(begun) < len(catalogue("en")) / 4
    assert not [key for key in catalogue("en") if key not in named and not key.startswith(begun)]


def test_no_number_that_may_be_one_stands_before_a_plural() -> None:
    """The catalogues have one form a text, so English says "Cases: 1" and not "1 cases"."""
    many = re.compile(
        r"\{(count|total|cases|photographs|days|hours|minutes|seconds|places|new|done|waiting)\} [a-z]+s\b"
    )
    never_one = (
        "soon.days",
        "soon.weeks",
        "back.days",
        "back.weeks",
        "error.photo_too_slow",
        "error.recovery_key_invalid",
    )
    assert not [key for key, words in catalogue("en").items() if many.search(words) and key not in never_one]


def test_a_setting_is_described_alike_on_its_page_and_in_the_documents() -> None:
    for name, field in Settings.model_fields.items():
        assert catalogue("en")[f"setting.{name}"] == field.description
