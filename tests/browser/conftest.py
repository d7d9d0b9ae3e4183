"""Stories in a real browser, against a desk as `make demo` starts it, with a small rehearsal.

Where no Chromium is found the stories are left out, which the end of the session says; under CI
that is an error instead.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from backoffice.embedded.places import PROJECT

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if CHROMIUM is None and os.environ.get("CI") == "true":
    raise RuntimeError("no Chromium: under CI the browser stories are never left out")
collect_ignore_glob = [] if CHROMIUM else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says plainly that the stories were left out."""
    if CHROMIUM is None:
        terminalreporter.write_line("no Chromium here: the browser stories are LEFT OUT")


REHEARSAL = ("okex-2018", "--accounts", "400", "--fills", "8000")


@dataclass(frozen=True)
class Desk:
    """A running desk: its address and the environment of its commands."""

    address: str
    environment: dict[str, str]

    def manage(self, *words: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def code(self, handle: str) -> str:
        """A code that has proved no decision; waits while those of this minute are spent."""
        for _ in range(20):
            try:
                return self.manage("code", handle).strip()
            except subprocess.CalledProcessError:
                time.sleep(2)
        raise AssertionError(f"no code for {handle}")


@dataclass
class Visit:
    """A page of the browser, and everything that went wrong on it."""

    page: Page
    problems: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on(
            "console",
            lambda message: (
                self.problems.append(f"console at {self.page.url}: {message.text}")
                if message.type == "error"
                else None
            ),
        )
        self.page.on(
            "requestfailed",
            lambda request: (
                self.problems.append(f"failed: {request.url} {request.failure}")
                if "ERR_ABORTED" not in (request.failure or "")
                else None
            ),
        )


@pytest.fixture(scope="package")
def desk() -> Iterator[Desk]:
    """The whole desk on servers of its own, stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="makewhole-browser-") as folder:
        unset = ("DATABASE_URL", "REDIS_URL", "MAKEWHOLE_EMAIL_HOST")
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        environment = {**kept, "MAKEWHOLE_DATA": f"{folder}/data"}
        port = str(20_000 + os.getpid() % 10_000)  # two sessions on one machine keep apart
        command = [sys.executable, "manage.py", "demo", "--detach", "--port", port, "--"]
        try:
            done = subprocess.run(
                [*command, *REHEARSAL],
                cwd=PROJECT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            found = re.search(r"desk at (http://\S+)", done.stdout)
            assert found is not None, done.stdout
            yield Desk(found[1], environment)
        finally:
            subprocess.run(
                [sys.executable, "manage.py", "services", "stop"],
                cwd=PROJECT,
                env=environment,
                check=True,
                capture_output=True,
            )


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One Chromium for all stories."""
    with sync_playwright() as playwright:
        # Its sandbox needs rights that root in a container does not have.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def signed_in(desk: Desk, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> "SignIn":
    """Gives the stored session of someone of the drill, signing them in the first time."""
    folder = tmp_path_factory.mktemp("sessions")

    def session(handle: str) -> Path:
        file = folder / f"{handle}.json"
        if not file.exists():
            context = browser.new_context(base_url=desk.address)
            sign_in(context.new_page(), desk, handle)
            context.storage_state(path=file)
            context.close()
        return file

    return session


SignIn = Callable[[str], Path]


def sign_in(page: Page, desk: Desk, handle: str) -> None:
    """By the form, with the second factor where one is asked for."""
    page.goto("/accounts/login/")
    page.fill("input[name=login]", f"{handle}@drill.makewhole.example")
    page.fill("input[name=password]", f"rehearsal-{handle}-2018")
    page.click("main form[method=post] button[type=submit]:has-text('Sign in')")
    page.wait_for_load_state()
    for _ in range(4):
        if "2fa/authenticate" not in page.url:
            break
        page.fill("input[name=code]", desk.code(handle))
        page.press("input[name=code]", "Enter")
        page.wait_for_load_state()
        if "2fa/authenticate" in page.url:
            time.sleep(10)  # whoever signed in a moment ago has used this half minute's code
    assert "/accounts/" not in page.url, page.inner_text("body")


@pytest.fixture
def visit(desk: Desk, browser: Browser, signed_in: SignIn) -> Iterator[Callable[..., Visit]]:
    """Opens a browser as someone, or as nobody, with options of Playwright's contexts."""
    contexts: list[BrowserContext] = []

    def open_as(handle: str | None, **options: object) -> Visit:
        state = signed_in(handle) if handle else None
        context = browser.new_context(base_url=desk.address, storage_state=state, **options)  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        contexts.append(context)
        opened = Visit(context.new_page())
        opened.watch()
        return opened

    yield open_as
    for context in contexts:
        context.close()
