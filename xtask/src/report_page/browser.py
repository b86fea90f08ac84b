"""Opens a page in headless Chromium by the DevTools protocol and says as JSON what is there.

    python3 browser.py CHROMIUM PAGE.html FOLDER

Needs nothing but Python: the protocol goes through two pipes, a message and a zero byte at a time. Screenshots go to FOLDER.
"""

import base64
import json
import os
import select
import subprocess
import sys
import tempfile
import time

# what is read from the page: every number with the metric that it is said to be of
NUMBERS = """
(() => {
  const columns = [];
  for (const head of document.querySelectorAll("th[data-metric]")) {
    const table = head.closest("table");
    const place = [...head.parentElement.children].indexOf(head);
    const rows = [];
    for (const row of table.querySelectorAll("tbody tr")) {
      const cell = row.children[place];
      if (!cell.dataset.v) continue;
      rows.push([row.firstElementChild.dataset.x, cell.dataset.v, cell.firstChild.textContent.trim()]);
    }
    columns.push({ chart: head.closest("figure").id, metric: head.dataset.metric, run: head.dataset.run, rows });
  }
  const headline = [...document.querySelectorAll("[data-headline]")].map((e) => ({
    key: e.dataset.headline, end: e.dataset.end || "", value: e.dataset.v, text: e.textContent,
  }));
  const all = [...document.querySelectorAll("th[data-all]")].map((e) => ({
    metric: e.dataset.all, values: [...e.parentElement.querySelectorAll("td")].map((cell) => cell.dataset.v),
  }));
  const tables = [...document.querySelectorAll("#evaluations table.wide")].map((table) =>
    [...table.querySelectorAll("tbody tr")].map((row) => ({
      name: row.firstElementChild.textContent.trim(),
      cells: [...row.querySelectorAll("td")].map((cell) => [cell.dataset.v || "", cell.textContent.trim()]),
    })));
  const svgs = [...document.querySelectorAll("figure.chart svg")];
  return {
    columns, headline, all, evaluations: tables,
    charts: svgs.length,
    described: svgs.filter((s) => s.querySelector("title")?.textContent && s.querySelector("desc")?.textContent).length,
    tables: document.querySelectorAll("figure.chart details table").length,
    sections: [...document.querySelectorAll("main > section")].map((s) => s.id),
    hacked: typeof hacked !== "undefined",
    scripts: document.scripts.length,
  };
})()
"""

LUMINANCE = """
(() => {
  const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
})()
"""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


class Browser:
    def __init__(self, program, profile):
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()

        def pipes():
            # the protocol is read from 3 and written to 4; the ends may already have those numbers
            a, b = os.dup(to_child), os.dup(from_child)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [
                program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
                "--disable-dev-shm-usage", "--disable-extensions", "--user-data-dir=" + profile, "about:blank",
            ],
            preexec_fn=pipes, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None

    def _message(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.inp], [], [], left)[0]:
                raise TimeoutError("Chromium does not answer")
            part = os.read(self.inp, 1 << 20)
            if not part:
                raise EOFError("Chromium ended")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        deadline = time.monotonic() + 60
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method, seconds=60):
        deadline = time.monotonic() + seconds
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._message(deadline))

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def size(self, width, height, scale=1):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path, whole, scale=1):
        options = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            box = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": box["width"], "height": min(box["height"], 16000), "scale": scale}
        data = base64.b64decode(self.call("Page.captureScreenshot", **options)["data"])
        with open(path, "wb") as file:
            file.write(data)

    def key(self, name):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name)


def problems(events):
    """Errors and warnings of the console, exceptions, and what the browser itself logs, such as a refused script."""
    found = []
    for event in events:
        params = event.get("params", {})
        if event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            found.append("console: " + json.dumps(params["args"])[:500])
        if event.get("method") == "Runtime.exceptionThrown":
            found.append("exception: " + json.dumps(params["exceptionDetails"])[:500])
        if event.get("method") == "Log.entryAdded":
            found.append(f"log: {params['entry'].get('level')}: {params['entry'].get('text')}")
    return found


def main():
    program, page, folder = sys.argv[1:4]
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            target = browser.call("Target.createTarget", url="about:blank")["targetId"]
            browser.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                browser.call(f"{domain}.enable")
            browser.size(1280, 900)
            browser.scheme("light")
            browser.events.clear()
            browser.call("Page.navigate", url="file://" + os.path.abspath(page))
            browser.wait("Page.loadEventFired")
            found = browser.value(NUMBERS)
            found["version"] = browser.call("Browser.getVersion")["product"]

            found["light"] = browser.value(LUMINANCE)
            found["overflow"] = {"1280": browser.value(OVERFLOW)}
            browser.picture(f"{folder}/light.png", True)
            browser.size(1180, 1240)
            browser.picture(f"{folder}/top.png", False)
            browser.size(1280, 900)
            browser.scheme("dark")
            found["dark"] = browser.value(LUMINANCE)
            browser.picture(f"{folder}/dark.png", True)
            # the button goes from the system's choice to light, then to dark
            found["button"] = []
            for _ in range(3):
                browser.value("document.getElementById('theme').click()")
                found["button"].append(browser.value(LUMINANCE))
            browser.scheme("light")
            for width in (360, 768):
                browser.size(width, 800, 2 if width < 600 else 1)
                found["overflow"][str(width)] = browser.value(OVERFLOW)
                browser.picture(f"{folder}/narrow-{width}.png", True)
            browser.size(1280, 900)

            # by keyboard: the first chart whose numbers can be read
            found["focus"] = browser.value("(() => { const g = document.querySelector('.glass'); g?.focus(); return !!g && document.activeElement === g; })()")
            browser.key("ArrowRight")
            browser.key("ArrowRight")
            found["readout"] = browser.value("document.activeElement.closest('figure')?.querySelector('.readout').textContent ?? ''")
            found["second_row"] = browser.value("document.activeElement.closest('figure')?.querySelectorAll('tbody tr')[1]?.textContent ?? ''")
            browser.value("document.activeElement.blur()")
            browser.key("Tab")
            pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
            with open(f"{folder}/print.pdf", "wb") as file:
                file.write(pdf)
            found["pdf"] = len(pdf)
            time.sleep(0.3)  # a request that comes late is one too
            browser.value("1")
            found["problems"] = problems(browser.events)
            requests = [e["params"]["request"]["url"] for e in browser.events if e.get("method") == "Network.requestWillBeSent"]
            found["requests"] = [url[:200] for url in requests]
            json.dump(found, sys.stdout)
        finally:
            browser.process.terminate()
            try:
                browser.process.wait(10)
            except subprocess.TimeoutExpired:
                browser.process.kill()
                browser.process.wait()


main()
