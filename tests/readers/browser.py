"""Chromium, headless, by its DevTools protocol: what a page requests, says and shows."""

import base64
import json
import pathlib
import subprocess
import time

import websocket

# Longer than a page takes on a busy machine.
PATIENCE = 120


class Browser:
    """A browser that was started, with a profile of its own."""

    def __init__(self, tools, profile):
        self.axe = (pathlib.Path(tools) / "axe.min.js").read_text()
        command = [f"{tools}/chromium", "--headless", "--disable-gpu", "--no-sandbox", "--no-first-run", "--disable-component-update"]
        command += ["--disable-background-networking", "--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        port = pathlib.Path(profile) / "DevToolsActivePort"
        end = time.monotonic() + PATIENCE
        while not (port.exists() and len(port.read_text().split()) == 2):
            assert self.process.poll() is None and time.monotonic() < end, "Chromium does not start"
            time.sleep(0.05)
        number, path = port.read_text().split()
        self.socket = websocket.create_connection(f"ws://127.0.0.1:{number}{path}", timeout=PATIENCE, suppress_origin=True)
        self.number = 0
        self.events = []

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self.socket.send(json.dumps(message))
        while True:
            received = json.loads(self.socket.recv())
            if received.get("id") == self.number:
                assert "error" not in received, (method, received)
                return received["result"]
            self.events.append(received)

    def open(self, file, fragment="", dark=False, width=1280, height=900, scale=1):
        return Page(self, f"{pathlib.Path(file).resolve().as_uri()}{fragment}", dark, width, height, scale)

    def close(self):
        self.socket.close()
        self.process.kill()
        self.process.wait()


class Page:
    """A page that has loaded."""

    def __init__(self, browser, url, dark, width, height, scale):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ["Page", "Runtime", "Log", "Network", "DOM"]:
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.url = url
        self.call("Page.navigate", url=url)
        end = time.monotonic() + PATIENCE
        while self.evaluate("location.href + document.readyState") != f"{url}complete":
            assert time.monotonic() < end, f"{url} does not load"
            time.sleep(0.05)

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def events(self, *methods):
        return [event["params"] for event in self.browser.events if event.get("sessionId") == self.session and event["method"] in methods]

    def requests(self):
        """What was requested beside the page itself."""
        urls = [event["request"]["url"] for event in self.events("Network.requestWillBeSent")]
        return [url for url in urls if url.split("#")[0] not in ("about:blank", self.url.split("#")[0])]

    def messages(self):
        """What the console says, with violations of the policy and errors."""
        return self.events("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")

    def violations(self):
        """What axe-core finds fault with."""
        self.evaluate(self.browser.axe)
        found = self.evaluate("axe.run().then((result) => result.violations.map((one) => [one.id, one.nodes.map((node) => node.html)]))")
        return found

    def screenshot(self, file, **parameters):
        data = self.call("Page.captureScreenshot", **parameters)["data"]
        pathlib.Path(file).write_bytes(base64.b64decode(data))

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
