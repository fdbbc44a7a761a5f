#!/usr/bin/env python3
"""Drives the page of a running `d3llm serve` in headless Chromium: starts a race, uses the controls, takes pictures.

    pip install playwright        # and a Chromium, such as Debian's
    scripts/page-check.py http://127.0.0.1:8080 [FOLDER FOR PICTURES] [PATH OF CHROMIUM]

Fails when a race doesn't end or the browser's console has an error.
"""
import shutil
import sys

from playwright.sync_api import sync_playwright

base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
folder = sys.argv[2] if len(sys.argv) > 2 else None
chromium = sys.argv[3] if len(sys.argv) > 3 else shutil.which("chromium") or shutil.which("google-chrome")
problems = []


def drive(page, name):
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(base)
    page.wait_for_selector(".lane")
    first, second = page.locator(".lane").nth(0), page.locator(".lane").nth(1)
    second.locator(".method").select_option("multi-block-cache")
    first.locator("[data-option=threshold]").fill("0.2")
    second.locator("[data-option=cacheDelay]").fill("1")
    second.locator("[data-option=refreshInterval]").fill("4")
    page.locator("#pace").fill("200")
    page.click("#run")
    page.wait_for_timeout(700)
    picture(page, name + "-running")
    page.wait_for_selector("#run:not([disabled])", timeout=60000)
    for counters in page.locator(".counters").all():
        if "ended" not in counters.inner_text():
            problems.append(counters.inner_text())
    if not second.locator(".cache i.cached").count():
        problems.append("nothing of the cached method was read from the cache")
    second.locator(".step").fill("1")
    if "1 of" not in second.locator(".stepText").inner_text():
        problems.append("the slider doesn't go back")
    page.uncheck("#both")
    if second.is_visible():
        problems.append("the second method is still there")
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if width > 0:
        problems.append(f"the page is {width} pixels too wide")
    # A question by its id, where there is a data set beside the model.
    if page.is_visible("#sample"):
        page.fill("#sample", page.get_attribute("#sample", "placeholder"))
        page.locator("#pace").fill("0")
        page.click("#run")
        page.wait_for_selector("#run:not([disabled])", timeout=60000)
        told = page.locator(".counters").first.inner_text()
        if "right: the answer to" not in told and "wrong: the answer to" not in told:
            problems.append(f"nothing says whether the answer is right: {told}")
        if not page.input_value("#prompt"):
            problems.append("the question isn't shown")
    picture(page, name + "-done")


def picture(page, name):
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    for scheme, width in (("light", 1280), ("dark", 400)):
        drive(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme), scheme)
    browser.close()
print("\n".join(problems) or "all passed")
sys.exit(1 if problems else 0)
