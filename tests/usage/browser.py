"""Chromium without a window, driven over the WebDriver protocol by Debian's chromedriver."""

import base64
import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--disable-dev-shm-usage",
]  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


@dataclass(frozen=True)
class Browser:
    """One window. Requests and messages of the console are kept from the last `open` on."""

    url: str

    def open(self, page: Path | str, fragment: str = "") -> None:
        self._call("url", url="about:blank")
        self.requests()
        self.console()
        self._call("url", url=page if isinstance(page, str) else page.as_uri() + fragment)

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a function gives, once a promise in it is kept."""
        return self._call("execute/sync", script=script, args=list(arguments))

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self._call("goog/cdp/execute", cmd=command, params=parameters)

    def size(self, width: int, height: int = 900) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def scheme(self, name: str, media: str = "") -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.devtools("Emulation.setEmulatedMedia", media=media, features=features)

    def javascript(self, *, enabled: bool) -> None:
        self.devtools("Emulation.setScriptExecutionDisabled", value=not enabled)

    def click(self, selector: str) -> None:
        element = self._call("element", using="css selector", value=selector)[_ELEMENT]
        self._call(f"element/{element}/click")

    def screenshot(self) -> bytes:
        """Of the whole page, as PNG."""
        taken = self.devtools("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(taken["data"])

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last time."""
        entries = self._call("se/log", type="performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def console(self) -> list[str]:
        return [entry["message"] for entry in self._call("se/log", type="browser")]

    def _call(self, path: str, **body: Any) -> Any:
        return _post(f"{self.url}/{path}", body)


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with TemporaryDirectory() as profile:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            base = f"http://127.0.0.1:{_port_of(driver)}"
            options = {"args": [*FLAGS, *flags, f"--user-data-dir={profile}"]}
            wanted = {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            begun = _post(f"{base}/session", {"capabilities": {"alwaysMatch": wanted}})
            session = f"{base}/session/{begun['sessionId']}"
            try:
                yield Browser(session)
            finally:
                _send(urllib.request.Request(session, method="DELETE"))
        finally:
            driver.terminate()
            driver.wait()
            if driver.stdout is not None:
                driver.stdout.close()


def _port_of(driver: "subprocess.Popen[bytes]") -> int:
    assert driver.stdout is not None
    for line in driver.stdout:
        if found := re.search(rb"started successfully on port (\d+)", line):
            return int(found[1])
    raise RuntimeError("chromedriver has not started")


def _post(url: str, body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    return _send(urllib.request.Request(url, json.dumps(body).encode(), headers))


def _send(request: urllib.request.Request) -> Any:
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]
