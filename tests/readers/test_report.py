"""The report: its numbers against DuckDB's on the same lakes, and the page in a browser."""

import datetime
import html
import html.parser
import json
import os
import pathlib
import time

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from browser import Browser
from test_questions import demo, empty, mixed, result_of_duckdb, run  # noqa: F401

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "infra/docs/images"
TOOLS = os.environ.get("KUBECOST_LAKE_CHROMIUM")
LAKES = ["demo", "mixed", "empty", "large"]
needs_browser = pytest.mark.skipif(not TOOLS, reason="KUBECOST_LAKE_CHROMIUM is not set: tests/tools/chromium.sh prints it")
MOST_BYTES = 1_500_000
MOST_DATA_BYTES = 400 * 1024
# Numbers for programs are rounded to millionths, and those of the data to 8 digits.
EXACT = {"rel": 1e-6, "abs": 1e-5}


LARGE = """
SELECT '{cluster}/n/' || row AS name, printf('namespace-%04d', namespace) AS "properties.namespace", 'deployment' AS "properties.controllerKind",
  'workload-' || (row % 3000) AS "properties.controller", team AS "properties.labels.team",
  CASE WHEN team = '' THEN MAP {{}} ELSE MAP {{'team': team}} END AS labels, 'workers' AS "properties.node_nodegroup",
  'm6i.large' AS "properties.node_instance_type", CASE WHEN row % 100 = 0 THEN 'idle' ELSE 'workload' END AS "rowKind",
  CASE WHEN row % 3 = 0 THEN 'on-demand' ELSE 'spot' END AS "capacityType", 1440.0::DOUBLE AS minutes, 24.0::DOUBLE AS "cpuCoreHours",
  1.0::DOUBLE AS "cpuCoreRequestAverage", share AS "cpuCoreUsageAverage", cost * 0.8 AS "cpuCost", cost * 0.2 AS "ramCost",
  CASE WHEN row = 7 THEN -cost ELSE cost END AS "totalCost", '{cluster}' AS "properties.eksClusterName",
  DATE '{day}'::TIMESTAMP_MS AS "window.start", (DATE '{day}' + 1)::TIMESTAMP_MS AS "window.end"
FROM (
  SELECT *, exp(1.5 * sqrt(-2 * ln(share)) * cos(6.28 * angle) - 3) / (1 + namespace) AS cost,
    CASE WHEN namespace % 5 = 0 THEN '' ELSE 'team-' || (namespace % 150) END AS team
  FROM (
    SELECT range AS row, range % 1000 AS namespace, (1 + hash(range, '{cluster}{day}') % 999_983) / 999_984 AS share, hash('{day}', range) % 997 / 997 AS angle
    FROM range({rows})))
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Two clusters, 30 days, 1,000 namespaces and 150 teams, one of each small and negative. CONTRIBUTING.md has the command with more rows."""
    directory = tmp_path_factory.mktemp("large")
    rows = int(os.environ.get("KUBECOST_LAKE_LARGE_ROWS", "2000"))
    for cluster, first in [("one", 0), ("two", 10)]:
        for offset in range(first, 30):
            day = datetime.date(2026, 10, 20) + datetime.timedelta(days=offset)
            table = duckdb.sql(LARGE.format(cluster=cluster, day=day, rows=rows)).to_arrow_table()
            utc = pa.timestamp("ms", tz="UTC")
            table = table.cast(pa.schema([field.with_type(utc) if field.name.startswith("window.") else field for field in table.schema]))
            file = directory / f"lake/account_id=111122223333/region=eu-west-1/year={day:%Y}/month={day:%m}/{day}_{cluster}.snappy.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, file, compression="snappy")
    return directory


class Tables(html.parser.HTMLParser):
    """The tables, numbers on top and data of a page, as they are without a script."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.cards, self.scripts, self.place = {}, [], [], []
        self.feed(text)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "table":
            self.table = self.tables[attributes["id"]] = {"names": [], "rows": [], "foot": [], "question": attributes.get("data-question")}
        elif tag == "th":
            self.table["names"].append(attributes["data-name"])
        elif tag in ("tbody", "tfoot"):
            self.part = "rows" if tag == "tbody" else "foot"
        elif tag == "tr" and self.place[-1:] != ["thead"]:
            self.table[self.part].append([])
        elif tag == "td":
            self.table[self.part][-1].append(attributes.get("data-v"))
        elif tag == "div" and "data-currency" in attributes:
            self.currency = attributes["data-currency"]
        elif tag == "div" and "data-card" in attributes:
            self.card = attributes["data-card"]
        elif tag == "data":
            self.cards.append((self.currency, self.card, attributes["value"]))
        elif tag == "script":
            self.scripts.append([attributes.get("id"), ""])
        if tag != "meta":
            self.place.append(tag)

    def handle_endtag(self, tag):
        while self.place and self.place.pop() != tag:
            pass

    def handle_data(self, text):
        if self.place[-1:] == ["td"] and self.table[self.part][-1][-1] is None:
            self.table[self.part][-1][-1] = text
        elif self.place[-1:] == ["script"]:
            self.scripts[-1][1] += text

    def data(self):
        return next((json.loads(text) for name, text in self.scripts if name == "data"), None)


@pytest.fixture(scope="module")
def reports(request, tmp_path_factory):
    """The report of a lake, made once."""
    made = {}

    def report(lake, *more):
        if (lake, more) not in made:
            out = tmp_path_factory.mktemp("report") / "report.html"
            said = run("report", "--lake", request.getfixturevalue(lake), "--out", out, *more)
            assert str(out) in said
            made[lake, more] = out
        return made[lake, more]

    return report


def label(lake):
    return () if lake == "large" else ("--by-label", "team")


@pytest.mark.parametrize("lake", LAKES)
def test_tables_are_what_duckdb_gives(request, reports, lake):
    page = Tables(reports(lake, *label(lake)).read_text())
    directory = request.getfixturevalue(lake)
    questions = {table["question"] for table in page.tables.values()} - {None}
    if lake == "empty":
        assert not questions
        return
    assert len(questions) >= 9, questions
    for table in page.tables.values():
        if not table["question"]:
            continue
        expected = result_of_duckdb(directory, table["question"])
        names = table["names"]
        listed = [one for one in expected if one["cost_without_team"]] if table["question"] == "label_coverage" else expected
        assert len(table["rows"]) == min(100, len(listed))
        texts = [name for name in names if any(isinstance(one[name], (str, datetime.date)) for one in expected)]
        numbers = [name for name in names if name not in texts]
        known = {tuple(str(one[name]) for name in texts): one for one in expected}
        for row in table["rows"]:
            row = dict(zip(names, row))
            other = known[tuple(row[name] or "" for name in texts)]
            found = {name: None if row[name] in (None, "") else float(row[name]) for name in numbers}
            assert found == {name: None if other[name] is None else pytest.approx(float(other[name]), **EXACT) for name in numbers}
        # The foot adds up all rows, also those that are not listed.
        sums = {}
        for row in table["foot"]:
            row = dict(zip(names, row))
            if "Total" in row.values():
                sums[row.get("currency")] = row
        for currency, row in sums.items():
            for name in {"cost", "unused_cost", "idle_cost", "own_cost", "change_per_day"} & set(names):
                total = sum(float(one[name] or 0) for one in expected if one.get("currency") == currency)
                assert float(row[name]) == pytest.approx(total, **EXACT), (table["question"], name)
            # A cluster without days in one of the weeks counts in none of the sums, so that they agree.
            if table["question"] == "top_movers":
                previous, newest, change = (float(row[f"{name}_per_day"]) for name in ["previous", "newest", "change"])
                assert newest - previous == pytest.approx(change, abs=1e-4)


@pytest.mark.parametrize("lake", ["demo", "mixed", "large"])
def test_the_data_of_the_charts_adds_up_to_what_duckdb_gives(request, reports, lake):
    file = reports(lake, *label(lake))
    page = Tables(file.read_text())
    data = page.data()
    expected = result_of_duckdb(request.getfixturevalue(lake), "cost_per_day")
    for column, place, names in [("cluster_id", 1, "clusters"), ("namespace", 3, "namespaces"), ("team", 4, "teams")]:
        found, known = {}, {}
        listed = set(data[names][:-1])
        for currency, *row in data["series"]:
            name = data[names][row[place - 1]]
            for offset, cost in enumerate(row[5]):
                key = data["currencies"][currency], data["days"][row[4] + offset], name
                found[key] = found.get(key, 0) + cost
        for one in expected:
            key = one["currency"], str(one["day"]), one[column] if one[column] in listed else "(other)"
            known[key] = known.get(key, 0) + one["cost"]
        assert known.keys() <= found.keys()
        for key, cost in found.items():
            assert cost == pytest.approx(known.get(key, 0), rel=1e-6, abs=1e-6), key
    # The tables of the charts are sums of the same.
    days = page.tables["days-by-namespace"]
    for row in days["rows"]:
        total = sum(one["cost"] for one in expected if str(one["day"]) == row[0] and one["currency"] == row[1])
        assert float(row[-1]) == pytest.approx(total, **EXACT)


@pytest.mark.parametrize("lake", ["demo", "mixed", "large"])
def test_the_numbers_on_top_are_what_duckdb_gives(request, reports, lake):
    directory = request.getfixturevalue(lake)
    page = Tables(reports(lake, *label(lake)).read_text())
    cards = {(currency, card): value for currency, card, value in page.cards}
    currencies = {currency for currency, _ in cards}
    months = result_of_duckdb(directory, "cost_by_month")
    forecast = {one["currency"]: one for one in result_of_duckdb(directory, "forecast")}
    idle, efficiency = (result_of_duckdb(directory, question) for question in ["idle_by_node_group", "efficiency"])
    assert currencies == {one["currency"] for one in months}
    for currency in currencies:
        add = lambda rows, name: sum(float(one[name] or 0) for one in rows if one["currency"] == currency)
        close = lambda card, value: float(cards[currency, card]) == pytest.approx(float(value), **EXACT)
        assert close("total", add(months, "cost"))
        if currency in forecast:
            assert close("month", forecast[currency]["cost"]) and close("forecast", forecast[currency]["forecast"])
            before = [one for one in months if one["month"] < forecast[currency]["month"] and one["currency"] == currency]
            last = max((one["month"] for one in before), default=None)
            assert cards[currency, "last"] == "" if last is None else close("last", add([one for one in before if one["month"] == last], "cost"))
        if node := add(idle, "node_cost"):
            assert close("idle", add(idle, "idle_cost") / node)
        if cost := add(efficiency, "cost"):
            assert close("efficiency", 1 - add(efficiency, "unused_cost") / cost)


@pytest.mark.parametrize("lake", LAKES)
def test_a_page_is_bounded_and_its_names_are_text(reports, lake):
    text = reports(lake, *label(lake)).read_text()
    assert len(text.encode()) <= MOST_BYTES
    assert "default-src 'none'" in html.unescape(text) and text.lower().count("<script") == (0 if lake == "empty" else 4)
    page = Tables(text)
    if lake == "empty":
        assert "has no days" in text
        return
    assert len(dict(map(tuple, page.scripts))["data"].encode()) <= MOST_DATA_BYTES
    if lake == "mixed":
        assert "</script>7" in page.data()["namespaces"]
        assert any("</script>7" in row for row in page.tables["cost-by-namespace"]["rows"])
    if lake == "large":
        assert len(page.data()["teams"]) == 101


def test_shared_costs_add_up_and_faults_are_named(mixed, reports, tmp_path):
    page = Tables(reports("mixed", "--by-label", "team", "--share", "idle=even,namespaces=search:proportional").read_text())
    table = page.tables["cost-by-team"]
    assert "shared_cost" in table["names"]
    total = {one["currency"]: 0 for one in result_of_duckdb(mixed, "cost_by_month")}
    for one in result_of_duckdb(mixed, "cost_by_month"):
        total[one["currency"]] += one["cost"]
    for currency, cost in total.items():
        cents = sum(round(float(row[-1]) * 100) for row in table["rows"] if row[0] == currency)
        assert abs(cents - cost * 100) < 0.51
    run("report", "--lake", mixed, "--out", tmp_path / "absent/report.html", status=1)
    run("report", "--lake", mixed, "--share", "idle=x", "--out", tmp_path / "x.html", status=2)
    run("report", "--lake", tmp_path / "absent", "--out", tmp_path / "x.html", status=1)
    assert not list(tmp_path.iterdir())


def test_days_can_be_selected_down_to_one(mixed, tmp_path):
    day = datetime.date(2026, 10, 24)
    run("report", "--lake", mixed, "--from", day, "--to", day, "--out", tmp_path / "day.html")
    page = Tables((tmp_path / "day.html").read_text())
    assert page.data()["days"] == [str(day)] and "No label has a column" in (tmp_path / "day.html").read_text()
    run("report", "--lake", mixed, "--from", day, "--by-label", "tema", "--out", tmp_path / "typo.html")
    assert "No row has it, so that no cost has a team." in (tmp_path / "typo.html").read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(TOOLS, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@needs_browser
@pytest.mark.parametrize("lake", LAKES)
def test_the_page_requests_nothing_says_nothing_and_is_accessible(browser, reports, lake):
    for dark in [False, True]:
        page = browser.open(reports(lake, *label(lake)), dark=dark)
        if lake != "empty":
            assert page.evaluate("document.querySelectorAll('figure canvas').length") >= 1
        assert page.violations() == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.requests() == [] and page.messages() == []
        page.close()
    narrow = browser.open(reports(lake, *label(lake)), width=380)
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert narrow.violations() == [] and narrow.messages() == []
    assert narrow.pdf().startswith(b"%PDF")
    narrow.close()


def choose(page, name, text):
    """Chooses an option of a filter as a user does."""
    page.evaluate(f"""(() => {{
        const box = document.querySelector('#filters [name={name}]');
        box.selectedIndex = [...box.options].findIndex((one) => one.textContent === {json.dumps(text)});
        box.dispatchEvent(new Event('change', {{ bubbles: true }}));
    }})()""")


def number(page, card):
    return float(page.evaluate(f"document.querySelector('.cards:not([hidden]) [data-card={card}] data').value"))


@needs_browser
def test_filters_change_charts_tables_and_numbers_and_are_in_the_fragment(browser, reports, demo):
    file = reports("demo", "--by-label", "team")
    page = browser.open(file)
    total = number(page, "total")
    # The page's script computes the same trend. One cluster has a day in the week before only, and does not count.
    trend = page.evaluate("costs.headline({ currency: 0, cluster: null, namespace: null, team: null }).trend")
    note = page.evaluate("document.querySelector('[data-card=total] .note').textContent")
    movers = [one for one in result_of_duckdb(demo, "top_movers") if one["change_per_day"] is not None]
    assert trend == pytest.approx(sum(one["newest_per_day"] for one in movers) / sum(one["previous_per_day"] for one in movers) - 1, abs=1e-6)
    assert f"{abs(trend) * 100:.1f}\u00a0% week on week" in note
    costs = result_of_duckdb(demo, "cost_per_day")
    namespace = max((one["namespace"] for one in costs), key=lambda name: sum(one["cost"] for one in costs if one["namespace"] == name) * bool(name))
    choose(page, "namespace", namespace)
    expected = sum(one["cost"] for one in costs if one["namespace"] == namespace)
    assert number(page, "total") == pytest.approx(expected, rel=1e-6) != total
    assert f"namespace={namespace}" in page.evaluate("location.hash")
    shown = page.evaluate("[...document.querySelectorAll('#efficiency tbody tr:not([hidden])')].map((row) => row.cells[2].textContent)")
    assert set(shown) == {namespace}
    days = page.evaluate("document.querySelector('#days-by-namespace tfoot td:last-child').dataset.v")
    assert float(days) == pytest.approx(expected, rel=1e-6)
    assert page.evaluate("[...document.querySelectorAll('.unfiltered:not([hidden])')].some((note) => note.textContent.includes('Not filtered by namespace'))")
    page.evaluate("document.querySelector('#filters [type=reset]').click()")
    assert number(page, "total") == total and page.evaluate("location.hash") == ""
    assert page.evaluate("document.querySelectorAll('#efficiency tbody.more:not([hidden])').length") == 0
    page.close()
    # A link to the filtered page shows the same.
    page = browser.open(file, f"#namespace={namespace}&team=nobody")
    assert number(page, "total") == pytest.approx(expected, rel=1e-6)
    page.evaluate("document.querySelector('nav a[href=\"#waste\"]').click()")
    assert f"namespace={namespace}" in page.evaluate("location.hash")
    assert page.evaluate("document.activeElement.id") == "waste"
    assert page.messages() == [] and page.requests() == []
    page.close()


@needs_browser
def test_each_currency_is_a_page_of_its_own(browser, reports, mixed):
    page = browser.open(reports("mixed", "--by-label", "team"))
    months = result_of_duckdb(mixed, "cost_by_month")
    for currency in ["EUR", "USD"]:
        choose(page, "currency", currency)
        assert number(page, "total") == pytest.approx(sum(one["cost"] for one in months if one["currency"] == currency), rel=1e-6)
        rows = page.evaluate("[...document.querySelectorAll('#cost-by-namespace :is(tbody, tfoot) tr:not([hidden])')].map((row) => row.cells[0].textContent)")
        assert set(rows) == {currency}
    assert "</script>19" in page.evaluate("document.querySelector('#filters [name=namespace]').textContent")
    assert page.messages() == []
    page.close()


@needs_browser
def test_a_table_can_be_saved_as_csv(browser, reports, demo, tmp_path):
    page = browser.open(reports("demo", "--by-label", "team"))
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.evaluate("document.querySelector('button.csv[data-table=\"cost-by-namespace\"]').click()")
    file = tmp_path / "cost-by-namespace.csv"
    end = time.monotonic() + 30
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.1)
    costs = {(one["cluster_id"], one["namespace"]): one["cost"] for one in result_of_duckdb(demo, "cost_by_namespace")}
    saved = duckdb.sql(f"SELECT cluster_id, coalesce(namespace, ''), cost FROM read_csv('{file}')").fetchall()
    assert len(saved) == min(100, len(costs))
    for cluster, namespace, cost in saved:
        assert cost == pytest.approx(costs[cluster, namespace], rel=1e-6, abs=1e-6)
    assert page.messages() == [] and page.requests() == []
    page.close()


@needs_browser
def test_pictures_of_the_report_are_small_and_in_both_colours(browser, reports, tmp_path):
    """UPDATE_SCREENSHOTS=1 replaces those of the documents."""
    directory = SCREENSHOTS if os.environ.get("UPDATE_SCREENSHOTS") else tmp_path
    directory.mkdir(exist_ok=True)
    for name, dark in [("light", False), ("dark", True)]:
        page = browser.open(reports("demo", "--by-label", "team"), dark=dark, width=1280, height=1120)
        page.screenshot(directory / f"report-{name}.webp", format="webp", quality=80)
        page.close()
    light, dark = (directory / f"report-{name}.webp" for name in ["light", "dark"])
    assert light.read_bytes() != dark.read_bytes() and max(light.stat().st_size, dark.stat().st_size) < 100_000
