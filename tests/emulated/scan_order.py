"""What Trino reads of one large day, with its rows in different orders, with and without an index of pages."""

import datetime
import itertools

import pyarrow as pa
import pyarrow.parquet as pq

import scan_lake
from scan_day import ACCOUNT, REGION, converted
from scan_lake import assert_same, header, line, once

DAY = datetime.date(2026, 11, 20)
PARTITION = f"account_id={ACCOUNT}/region={REGION}/year={DAY:%Y}/month={DAY:%m}"
KEYS = ["properties.namespace", "properties.controller", "properties.pod", "properties.container"]
# The program's own setting, and half of it.
ROWS_OF_A_GROUP = 20_000
ROWS_OF_A_SMALL_GROUP = 10_000
ROWS_OF_A_SMALL_PAGE = 1_000
# The least CPU time of so many runs, variants in turn.
RUNS = 5

QUESTIONS = {
    "namespaces": """SELECT CAST("window.start" AS date), "properties.namespace", sum(totalcost) FROM {} GROUP BY 1, 2""",
    "team": """SELECT CAST("window.start" AS date), currency, sum(totalcost) FROM {}
        WHERE element_at(labels, 'team') = 'payments' GROUP BY 1, 2""",
    "pods": """SELECT "properties.node", "properties.pod", "properties.container", cpucost, ramcost FROM {}
        WHERE "properties.namespace" = 'payments-prod'""",
}


def settings_of(file):
    """Settings of pyarrow's writer by which columns have dictionaries and statistics where the program's file has them."""
    group = pq.read_metadata(file).row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    return {
        "compression": "snappy",
        "use_dictionary": [column.path_in_schema for column in columns if column.has_dictionary_page],
        "write_statistics": [column.path_in_schema for column in columns if column.is_stats_set],
    }


def sorted_within(table, rows):
    """The table with each of its groups of rows sorted."""
    groups = (table.slice(first, rows) for first in range(0, table.num_rows, rows))
    return pa.concat_tables(sorted_by(group, KEYS) for group in groups)


def sorted_by(table, names):
    return table.sort_by([(name, "ascending") for name in names])


def variants(written):
    """Each file's name with its table, rows of a group and further settings."""
    table = pq.read_table(written, partitioning=None)
    pages = {
        "": {},
        ", page index": {"write_page_index": True},
        f", page index, pages of {ROWS_OF_A_SMALL_PAGE:,} rows": {"write_page_index": True, "max_rows_per_page": ROWS_OF_A_SMALL_PAGE},
    }
    for (order, ordered), (page, settings) in itertools.product(orders(table), pages.items()):
        yield order + page, ordered, ROWS_OF_A_GROUP, settings
    yield f"as it came, row groups of {ROWS_OF_A_SMALL_GROUP:,} rows", table, ROWS_OF_A_SMALL_GROUP, {}


def orders(table):
    yield "as it came", table
    yield "sorted within row groups", sorted_within(table, ROWS_OF_A_GROUP)
    yield "sorted", sorted_by(table, KEYS)


def put_variants(lake, directory, containers):
    """Puts each variant into a table of its own. Returns the variants' names by those of their tables."""
    written = converted(directory / "day", containers, DAY)
    metadata = pq.read_metadata(written)
    groups = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
    print(f"{metadata.num_rows:,} rows, as the program wrote them in row groups of {groups[0]:,} rows\n", flush=True)
    common = settings_of(written)
    names = {"variant_0": "as the program wrote it"}
    written = written.rename(created(lake, "variant_0"))
    for number, (name, table, rows, settings) in enumerate(variants(written), 1):
        names[f"variant_{number}"] = name
        pq.write_table(table, created(lake, f"variant_{number}"), row_group_size=rows, **common, **settings)
    for name in names:
        lake.create_table(name)
        lake.register(name)
    return names


def created(lake, name):
    """The path of the object of a variant."""
    folder = lake.directory / name / PARTITION
    folder.mkdir(parents=True)
    return folder / f"{DAY}_benchmark.snappy.parquet"


def least(lake, question, tables):
    """What the question takes of each table. The first run does not count, since Trino compiles what it repeats."""
    rows = [once(lake, question.format(name))[0] for name in tables]
    for other in rows[1:]:
        assert_same(other, rows[0])
    runs = [[once(lake, question.format(name))[1] for name in tables] for _ in range(RUNS)]
    return [min(found, key=lambda spent: spent["CPU s"]) for found in zip(*runs)]


def order(directory, containers=100_000):
    """Prints a line for each variant of the day."""
    with scan_lake.lake(directory) as lake:
        names = put_variants(lake, directory, containers)
        found = {question: least(lake, sql, names) for question, sql in QUESTIONS.items()}
        header(["order", "MB", *(f"{question}: MB read, requests, CPU ms" for question in QUESTIONS), "pods: rows read"])
        for index, (table, name) in enumerate(names.items()):
            size = sum(file.stat().st_size for file in (lake.directory / table).rglob("*.parquet"))
            cells = [found[question][index] for question in QUESTIONS]
            line([name, f"{size / 1e6:.1f}", *map(cell, cells), f"{cells[-1]['rows']:,}"])


def cell(spent):
    return f"{spent['MB read']:.1f}, {spent['requests']}, {spent['CPU s'] * 1e3:.0f}"
