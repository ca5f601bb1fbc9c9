"""Headless Chromium, for what only a browser can show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
IS_THERE = BROWSER is not None and DRIVER is not None
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --hide-scrollbars --disable-dev-shm-usage"
).split()


@contextmanager
def browser(profile: Path, *, width: int = 1280, height: int = 860, dark: bool = False) -> Iterator[Chrome]:
    """A browser with an empty profile, closed at the end of the block."""
    options = ChromeOptions()
    options.binary_location = str(BROWSER)
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        look_like(driver, width=width, height=height, dark=dark)
        yield driver
    finally:
        driver.quit()


def look_like(driver: Chrome, *, width: int, height: int, dark: bool) -> None:
    """Make it a screen of this size, in the dark or not; one narrower than 500 is a phone's."""
    media = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
