"""The page at `/`, in a browser: a job is requested, watched and cancelled there."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest
import requests
import uvicorn
from selenium.webdriver import Chrome
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.browser import IS_THERE, browser, faults_of, look_like
from tests.harness import Stack, running_api, until
from tests.redis_server import free_port
from tests.requests import KARGO
from worker.api.app import make_app
from worker.api.backend import Backend

TOKEN = "a-token-of-the-tests"
pytestmark = pytest.mark.skipif(not IS_THERE, reason="Chromium and chromedriver are not installed")


@pytest.fixture(scope="module")
def base(shared_stack: Stack) -> Iterator[str]:
    with running_api(shared_stack, TOKEN) as api:
        yield api.base


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browser(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(base: str, chromium: Chrome) -> Chrome:
    """The page as a new user sees it."""
    chromium.get(base)
    chromium.execute_script("sessionStorage.clear()")
    # The browser would not reload a page whose address is the present one.
    chromium.get("about:blank")
    look_like(chromium, width=1280, height=860, dark=False)
    chromium.get(base)
    return chromium


def shows(page: Chrome, text: str) -> None:
    until(lambda: text in page.find_element(By.TAG_NAME, "body").text, f"{text!r} on the page")


def fill(page: Chrome, name: str, text: str) -> None:
    page.find_element(By.ID, f"param-{name}").send_keys(text)


def choose(page: Chrome, selector: str, value: str) -> None:
    until(lambda: page.find_elements(By.CSS_SELECTOR, f"{selector} option[value='{value}']"), value)[0].click()


def log_in(page: Chrome) -> None:
    field = page.find_element(By.ID, "token")
    until(field.is_displayed, "the question for a token")
    press(page, Keys.ESCAPE)
    shows(page, "A token is needed")
    page.find_element(By.ID, "forget").send_keys(Keys.ENTER)
    field.send_keys(TOKEN, Keys.ENTER)
    shows(page, "live")


def press(page: Chrome, *keys: str) -> None:
    """Send keys to the focused element."""
    ActionChains(page).send_keys(*keys).perform()


def test_the_page_works_below_a_path_of_a_reverse_proxy(chromium: Chrome, stack: Stack) -> None:
    # As behind a proxy, the application itself does not know the path.
    below = Starlette(
        routes=[Mount("/tools/millrace", make_app(stack.services.settings, Backend(lambda: stack.services)))]
    )
    # The page keeps a connection for events, for which the server would wait.
    config = uvicorn.Config(below, port=free_port(), log_level="critical", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, "the server")
        chromium.get(f"http://127.0.0.1:{config.port}/tools/millrace/")
        shows(chromium, "live")
        chromium.find_element(By.LINK_TEXT, "Schedule").click()
        shows(chromium, "Nothing is scheduled")
        assert not faults_of(chromium)
    finally:
        server.should_exit = True
        thread.join()


def test_a_job_is_requested_watched_and_cancelled(page: Chrome, stack: Stack) -> None:
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    log_in(page)
    page.find_element(By.LINK_TEXT, "New report").click()
    choose(page, "#report", "kargo.campaign-performance-metrics")
    for dimension in KARGO["dimensions"]:
        fill_list(page, "dimensions", dimension)
    for measure in KARGO["measures"]:
        fill_list(page, "measures", measure)
    fill(page, "filters", '[{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026110123}}]')
    page.find_element(By.ID, "to").send_keys("stream:page", Keys.ENTER)
    shows(page, "Waits: the vendor is preparing it")
    page.find_element(By.ID, "cancel").send_keys(Keys.ENTER)
    press(page, Keys.ESCAPE)
    assert not page.find_element(By.ID, "sure").is_displayed()
    assert page.switch_to.active_element.get_attribute("id") == "cancel"
    press(page, Keys.ENTER, Keys.TAB, Keys.ENTER)
    shows(page, "RECEIPT")
    assert page.find_element(By.CSS_SELECTOR, "[aria-live=polite]").get_attribute("textContent")
    assert page.find_element(By.CSS_SELECTOR, "h2 .state").text == "cancelled"
    assert page.execute_script("return [localStorage.length, document.cookie]") == [0, ""]
    job = page.current_url.rpartition("/")[2]
    assert stack.job(job).state == "cancelled"


def fill_list(page: Chrome, name: str, value: str) -> None:
    """Choose an item of a list, or type it where the list is open."""
    field = page.find_element(By.ID, f"param-{name}")
    if field.tag_name == "select":
        choose(page, f"#param-{name}", f'"{value}"')
    else:
        field.send_keys(f"{',' if field.get_attribute('value') else ''}{value}")


def test_a_wrong_parameter_is_shown_at_its_field(page: Chrome, stack: Stack) -> None:
    log_in(page)
    page.find_element(By.LINK_TEXT, "New report").click()
    choose(page, "#report", "instal.advertiser-export")
    fill(page, "start_date", "the day before")
    fill(page, "stop_date", "2026-11-20")
    page.find_element(By.XPATH, "//button[text()='Request the report']").click()
    shows(page, "start_date")
    wrong = until(lambda: page.find_elements(By.CSS_SELECTOR, "[aria-invalid=true]"), "the field")
    assert [field.get_attribute("id") for field in wrong] == ["param-start_date"]
    assert page.switch_to.active_element == wrong[0]


def test_nothing_a_vendor_says_becomes_markup(page: Chrome, stack: Stack) -> None:
    words = "<img src=x onerror=\"document.title='taken'\"><b>bold</b>"
    stack.dial({"kind": "error_body", "args": {"message": words}})
    job = stack.ask("instal.advertiser-export", "stream:markup")
    stack.ended(job)
    log_in(page)
    page.get(f"{page.current_url.partition('#')[0]}#/job/{job}")
    shows(page, "<b>bold</b>")
    assert page.find_elements(By.CSS_SELECTOR, "main img, main b b") == []
    assert page.title == "Job – Millrace"


def test_everybody_can_use_it_by_keyboard_on_a_phone_and_in_the_dark(page: Chrome, stack: Stack) -> None:
    stack.dial({"kind": "error_line", "vendor": "mediamath", "args": {"after_rows": 1}})
    failed = stack.ask("mediamath.performance", "stream:everybody")
    stack.ended(failed)
    log_in(page)
    base = page.current_url.partition("#")[0]
    views = {
        "jobs": "What it is doing",
        f"job/{failed}": "RECEIPT",
        "new/kargo.campaign-performance-metrics": "dimensions",
        "schedule": "Nothing is scheduled",
        "dead/mediamath.performance": "No dead letters",
        "workers": "messages wait",
    }
    screens = {"a desk": (1280, 860, False), "in the dark": (1280, 860, True), "a phone": (360, 740, False)}
    faults = {}
    for view, text in views.items():
        page.get(f"{base}#/{view}")
        shows(page, text)
        for screen, (width, height, dark) in screens.items():
            look_like(page, width=width, height=height, dark=dark)
            faults[view, screen] = faults_of(page)
    assert {where: found for where, found in faults.items() if found} == {}


def test_the_description_of_the_api_runs_nothing_and_loads_nothing_foreign(base: str) -> None:
    answer = requests.get(f"{base}/docs", timeout=10)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert re.findall(r"<script|(?:src|href)=\"(?!#|\./\"|openapi\.json\")", answer.text) == []
    described = requests.get(f"{base}/openapi.json", timeout=10).json()
    assert [path for path in described["paths"] if f"<code>{path}</code>" not in answer.text] == []


def test_the_page_holds_no_data_and_lets_nothing_foreign_run(base: str) -> None:
    answer = requests.get(base, timeout=10)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for word in ("http://", "https://", "innerHTML", "localStorage", "onclick="):
        assert word not in answer.text.replace("http://www.w3.org/", "").replace('placeholder: "https://"', ""), word
