"""What Trino spends on many small objects, one for each cluster and day, and on the same rows rolled up by account and month."""

import datetime
import os
import random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import scan_lake
from aws import lake_key
from scan_day import NAME, REGION, converted
from scan_lake import assert_same, header, line, once
from scan_order import KEYS, ROWS_OF_A_GROUP, settings_of, sorted_by

ACCOUNTS = 20
# With the idle rows of its two nodes and two rows of unmounted volumes, a cluster has 30 rows.
CONTAINERS = 26
# The rows of a cluster repeat after a week.
WEEK = [datetime.date(2026, 11, day) for day in range(1, 8)]
LAST = datetime.date(2026, 11, 30)
MONTH = f"year = '{LAST:%Y}' AND month = '{LAST:%m}'"
CLUSTER_COLUMNS = ["properties.cluster", "properties.eksClusterName"]
COSTS = ["cpuCost", "ramCost", "networkCost"]

# Each question with the runs that count, after one that does not. Costly ones have a single run: the first question has had Trino compile.
QUESTIONS = {
    "one cluster, one month": (
        f"""SELECT "properties.namespace", sum(totalcost) FROM {{}} WHERE {MONTH} AND account_id = '{{account}}'
            AND "properties.eksclustername" = '{{cluster}}' GROUP BY 1""",
        3,
    ),
    "all clusters, one month, by account": (f"SELECT account_id, sum(totalcost) FROM {{}} WHERE {MONTH} GROUP BY 1", 0),
    "all clusters, all days, by month": ("SELECT year, month, sum(totalcost) FROM {} GROUP BY 1, 2", 0),
}


def place_of(number):
    return f"{111100000000 + number % ACCOUNTS:012}", REGION


def name_of(number):
    return f"cluster-{number:04}"


def of_cluster(table, number):
    """A day's rows under the name of another cluster, and with costs of its own."""
    name, factor = name_of(number), random.Random(number).uniform(0.5, 2)
    found = {column: pa.array([name] * table.num_rows) for column in CLUSTER_COLUMNS}
    found["name"] = pc.replace_substring(table["name"], NAME, name)
    found |= {cost: pc.multiply(table[cost], factor) for cost in COSTS}
    found["totalCost"] = pc.add(found[COSTS[0]], pc.add(found[COSTS[1]], found[COSTS[2]]))
    for column, values in found.items():
        index = table.schema.get_field_index(column)
        table = table.set_column(index, table.schema.field(index), values)
    return table


def days_of(count):
    return [LAST - datetime.timedelta(days=age) for age in range(count)]


class Lakes:
    """The same rows as two tables: `daily` and `settled`."""

    def __init__(self, lake, directory, clusters, days):
        self.lake, self.directory, self.clusters, self.days = lake, directory, clusters, days
        files = [converted(directory / "week" / str(day), CONTAINERS, day) for day in WEEK]
        self.week = [pq.read_table(file, partitioning=None) for file in files]
        self.settings = settings_of(files[0])

    def fill(self):
        for account in range(min(ACCOUNTS, self.clusters)):
            numbers = range(account, self.clusters, ACCOUNTS)
            tables = {number: [of_cluster(table, number) for table in self.week] for number in numbers}
            for number in numbers:
                self.put_days(number, tables[number])
            months = sorted({day.replace(day=1) for day in self.days})
            for month in months:
                self.put_month(account, month, tables)
        for name in ["daily", "settled"]:
            self.lake.create_table(name)
            self.lake.register(name)

    def put_days(self, number, tables):
        """An object for each day of a cluster. Days with the same rows are links to one file."""
        files = []
        for index, table in enumerate(tables):
            files.append(self.directory / "week" / f"{name_of(number)}_{index}")
            pq.write_table(table, files[-1], **self.settings)
        for day in self.days:
            path = self.path("daily", lake_key(day, place_of(number), name_of(number)))
            os.link(files[day.toordinal() % len(WEEK)], path)
        for file in files:
            file.unlink()

    def put_month(self, account, month, tables):
        """One object for all days and clusters of an account, in the order that a roll-up has."""
        days = [day for day in self.days if day.replace(day=1) == month]
        rows = pa.concat_tables(tables[number][day.toordinal() % len(WEEK)] for number in tables for day in days)
        rows = sorted_by(rows, ["properties.eksClusterName", *KEYS, "window.start"])
        path = self.path("settled", lake_key(month, place_of(account), "all"))
        pq.write_table(rows, path, row_group_size=ROWS_OF_A_GROUP, **self.settings)

    def path(self, table, key):
        path = self.lake.directory / table / key.removeprefix("lake/")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def size(self, table):
        sizes = [file.stat().st_size for file in (self.lake.directory / table).rglob("*.parquet")]
        return len(sizes), sum(sizes) / 1e6


def objects(directory, clusters, days):
    """Prints a line for each question and table."""
    with scan_lake.lake(directory) as lake:
        lakes = Lakes(lake, directory, clusters, days_of(days))
        lakes.fill()
        for table in ["daily", "settled"]:
            count, size = lakes.size(table)
            print(f"{table}: {count:,} objects, {size:,.0f} MB, {size * 1e3 / count:,.1f} kB each")
        print()
        header(["question", "table", "splits", "rows", "MB read", "requests", "CPU s", "process CPU s", "wall s"])
        for question, (sql, runs) in QUESTIONS.items():
            number = clusters // 2
            sql = sql.replace("{account}", place_of(number)[0]).replace("{cluster}", name_of(number))
            measured = {table: spent(lake, sql.format(table), runs) for table in ["settled", "daily"]}
            assert_same(measured["settled"][0], measured["daily"][0])
            for table in ["daily", "settled"]:
                show(question, table, measured[table][1])


def spent(lake, sql, runs):
    """The rows of a question, and what the run with the least CPU time took."""
    found = [once(lake, sql) for _ in range(runs + 1)]
    return min(found[1:] or found, key=lambda run: run[1]["CPU s"])


def show(question, table, found):
    figures = [f"{found['splits']:,}", f"{found['rows']:,}", f"{found['MB read']:,.1f}", f"{found['requests']:,}"]
    line([question, table, *figures, f"{found['CPU s']:.2f}", f"{found['process CPU s']:.1f}", f"{found['wall s']:.1f}"])
