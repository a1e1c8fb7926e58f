"""pyarrow and DuckDB read the demo's lake, not only the library that wrote it."""

import csv
import pathlib
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = list(csv.DictReader(open(ROOT / "shared/table/tests/table-columns.csv")))


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    directory = tmp_path_factory.mktemp("lake")
    command = [ROOT / "target/debug/kubecost-lake", "demo", "--lake", directory]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def files(lake):
    files = sorted(lake.glob("lake/**/*.parquet"))
    assert len(files) == 16
    return files


def test_columns_types_and_compression(files):
    for path in files:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        base = names[: len(COLUMNS)]
        assert base == [column["parquet_column"] for column in COLUMNS]
        assert names[len(COLUMNS) : len(COLUMNS) + 2] == ["labels", "annotations"]
        for index, column in enumerate(COLUMNS):
            expected = {"string": pa.string(), "double": pa.float64(), "timestamp": pa.timestamp("ms", tz="UTC")}
            assert file.schema_arrow.field(index).type == expected[column["glue_type"]], column
        timestamp = file.schema.column(base.index("window.start"))
        assert timestamp.physical_type == "INT64"
        for group in range(file.metadata.num_row_groups):
            row_group = file.metadata.row_group(group)
            assert {row_group.column(index).compression for index in range(row_group.num_columns)} == {"SNAPPY"}


def test_no_nulls_in_the_base_columns(files):
    for path in files:
        table = pq.read_table(path, columns=[column["parquet_column"] for column in COLUMNS])
        assert [column for column in table.column_names if table[column].null_count] == []


def test_pyarrow_and_duckdb_read_the_same(files):
    for path in files:
        table = pq.read_table(path)
        other = duckdb.sql(f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)").to_arrow_table()
        assert table.column_names == other.column_names
        for name in table.column_names:
            left, right = table[name].combine_chunks(), other[name].combine_chunks()
            assert left.cast(right.type).equals(right), f"{path}: {name}"


def test_partitions_and_totals(lake, files):
    rows = duckdb.sql(
        f"""SELECT account_id, region, year, month, count(*), sum("totalCost")
        FROM read_parquet('{lake}/lake/**/*.parquet', hive_partitioning = true, hive_types_autocast = false)
        GROUP BY ALL"""
    ).fetchall()
    assert {row[:2] for row in rows} == {("111122223333", "eu-west-1"), ("444455556666", "us-east-1")}
    recorded = sum(float(pq.read_metadata(path).metadata[b"total_cost"]) for path in files)
    assert sum(row[5] for row in rows) == pytest.approx(recorded, rel=1e-9)
    assert sum(row[4] for row in rows) == sum(int(pq.read_metadata(path).metadata[b"rows"]) for path in files)


def test_every_row_has_its_node_and_day(files):
    table = pq.read_table(files[0])
    containers = table.filter(pc.not_equal(table["properties.pod"], ""))
    mounted = containers.filter(pc.not_equal(containers["properties.container"], "__unmounted__"))
    for name in ["properties.node_instance_type", "properties.node_availability_zone", "properties.node_nodegroup_image"]:
        assert pc.min(pc.utf8_length(mounted[name])).as_py() > 0, name
    assert {value.date().isoformat() for value in table["window.start"].to_pylist()} == {files[0].name[:10]}


# What files had before there were times, kinds, currencies and nested columns.
OLDER = -17


def test_files_from_before_and_after_the_upgrade_are_one_table(files, tmp_path):
    table = pq.read_table(files[0])
    older = table.select(table.column_names[:OLDER])
    assert older.column_names[-1] == "gpuEfficiency"
    pq.write_table(older, tmp_path / "a-older.parquet")
    pq.write_table(table, tmp_path / "b-newer.parquet")
    names = ", ".join(f'"{name}"' for name in table.column_names)
    both = duckdb.sql(f"SELECT {names} FROM read_parquet('{tmp_path}/*.parquet', union_by_name = true)").to_arrow_table()
    read = pa.dataset.dataset(tmp_path, schema=table.schema).to_table()
    for found in [both, read]:
        assert found.num_rows == 2 * table.num_rows
        assert pc.sum(found["totalCost"]).as_py() == pytest.approx(2 * pc.sum(table["totalCost"]).as_py(), rel=1e-9)
        for name in table.column_names[OLDER:]:
            assert found[name].null_count == table.num_rows + table[name].null_count, name


def test_nested_columns_are_lists_of_structures(files):
    table = pa.concat_tables(pq.read_table(path) for path in files)
    assert set(table["rowKind"].to_pylist()) >= {"workload", "idle"}
    for name, part, whole in [("pvs", "cost", "pvCost"), ("lbAllocations", "cost", "loadBalancerCost")]:
        items = pc.list_flatten(table[name]).to_pylist()
        assert items and all(item["key"] and item[part] is not None for item in items), name
        # Idle rows and rounded costs differ a little.
        rows = zip(table[name].to_pylist(), table[whole].to_pylist())
        assert all(sum(item[part] for item in parts) == pytest.approx(total, abs=1e-3) for parts, total in rows if parts), name
