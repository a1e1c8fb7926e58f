"""A Kubecost that returns the recorded day for each day."""

import datetime
import json
import urllib.parse

from servers import ROOT, Handler

RECORDINGS = ROOT / "shared/recordings/kubecost"
RECORDED_DAY = datetime.date(2026, 11, 20)
# The exporter's setting, half a day from now, so that no day becomes complete while the tests run.
SETTLE_HOURS = (datetime.datetime.now(datetime.timezone.utc).hour + 12) % 24


def settled_days():
    """The complete days of the default backfill period, newest first."""
    newest = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=SETTLE_HOURS)).date() - datetime.timedelta(days=1)
    return [newest - datetime.timedelta(days=age) for age in range(15)]


class Kubecost(Handler):
    """Returns the recorded day for each day, with its dates changed."""

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        parameters = urllib.parse.parse_qs(url.query)
        if "window" not in parameters:
            return self.respond(400, b"Missing required query parameter: 'window'\n")
        start, end = [datetime.date.fromisoformat(moment[:10]) for moment in parameters["window"][0].split(",")]
        days = [start + datetime.timedelta(days=age) for age in range((end - start).days)]
        if url.path == "/model/assets":
            return self.respond(200, moved("kubecost_assets_1day_nodes.json", days[0]))
        if url.path != "/model/allocation":
            return self.respond(404, b"404 page not found\n")
        name = "kubecost_allocation_1day.json"
        if parameters.get("aggregate") == ["cluster"]:
            name = "kubecost_days_available.json"
        sets = [json.loads(moved(name, day))["data"][0] for day in days]
        self.respond(200, json.dumps({"code": 200, "data": sets}).encode())


def moved(name, day):
    text = (RECORDINGS / name).read_text()
    after = RECORDED_DAY + datetime.timedelta(days=1)
    text = text.replace(f"{after}T", "END").replace(f"{RECORDED_DAY}T", "START")
    return text.replace("END", f"{day + datetime.timedelta(days=1)}T").replace("START", f"{day}T").encode()
