"""Headless Chromium, and checks of a page's accessibility: contrast, names, sizes, headings, the keyboard."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

LEAST_CONTRAST, LEAST_PIXELS = 4.5, 24
NAMED = set("button link textbox combobox listbox checkbox img progressbar table dialog navigation region".split())

# The contrast as WCAG 2 defines it, of every visible text and placeholder against its background colours.
_PROBE = """
const [leastContrast, leastPixels] = arguments;
const rgba = (text) => [...text.match(/[\\d.]+/g).map(Number), 1].slice(0, 4);
const over = (top, under) => [0, 1, 2].map((at) => top[at] * top[3] + under[at] * (1 - top[3]));
const light = (colour) => colour.slice(0, 3).map((one) => one / 255)
  .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
  .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
function behind(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
}
function contrast(element, pseudo) {
  const ground = behind(element), text = over(rgba(getComputedStyle(element, pseudo).color), ground);
  const [less, more] = [light(ground), light(text)].sort((a, b) => a - b);
  return (more + 0.05) / (less + 0.05);
}
function isSeen(element) {
  const box = element.getBoundingClientRect();
  const hidden = ".visually-hidden, [hidden], :disabled, dialog:not([open])";
  return box.width > 1 && box.right > 0 && !element.closest(hidden);
}
const faint = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let text; text = texts.nextNode();) {
  const element = text.parentElement;
  if (!text.data.trim() || element.matches("script, style, option, optgroup") || !isSeen(element)) continue;
  if (contrast(element) < leastContrast) faint.push(text.data);
}
for (const field of document.querySelectorAll("input, textarea"))
  if (field.placeholder && isSeen(field) && contrast(field, "::placeholder") < leastContrast)
    faint.push(field.placeholder);
const controls = [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")]
  .filter((one) => isSeen(one));
const small = controls.map((one) => one.type === "checkbox" ? one.closest("label") : one)
  .filter((one) => { const box = one.getBoundingClientRect(); return Math.min(box.width, box.height) < leastPixels; })
  .map((one) => one.outerHTML.slice(0, 80));
const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(isSeen).map((one) => Number(one.tagName[1]));
const skipped = levels.filter((level, at) => level > (at ? levels[at - 1] : 0) + 1);
// Not innerWidth: on a phone that grows with what is too wide.
const wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
return { faint, small, skipped, wider: Math.max(0, wider), controls: controls.length };
"""

_FOCUS = """
const at = document.activeElement;
if (at === document.body) return null;
window.ids = window.ids || new Map();
if (!window.ids.has(at)) window.ids.set(at, window.ids.size);
const { outlineStyle, outlineWidth } = getComputedStyle(at);
return [window.ids.get(at), outlineStyle !== "none" && parseFloat(outlineWidth) >= 2, at.outerHTML.slice(0, 80)];
"""


def faults_of(page: Chrome) -> dict[str, Any]:
    """All faults of what the page shows now, by kind; empty if there are none."""
    found = page.execute_script(_PROBE, LEAST_CONTRAST, LEAST_PIXELS)
    controls = found.pop("controls")
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found["nameless"] = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"] and node["role"]["value"] in NAMED and not node.get("name", {}).get("value")
    ]
    reached, without_outline = tab_through(page, controls)
    found["unreached"] = max(0, controls - reached)
    found["without_outline"] = without_outline
    return {kind: what for kind, what in found.items() if what}


def tab_through(page: Chrome, controls: int) -> tuple[int, list[str]]:
    """The number of controls that the Tab key reaches, and those of them that do not show the focus."""
    page.execute_script("document.activeElement.blur(); window.ids = new Map()")
    seen: dict[int, tuple[bool, str]] = {}
    for _ in range(controls + 2):
        ActionChains(page).send_keys(Keys.TAB).perform()
        if at := page.execute_script(_FOCUS):
            seen[at[0]] = (at[1], at[2])
    return len(seen), [name for is_shown, name in seen.values() if not is_shown]


# ---------------------------------------------------------------- the browser


BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
IS_THERE = BROWSER is not None and DRIVER is not None
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --hide-scrollbars --disable-dev-shm-usage"
).split()


@contextmanager
def browser(profile: Path, *, width: int = 1280, height: int = 860, dark: bool = False) -> Iterator[Chrome]:
    """A browser with an empty profile during the block."""
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
    """Set the size of the screen and dark mode; a screen narrower than 500 is a phone's."""
    media = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
