"""Makes the screenshots in docs/images: `python -m docs.screenshots`. Needs Chromium and its driver on the PATH."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.browser import browser, look_like
from tests.harness import Stack, running_redis, running_stack, until
from worker import local_workers
from worker.embedded_redis import free_port

IMAGES = Path(__file__).with_name("images")
ROWS = 6_000_000
LEAST_HEIGHT, MOST_HEIGHT = 420, 860
KARGO, MEDIAMATH, INSTAL, ROKT = (
    "kargo.campaign-performance-metrics",
    "mediamath.performance",
    "instal.advertiser-export",
    "rokt.query-campaigns",
)
SCHEDULE = """
- name: kargo-daily
  connection: kargo
  report: campaign-performance-metrics
  params:
    dimensions: [campaign_name]
    measures: [clicks_sum]
    filters: [{day_time_id: {op: between, start: "{yesterday:%Y%m%d00}", end: "{yesterday:%Y%m%d23}"}}]
  cron: "0 6 * * *"
  timezone: Europe/Berlin
- name: installs
  connection: instal
  report: advertiser-export
  params: {start_date: "{yesterday}", stop_date: "{yesterday}"}
  every: 1h
  lookback: 3d
"""


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def shoot(driver: Chrome, url: str, name: str, ready: Callable[[], object]) -> None:
    """Load a page and take its picture as soon as it is ready."""
    driver.get("about:blank")
    driver.get(url)
    until(ready, name)
    take(driver, name)


def take(driver: Chrome, name: str) -> None:
    """Take a picture of the page, without the empty space below it."""
    width, height = driver.execute_script("return [innerWidth, document.body.scrollHeight]")
    is_dark = driver.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches")
    look_like(driver, width=width, height=min(max(height, LEAST_HEIGHT), MOST_HEIGHT), dark=is_dark)
    driver.save_screenshot(str(IMAGES / f"{name}.png"))
    look_like(driver, width=width, height=MOST_HEIGHT, dark=is_dark)


def _flower_shows(driver: Chrome, base: str, *states: str) -> bool:
    """Does Flower's list have these words? Reloads it, because it does not change by itself."""
    driver.get(f"{base}/tasks")
    until(lambda: driver.find_elements(By.CSS_SELECTOR, "tbody tr"), "tasks")
    found = {badge.text for badge in driver.find_elements(By.CSS_SELECTOR, "tbody .badge")}
    return found >= set(states)


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        (directory / "schedule.yaml").write_text(SCHEDULE)
        settings = {"MILLRACE_SCHEDULE": str(directory / "schedule.yaml"), "MILLRACE_POLL_SECONDS": "9"}
        with (
            running_redis(directory / "redis") as server,
            running_stack(directory, server.url, **settings) as stack,
            browser(directory / "light") as light,
            browser(directory / "phone", width=390, height=844) as phone,
            browser(directory / "dark", dark=True) as dark,
        ):
            api, flower = free_port(), free_port()
            beside = {"api": local_workers.api(api), "flower": local_workers.flower(flower)}
            stack.workers.commands = {**stack.workers.commands, **beside}
            stack.workers.restart_dead()
            base, flower_base = f"http://127.0.0.1:{api}", f"http://127.0.0.1:{flower}"
            until(lambda: _answers(base) and _answers(flower_base), "API and Flower")
            _all(stack, base, flower_base, light, phone, dark)


def _all(stack: Stack, base: str, flower: str, light: Chrome, phone: Chrome, dark: Chrome) -> None:
    def shows(driver: Chrome, *texts: str) -> Callable[[], bool]:
        return lambda: all(text in driver.find_element(By.TAG_NAME, "body").text for text in texts)

    shoot(light, f"{base}/#/jobs", "idle", shows(light, "No jobs yet", "live"))
    done = stack.ask(INSTAL, "stream:installs")
    stack.receipt(stack.ask(ROKT, "stream:rokt"))
    stack.receipt(done)
    stack.dial({"kind": "error_line", "vendor": "mediamath", "args": {"after_rows": 800}})
    failed = stack.ask(MEDIAMATH, "stream:failed")
    until(lambda: stack.job(failed).state == "failed", "a failed job")
    stack.dial()
    stack.vendors_are(rows=ROWS)
    large = stack.ask(MEDIAMATH, "stream:large")
    stack.ask(KARGO, "stream:campaigns")
    stack.services.ledger.decide(stack.ask(KARGO, "stream:other"), "cancelled", "cancelled")
    look_like(light, width=1600, height=MOST_HEIGHT, dark=False)
    until(lambda: _flower_shows(light, flower, "SUCCESS", "FAILURE", "RETRY"), "Flower's tasks")
    take(light, "flower")
    look_like(light, width=1280, height=MOST_HEIGHT, dark=False)
    until(lambda: stack.job(large).rows > ROWS / 10, "rows")
    shoot(light, f"{base}/#/jobs", "busy", shows(light, "streaming", "next poll", "failed"))
    shoot(phone, f"{base}/#/jobs", "phone", shows(phone, "streaming", "failed"))
    dark.get(f"{base}/#/job/{large}")
    until(lambda: dark.find_elements(By.CSS_SELECTOR, "svg.plot"), "a plot")
    until(lambda: stack.job(large).rows > ROWS * 0.6, "more rows")
    take(dark, "dark")
    shoot(light, f"{base}/#/job/{failed}", "failed", shows(light, "Failed", "RECEIPT"))
    shoot(light, f"{base}/#/new", "new", shows(light, "Choose a report"))
    light.execute_script(
        "const s = document.getElementById('report'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))",
        KARGO,
    )
    take(light, "new")
    shoot(light, f"{base}/#/schedule", "schedule", shows(light, "kargo-daily"))
    shoot(light, f"{base}/#/workers", "workers", shows(light, "messages wait"))


if __name__ == "__main__":
    main()
