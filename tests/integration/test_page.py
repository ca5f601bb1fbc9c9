"""The page at `/`, in a browser: a job is asked for, watched and cancelled there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.browser import IS_THERE, browser
from tests.harness import Stack, until
from tests.requests import KARGO
from worker.embedded_redis import free_port

TOKEN = "a-token-of-the-tests"
pytestmark = pytest.mark.skipif(not IS_THERE, reason="Chromium and chromedriver are not installed")


@pytest.fixture(scope="module")
def base(shared_stack: Stack) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker", "api", "--port", str(port)],
        env={**os.environ, **shared_stack.workers.environment, "MILLRACE_API_TOKENS": TOKEN},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    found = f"http://127.0.0.1:{port}"
    until(lambda: is_up(found), "the API")
    yield found
    process.terminate()
    process.wait()


def is_up(base: str) -> bool:
    try:
        return requests.get(f"{base}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.fixture
def page(base: str, tmp_path: Path) -> Iterator[Chrome]:
    with browser(tmp_path / "profile") as driver:
        driver.get(base)
        yield driver


def shows(page: Chrome, text: str) -> None:
    until(lambda: text in page.find_element(By.TAG_NAME, "body").text, f"{text!r} on the page")


def fill(page: Chrome, name: str, text: str) -> None:
    page.find_element(By.ID, f"param-{name}").send_keys(text)


def choose(page: Chrome, selector: str, value: str) -> None:
    until(lambda: page.find_elements(By.CSS_SELECTOR, f"{selector} option[value='{value}']"), value)[0].click()


def log_in(page: Chrome) -> None:
    field = page.find_element(By.ID, "token")
    until(field.is_displayed, "the question for a token")
    field.send_keys(TOKEN)
    page.find_element(By.CSS_SELECTOR, "#login-form button").click()
    shows(page, "live")


def test_a_job_is_asked_for_watched_and_cancelled(page: Chrome, stack: Stack) -> None:
    stack.dial({"kind": "never_ready", "vendor": "kargo"})
    log_in(page)
    page.find_element(By.LINK_TEXT, "New report").click()
    choose(page, "#report", "kargo.campaign-performance-metrics")
    for dimension in KARGO["dimensions"]:
        fill_list(page, "dimensions", dimension)
    for measure in KARGO["measures"]:
        fill_list(page, "measures", measure)
    fill(page, "filters", '[{"day_time_id": {"op": "between", "start": 2026110100, "end": 2026110123}}]')
    page.find_element(By.ID, "to").send_keys("stream:page")
    page.find_element(By.XPATH, "//button[text()='Ask for the report']").click()
    shows(page, "Waits: the vendor is preparing it")
    page.find_element(By.ID, "cancel").click()
    page.find_element(By.ID, "sure-yes").click()
    shows(page, "RECEIPT")
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


def test_a_wrong_parameter_is_told_beside_its_field(page: Chrome, stack: Stack) -> None:
    log_in(page)
    page.find_element(By.LINK_TEXT, "New report").click()
    choose(page, "#report", "instal.advertiser-export")
    fill(page, "start_date", "the day before")
    fill(page, "stop_date", "2026-11-20")
    page.find_element(By.XPATH, "//button[text()='Ask for the report']").click()
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
    assert page.title == "Millrace"


def test_the_page_holds_no_data_and_lets_nothing_foreign_run(base: str) -> None:
    answer = requests.get(base, timeout=10)
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].startswith("'sha256-")
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    for word in ("http://", "https://", "innerHTML", "localStorage", "onclick="):
        assert word not in answer.text.replace("http://www.w3.org/", "").replace('placeholder: "https://"', ""), word
