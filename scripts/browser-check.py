#!/usr/bin/env python3
"""Opens reports in a browser and uses them: by mouse, by keyboard alone, printed, in dark and light, wide and narrow.

    make browser-check                                   # makes its own virtual environment, needs Chromium
    scripts/browser-check.py report.html --screenshots build/shots

The page is opened from its file, with the network off. Exits 1 when the console shows an error, something is loaded
from elsewhere, a control doesn't do what it should, the markup isn't valid HTML, or axe finds something against WCAG 2.1
AA. What a page doesn't have (no samples, no trajectories) is skipped and said.
"""

import argparse
import importlib.resources
import pathlib
import re
import shutil
import sys
import xml.etree.ElementTree

import html5lib
from playwright.sync_api import sync_playwright

WIDTHS = (1400, 390)


class Check:
    """Counts what was tried and what failed."""

    def __init__(self):
        self.failures = []
        self.count = 0

    def __call__(self, name, holds, detail=""):
        self.count += 1
        print(f"  {'ok  ' if holds else 'FAIL'} {name}" + (f" ({detail})" if detail else ""))
        if not holds:
            self.failures.append(f"{name} {detail}")


def markup(path, check):
    """The HTML parses without a single error."""
    parser = html5lib.HTMLParser(strict=False)
    text = path.read_text(encoding="utf-8")
    parser.parse(text)
    check("valid HTML", not parser.errors, "; ".join(f"{e[0]} {e[1]}" for e in parser.errors[:3]))
    ids = re.findall(r'\sid="([^"]+)"', re.sub(r"<script.*?</script>", "", text, flags=re.S))
    check("ids are distinct", len(ids) == len(set(ids)))
    targets = set(re.findall(r'href="#([^"/]+)"', text))
    check("links lead somewhere", targets <= set(ids), ", ".join(sorted(targets - set(ids))[:3]))
    check("nothing from elsewhere", not re.search(r'(src|href)="(?!#)', text))
    check("a policy without exceptions", "Content-Security-Policy" in text and "unsafe-" not in text.split("</head>")[0])
    check("at most 2 MB", path.stat().st_size <= 2_000_000, f"{path.stat().st_size} bytes")


def accessible(page, check, name):
    """Axe finds nothing that is against WCAG 2.1, levels A and AA; the thousands of cells of grids would take it minutes."""
    page.evaluate((importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({exclude: ['.matrix']}, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
    faults = [f"{v['id']}: {v['nodes'][0]['html'][:120]} ({len(v['nodes'])})" for v in found["violations"]]
    check(f"{name}: axe finds nothing", not faults, "; ".join(faults[:4]))


def fits(page, check, name):
    """Tables and charts end inside the window, or, where it is wide, inside a box of their own that scrolls."""
    cut = page.evaluate(
        """[...document.querySelectorAll('table.rows, figure.plot svg, .numbers, .pane')].filter(e => {
        const scrolls = innerWidth > 640 && e.closest('.scroll');
        if (scrolls && scrolls.getBoundingClientRect().right <= innerWidth) return false;
        const box = e.getBoundingClientRect(); return box.width > 0 && box.right > innerWidth + 1; })
        .map(e => e.getAttribute('aria-label') || e.querySelector('caption')?.textContent || e.className.toString())""")
    check(f"{name}: nothing is cut", not cut, "; ".join(str(c)[:60] for c in cut[:4]))


def charts(page, check):
    figure = page.locator("figure.plot").first
    picture = figure.locator("svg:visible")
    top = page.evaluate("document.querySelector('figure.plot').getBoundingClientRect().top + scrollY")
    check("numbers and the first chart come first", page.locator(".numbers li").count() >= 2 and top < 900, f"{top:.0f} px")
    label = picture.get_attribute("aria-label") or ""
    check("the chart has its text", len(label) > 60, label[:60])
    picture.locator(".f-point").last.click(force=True)
    check("a point says what it is", len(figure.locator(".tip").inner_text()) > 10, figure.locator(".tip").inner_text())
    for kind, sign in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"Method,")):
        with page.expect_download() as loading:
            figure.get_by_role("button", name=f"Save as {kind}").click()
        data = pathlib.Path(loading.value.path()).read_bytes()
        check(f"it can be saved as {kind}", data.startswith(sign), f"{len(data)} bytes")
        if kind == "SVG":
            xml.etree.ElementTree.fromstring(data)


def teaching(page, check):
    shown = lambda: page.locator("#teaching-teacher .token.masked").count()
    page.locator("#teaching-forward").fill("0")
    first = shown()
    page.locator("#teaching-forward").focus()
    page.keyboard.press("End")
    check("the teacher's answer appears", first > 0 and shown() == 0, f"{first} masked at first")
    slider = page.locator("#teaching-step")
    seen = set()
    for step in (0, int(slider.get_attribute("max")) // 2, int(slider.get_attribute("max"))):
        slider.fill(str(step))
        seen.add(page.inner_text("#teaching-step-at"))
    check("steps of the training differ", len(seen) == 3, "; ".join(sorted(seen)))
    check("the window has masked tokens", page.locator("#teaching-student .token.masked").count() > 0)


def overflow(page, check, name):
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    check(f"{name}: the page doesn't scroll sideways", wide <= 0, f"{wide} px")


def theme(page, check):
    page.select_option("#theme-choice", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.select_option("#theme-choice", "light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.select_option("#theme-choice", "auto")
    check("colours can be switched", dark != light, f"{dark}, {light}")


def samples(page, check):
    rows = page.locator("#sample-rows tbody > tr")
    count = page.locator("#samples-count")
    number = lambda: int(count.inner_text().split()[0])
    everything = number()
    check("samples are listed", rows.count() > 0, count.inner_text())
    page.select_option("#samples-verdict", "wrong")
    wrong = number()
    shown = set(page.locator("#sample-rows tbody > tr > td:nth-child(3)").all_inner_texts())
    check("filter by wrong", wrong <= everything and shown <= {"wrong"}, f"{wrong} of {everything}")
    page.select_option("#samples-verdict", "right")
    check("right and wrong are all", number() + wrong == everything)
    page.select_option("#samples-verdict", "all")
    methods = page.locator("#samples-method option").count()
    if methods > 2:
        page.select_option("#samples-method", "1")
        check("filter by method", number() * (methods - 1) == everything)
        page.select_option("#samples-method", "all")
    page.select_option("#samples-sort", "most")
    nfe = [int(t) for t in page.locator("#sample-rows tbody > tr > td:nth-child(4)").all_inner_texts()]
    check("sorted by NFE, most first", nfe == sorted(nfe, reverse=True) and nfe[0] >= nfe[-1])
    page.select_option("#samples-sort", "fewest")
    low = [int(t) for t in page.locator("#sample-rows tbody > tr > td:nth-child(4)").all_inner_texts()]
    check("sorted by NFE, fewest first", low == sorted(low) and low[0] <= nfe[0])
    page.select_option("#samples-sort", "problem")
    word = rows.first.locator("td").nth(4).inner_text().split()[0]
    page.fill("#samples-search", word)
    check("search finds", 0 < number() <= everything, f"{word}: {number()}")
    page.fill("#samples-search", "<script>no sample has this")
    check("search for nothing finds nothing", number() == 0)
    page.fill("#samples-search", "")
    if everything > 25:
        before = rows.count()
        page.focus("#samples-more")
        page.keyboard.press("Enter")
        check("more are shown", rows.count() > before)
        check("the focus goes on", page.evaluate("document.activeElement.tagName") == "SUMMARY")
    rows.first.locator("summary").click()
    check("a sample opens", rows.first.locator("dl").is_visible())
    link = page.locator('a[href^="#samples/"]')
    if link.count() > 0:
        link.last.click()
        page.wait_for_timeout(100)
        check("a number leads to its samples", page.input_value("#samples-method") != "all")
        page.select_option("#samples-method", "all")
    link = page.locator('a[href^="#setting"]')
    if link.count() > 0:
        link.first.click()
        page.wait_for_timeout(200)
        check("a number leads to its command", page.locator("tr:target .command").is_visible())


def viewer(page, check):
    slider = page.locator("#step")
    left = page.locator("#viewer-pane-left")
    end = int(slider.get_attribute("max"))
    check("the viewer has forwards", end > 1, str(end))
    masked = lambda: left.locator(".token.masked").count()
    start = masked()
    slider.focus()
    page.keyboard.press("End")
    check("the slider's end shows the whole answer", masked() == 0 and slider.input_value() == str(end), f"{start} masked at first")
    page.keyboard.press("Home")
    check("and its beginning none", masked() == start)
    page.keyboard.press("ArrowRight")
    check("the slider goes by single forwards", slider.input_value() == "1")
    decided = 0
    for _ in range(end):  # not every forward decides something
        decided = left.locator(".token.fresh").count()
        if decided:
            break
        page.keyboard.press("ArrowRight")
    check("what a forward decided is marked", decided > 0)
    slider.fill("1")
    page.click("#viewer-back")
    check("back", slider.input_value() == "0")
    page.select_option("#viewer-speed", "100")
    page.click("#viewer-play")
    page.wait_for_timeout(450)
    moved = int(slider.input_value())
    check("it plays", moved >= 2, f"{moved} forwards")
    page.click("#viewer-play")
    check("and stops", page.inner_text("#viewer-play") == "Play")
    page.wait_for_timeout(150)
    page.focus("#viewer-back")
    page.keyboard.press("Enter")
    # Facts of a prediction, by pointing and by keyboard.
    grid = left.locator(".matrix")
    grid.locator("td").first.hover()
    facts = left.locator(".facts")
    check("pointing tells entropy and confidence", "entropy" in facts.inner_text() and "confidence" in facts.inner_text(), facts.inner_text())
    grid.locator('td[tabindex="0"]').focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    check("the arrow keys move in the grid", "position 4" in facts.inner_text(), facts.inner_text())
    page.keyboard.press("ArrowDown")
    check("and between forwards", facts.inner_text().startswith("Forward 2"))
    strips = left.locator(".matrix .strip").all_inner_texts()
    check("each forward has its cache strategy", len(strips) == grid.locator("tr").count() and all(strips))
    page.select_option("#viewer-colour", "entropy")
    check("entropy as colour", grid.locator("td.e0").count() > 0 and grid.locator("td.fully").count() == 0)
    page.select_option("#viewer-colour", "state")
    with page.expect_download() as loading:
        page.click("#viewer-save")
    picture = pathlib.Path(loading.value.path()).read_text(encoding="utf-8")
    xml.etree.ElementTree.fromstring(picture)
    check("a trajectory as an animated picture", "<animate " in picture, f"{len(picture)} characters")
    page.click("#viewer-next")
    tour = [page.inner_text("#viewer-tour")]
    for _ in range(3):
        page.click("#viewer-next")
        tour.append(page.inner_text("#viewer-tour"))
    check("a first look in four stops", len(set(tour)) == 4, tour[1][:60])
    page.click("#viewer-next")
    slider.fill("2")
    place = page.evaluate("location.hash")
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_timeout(200)
    check("the address leads to the same forward", other.input_value("#step") == "2" and place.startswith("#viewer/"), place)
    other.close()
    choices = page.locator("#viewer-right option")
    if choices.count() > 2:
        # Two decoders beside one another, on the first prompt on which they differ.
        page.select_option("#viewer-right", "1" if page.input_value("#viewer-left") != "1" else "0")
        for index in range(page.locator("#viewer-problem option").count()):
            page.select_option("#viewer-problem", str(index))
            if "differ" in page.inner_text("#viewer-divergence"):
                break
        right = page.locator("#viewer-pane-right")
        check("two decoders side by side", right.is_visible() and right.locator(".token").count() > 0)
        text = page.inner_text("#viewer-divergence")
        check("it says where they differ", "differ" in text or "same text" in text, text)
        if "differ" in text:
            check("and marks it in both", all(p.locator(".token.differs").count() == 1 for p in (left, right)))
        slider.focus()
        for _ in range(4):
            page.keyboard.press("ArrowRight")


def keyboard(page, address, check):
    """Everything that can be used is reached by Tab, and it shows that it is."""
    # Tab goes on from where the last link led: begin anew.
    page.goto("about:blank")
    page.goto(address)
    page.keyboard.press("Tab")
    check("the first stop skips to the content", page.evaluate("document.activeElement.className") == "skip")
    seen, outlined = set(), True
    for _ in range(1500):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """(() => { const e = document.activeElement; if (!e || e === document.body) return null;
            const s = getComputedStyle(e); return [e.id || e.tagName, s.outlineStyle !== 'none']; })()""")
        if found is None:
            break
        seen.add(found[0])
        outlined = outlined and found[1]
    wanted = {"theme-choice"}
    if page.locator("#samples-panel").is_visible():
        wanted |= {"samples-method", "samples-verdict", "samples-sort", "samples-search"}
    if page.locator("#viewer-panel").is_visible():
        wanted |= {"viewer-problem", "viewer-left", "viewer-right", "viewer-play", "step", "viewer-speed"}
    check("Tab reaches every control", wanted <= seen, ", ".join(sorted(wanted - seen)))
    check("what has the focus shows it", outlined)


def inspect(browser, path, folder, check):
    print(path)
    markup(path, check)
    problems = []
    context = browser.new_context(offline=True, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(300_000)  # a machine may be busy with something else for minutes
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("requestfailed", lambda r: problems.append(f"{r.url} can't be loaded"))
    requests = []
    page.on("request", lambda r: requests.append(r.url))
    page.goto(path.resolve().as_uri())
    check("it has a title and one first heading", page.title() and page.locator("h1").count() == 1)
    check("scripts in samples stay text", page.evaluate("typeof window.injected") == "undefined")
    theme(page, check)
    if page.locator("figure.plot").count():
        charts(page, check)
    accessible(page, check, "light")
    page.select_option("#theme-choice", "dark")
    accessible(page, check, "dark")
    page.select_option("#theme-choice", "auto")
    for name, use in (("samples", samples), ("teaching", teaching), ("viewer", viewer)):
        if page.locator(f"#{name}-panel").count() and page.locator(f"#{name}-panel").is_visible():
            use(page, check)
        else:
            print(f"  none {name}")
    keyboard(page, path.resolve().as_uri(), check)
    check("nothing is loaded but the file", len({r.split("#")[0] for r in requests if not r.startswith("blob:")} - {"about:blank"}) == 1, ", ".join(requests[:3]))
    shots(page, path, folder, check)
    check("the console is quiet", not problems, "; ".join(problems[:3]))
    context.close()


def shots(page, path, folder, check):
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        overflow(page, check, f"{width} px")
        fits(page, check, f"{width} px")
        accessible(page, check, f"{width} px")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=folder / f"{path.stem}-{width}-{scheme}.png", full_page=True)
            if page.locator("#viewer-panel").count() and page.locator("#viewer-panel").is_visible():
                page.locator("#viewer").screenshot(path=folder / f"{path.stem}-{width}-{scheme}-viewer.png")
    pdf = folder / f"{path.stem}.pdf"
    page.emulate_media(media="print", color_scheme="dark")
    for theme in ("auto", "dark"):
        page.evaluate(
            "t => { const d = document.documentElement.dataset; if (t === 'auto') delete d.theme; else d.theme = t; }",
            theme)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        check(f"paper is white ({theme})", paper == "rgb(255, 255, 255)", paper)
    page.pdf(path=pdf, format="A4", print_background=True)
    check("it can be printed", pdf.stat().st_size > 10_000, f"{pdf.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path, default=pathlib.Path("screenshots"))
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    arguments = parser.parse_args()
    if not arguments.browser:
        sys.exit("There is no Chromium: install it (apt-get install chromium) or name a browser with --browser.")
    arguments.screenshots.mkdir(parents=True, exist_ok=True)
    check = Check()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=["--no-sandbox"])
        for path in arguments.pages:
            inspect(browser, path, arguments.screenshots, check)
        browser.close()
    print(f"{check.count - len(check.failures)} of {check.count} checks hold; screenshots are in {arguments.screenshots}")
    for failure in check.failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if check.failures else 0)


if __name__ == "__main__":
    main()
