"""The phones' scripts and styles against browsers of five years ago, over plain HTTP."""

import re
from pathlib import Path

import pytest

from appliance import web

STATIC = Path(web.__file__).parent / "static"
TEMPLATES = Path(web.__file__).parent / "templates"
NEEDS_HTTPS = (
    r"randomUUID|crypto\.subtle|serviceWorker|navigator\.(share|clipboard|storage|locks|wakeLock|geolocation|bluetooth)"
    r"|getUserMedia|mediaDevices|\bcaches\b|Notification|showOpenFilePicker|isSecureContext|PushManager|createImageBitmap"
)
TOO_NEW = (
    r"AbortSignal\.(timeout|any)|withResolvers|fromAsync|\.groupBy\(|\.to(Sorted|Reversed|Spliced)\(|URL\.(canParse|parse)\("
    r"|scheduler\.|\.moveBefore\(|startViewTransition|showPopover|popover|RegExp\.escape|Promise\.try|Iterator\.from"
    r"|import\s*\(|\bimport\b.*\bfrom\b|requestIdleCallback"
)
STYLES_TOO_NEW = (
    r":has\(|@container|@scope|@starting-style|color-mix\(|\d[dsl]v[hw]\b|@layer|:popover-open|subgrid|^\s*&"
)


def used_by(*suffixes: str) -> list[Path]:
    """Files of static/ that a phone's page names."""
    pages = [page.read_text("utf-8") for page in (TEMPLATES / "base.html", *TEMPLATES.glob("phone*.html"))]
    names = {name for page in pages for name in re.findall(r"filename='([\w.-]+)'", page)}
    return sorted(STATIC / name for name in names if name.endswith(suffixes))


@pytest.mark.parametrize("script", used_by(".js"), ids=lambda path: path.name)
def test_no_script_asks_for_what_plain_http_or_an_old_browser_lacks(script: Path) -> None:
    code = re.sub(r"//.*", "", script.read_text("utf-8"))
    assert re.findall(NEEDS_HTTPS, code) == []
    assert re.findall(TOO_NEW, code) == []


@pytest.mark.parametrize("style", used_by(".css"), ids=lambda path: path.name)
def test_no_style_of_the_phones_needs_a_new_browser(style: Path) -> None:
    assert re.findall(STYLES_TOO_NEW, style.read_text("utf-8"), re.MULTILINE) == []


def test_there_are_scripts_and_styles_to_look_at() -> None:
    assert {path.name for path in used_by(".js", ".css")} >= {
        "send.js",
        "waiting.js",
        "fresh.js",
        "base.css",
        "phone.css",
    }
