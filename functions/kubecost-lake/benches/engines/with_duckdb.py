"""A response as Parquet, by DuckDB with two threads."""

import os
import sys

import duckdb
from columns import NUMBERS, PROPERTIES

source, out = sys.argv[1:3]
properties = ", ".join(f"{name} VARCHAR" for name in PROPERTIES)
numbers = ", ".join(f'"{name}" DOUBLE' for name in NUMBERS)
row = f"""STRUCT(name VARCHAR, "window" STRUCT("start" TIMESTAMP, "end" TIMESTAMP),
    properties STRUCT({properties}, labels MAP(VARCHAR, VARCHAR), annotations MAP(VARCHAR, VARCHAR)), {numbers})"""
values = ", ".join(f'coalesce(v."{name}", 0) AS "{name}"' for name in NUMBERS)
texts = ", ".join(f'v.properties.{name} AS "properties.{name}"' for name in PROPERTIES)
size = os.path.getsize(source) + 1024
connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute(f"""COPY (SELECT v.name AS name, v."window"."start" AS "window.start", v."window"."end" AS "window.end", {values}, {texts},
    v.properties.labels AS labels, v.properties.annotations AS annotations
    FROM (SELECT unnest(map_values(d)) AS v FROM (SELECT unnest(data) AS d
    FROM read_json('{source}', format = 'unstructured', maximum_object_size = {size},
                   columns = {{code: 'INTEGER', data: 'MAP(VARCHAR, {row})[]'}})))) TO '{out}' (FORMAT parquet, COMPRESSION snappy)""")
