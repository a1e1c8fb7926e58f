"""A response as Parquet, by orjson, pandas and pyarrow."""

import sys

import orjson
import pandas
from columns import NUMBERS, PROPERTIES

source, out = sys.argv[1:3]
with open(source, "rb") as file:
    rows = orjson.loads(file.read())["data"][0].values()
properties = [row.get("properties") or {} for row in rows]
columns = {"name": [row.get("name") for row in rows]}
for end in ("start", "end"):
    columns[f"window.{end}"] = pandas.to_datetime([(row.get("window") or {}).get(end) for row in rows])
for name in NUMBERS:
    columns[name] = pandas.array([row.get(name) or 0.0 for row in rows], dtype="float64")
for name in PROPERTIES:
    columns[f"properties.{name}"] = [row.get(name) for row in properties]
for name in ("labels", "annotations"):
    columns[name] = [list((row.get(name) or {}).items()) for row in properties]
pandas.DataFrame(columns).to_parquet(out, compression="snappy")
