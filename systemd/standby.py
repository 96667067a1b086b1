#!/usr/bin/env python3
"""What stands in for the kiosk while it cannot run. The system's Python alone: it must work where nothing else does.

standby.py page   serves a page at the kiosk's and the phones' addresses that says why, then lets systemd try again
standby.py wait   waits until the kiosk, or the page above, answers, and prints its address
standby.py ask    prints what the kiosk says of itself; exit status 1 where something is not well
standby.py note   called by systemd when the kiosk has ended: keeps how

Its texts stand here and not in the catalogues: those are part of what may be broken.
"""

import html
import json
import os
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RUNTIME = Path(os.environ.get("DERMKIOSK_RUNTIME", "/run/dermkiosk"))
SETTINGS = Path(os.environ.get("DERMKIOSK_SETTINGS", "/etc/dermkiosk/settings.toml"))
LAST_WORDS = "last-error.json"
ENDED = "ended.json"
RETRY_S = float(os.environ.get("DERMKIOSK_RETRY_S", "300"))
"""Then the page ends, and systemd starts the kiosk anew. Longer than the interval in which starts are counted."""
DEFAULTS = {"kiosk_port": 8080, "lan_port": 8000, "lan_bind": "0.0.0.0"}  # noqa: S104  # phones are the point
REQUEST_TIMEOUT_S = 10
WORDS = {
    "zh": {
        "title": "设备暂时不能使用",
        "safe": "已保存的照片和结果没有丢失。设备每五分钟自动重试一次。",
        "nothing": "程序启动后立即停止，没有说明原因。",
        "watchdog": "程序不再响应，已被系统停止。",
        "ILL": "处理器不能运行模型所用的指令。",
        "oom-kill": "内存不足。",
        "remedy": "关闭设备电源，等待十秒后再打开。若仍出现此页，请联系安装人员：dermkiosk doctor 会说明问题。",
    },
    "en": {
        "title": "The box cannot be used at the moment",
        "safe": "Photographs and results that were saved are not lost. The box tries again every five minutes.",
        "nothing": "The program stops as soon as it starts, and does not say why.",
        "watchdog": "The program no longer answered, and the system stopped it.",
        "ILL": "The processor lacks an instruction that the model uses.",
        "oom-kill": "The memory was not enough.",
        "remedy": "Switch the box off, wait ten seconds, and switch it on. If this page comes again, call the person"
        " who installed the box: dermkiosk doctor says what is wrong.",
    },
}
PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<meta name="viewport" content="width=device-width"><title>dermkiosk</title>
<style>body{{font:1.3rem/1.5 sans-serif;margin:8vh auto;max-width:40rem;padding:0 1rem;color:#222;background:#fff}}
h1{{font-size:1.8rem;margin-bottom:0}}section+section{{border-top:1px solid #bbb;margin-top:2rem}}</style>{sections}"""
SECTION = '<section lang="{language}"><h1>{title}</h1><p><b>{sentence}</b></p><p>{remedy}</p><p>{safe}</p></section>'


def addresses() -> dict[str, Any]:
    """Ports and address from the settings; the defaults where the file cannot be read: it may be the fault."""
    try:
        given = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        given = {}
    known = {name: given.get(name) for name in DEFAULTS}
    return {name: known[name] if type(known[name]) is type(DEFAULTS[name]) else DEFAULTS[name] for name in DEFAULTS}


def read(name: str) -> dict[str, Any]:
    """A JSON object of the runtime folder; empty where there is none."""
    try:
        found = json.loads((RUNTIME / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def reason(language: str) -> tuple[str, str]:
    """Sentence and remedy: the program's own last words, else what systemd saw of its end."""
    words, said, ended = WORDS[language], read(LAST_WORDS), read(ENDED)
    if isinstance(own := said.get(language), dict):
        return str(own.get("sentence", "")), str(own.get("remedy", ""))
    seen = next((words[each] for each in (ended.get("status"), ended.get("result")) if each in words), None)
    return seen or words["nothing"], words["remedy"]


def page() -> bytes:
    """The page, both languages under each other: nobody here can be asked which."""
    sections = []
    for language, words in WORDS.items():
        sentence, remedy = (html.escape(each) for each in reason(language))
        sections.append(SECTION.format(language=language, sentence=sentence, remedy=remedy, **_only(words)))
    return PAGE.format(sections="".join(sections)).encode()


def _only(words: dict[str, str]) -> dict[str, str]:
    return {name: html.escape(words[name]) for name in ("title", "safe")}


class Handler(BaseHTTPRequestHandler):
    """Answers every address with 503 and the page; machines get the same as JSON."""

    timeout = REQUEST_TIMEOUT_S
    server_version, sys_version = "dermkiosk", ""

    def do_GET(self) -> None:  # http.server's name
        """Any address, whatever it is."""
        machine = self.path == "/healthz" or self.path.startswith("/api/")
        self._answer(self._problem() if machine else page(), "application/problem+json" if machine else "text/html")

    do_POST = do_HEAD = do_GET  # noqa: N815

    def _problem(self) -> bytes:
        sentence, remedy = reason("en")
        key = read(LAST_WORDS).get("key", "standby")
        return json.dumps({"status": 503, "key": key, "title": sentence, "remedy": remedy}).encode()

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(503)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "10")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's word
        """Nothing: the address of a result is a secret."""


def serve_page() -> None:
    """Both addresses, until it is time to try the kiosk again."""
    where = addresses()
    for host, port in (("127.0.0.1", where["kiosk_port"]), (where["lan_bind"], where["lan_port"])):
        server = ThreadingHTTPServer((host, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"standby page on {host}:{server.server_port}", flush=True)
    time.sleep(RETRY_S)


def wait() -> None:
    """Print the kiosk's address as soon as something answers there, be it that it is not well."""
    url = f"http://127.0.0.1:{addresses()['kiosk_port']}/"
    while not _answers(url + "healthz"):
        time.sleep(0.5)
    print(url)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=REQUEST_TIMEOUT_S).close()  # noqa: S310  # the loopback address
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def ask() -> None:
    """Each check of the kiosk's health page as a line."""
    url = f"http://127.0.0.1:{addresses()['kiosk_port']}/healthz?language=en"
    try:
        with urllib.request.urlopen(url, timeout=REQUEST_TIMEOUT_S) as answer:  # the loopback address
            said = json.load(answer)
    except urllib.error.HTTPError as not_well:
        with not_well:
            said = json.load(not_well)
    except OSError:
        sys.exit("✗ The kiosk does not answer. What systemd says: systemctl status dermkiosk")
    for check in said.get("checks", []):
        reading = f" ({check['reading']})" if check.get("reading") else ""
        print(f"{'✓' if check['ok'] else '✗'} {check['message']}{reading}")
    if "checks" not in said:
        print(f"✗ {said.get('title')}\n  → {said.get('remedy')}")
    sys.exit(0 if said.get("status") == "ok" else 1)


def note() -> None:
    """Keep how the kiosk ended, from the variables systemd sets for ExecStopPost."""
    seen = {
        name: os.environ.get(variable, "")
        for name, variable in (("result", "SERVICE_RESULT"), ("status", "EXIT_STATUS"))
    }
    (RUNTIME / ENDED).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    commands = {"page": serve_page, "wait": wait, "ask": ask, "note": note}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"Usage: standby.py {'|'.join(commands)}")
    commands[sys.argv[1]]()
