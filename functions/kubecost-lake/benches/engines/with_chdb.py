"""A response as Parquet, by chDB (ClickHouse)."""

import sys

import chdb
from columns import NUMBERS, PROPERTIES

source, out = sys.argv[1:3]
properties = ", ".join(f"{name} String" for name in PROPERTIES)
numbers = ", ".join(f"{name} Nullable(Float64)" for name in NUMBERS)
maps = "labels Map(String, String), annotations Map(String, String)"
row = f"Tuple(name String, window Tuple(start String, end String), properties Tuple({properties}, {maps}), {numbers})"
values = ", ".join(f"ifNull(tupleElement(v, '{name}'), 0) AS {name}" for name in NUMBERS)
property_of = "tupleElement(tupleElement(v, 'properties'), '{0}')".format
texts = ", ".join(f"{property_of(name)} AS `properties.{name}`" for name in PROPERTIES)
result = chdb.query(f"""SELECT tupleElement(v, 'name') AS name, {values}, {texts}, {property_of('labels')} AS labels,
    {property_of('annotations')} AS annotations
    FROM (SELECT JSONExtract(r.2, '{row}') AS v FROM (SELECT arrayJoin(JSONExtractKeysAndValuesRaw(JSONExtractRaw(line, 'data', 1))) AS r
    FROM file('{source}', 'RawBLOB', 'line String')))
    INTO OUTFILE '{out}' TRUNCATE FORMAT Parquet SETTINGS output_format_parquet_compression_method = 'snappy'""")
if result.has_error():
    sys.exit(result.error_message())
