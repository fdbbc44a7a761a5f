"""Writes the Parquet and Arrow files of Tests/Fixtures/columnar, and their rows as JSON lines.

The rows are what pyarrow itself reads from each file, so that the reader here is compared with another one.

    python3 -m venv VENV && VENV/bin/pip install pyarrow==26.0.1 duckdb fastparquet
    VENV/bin/python scripts/record-columnar-cases.py Tests/Fixtures/columnar
"""

import json
import pathlib
import sys

import duckdb
import fastparquet
import pyarrow as pa
import pyarrow.parquet as pq

TYPES = pa.schema([
    pa.field("id", pa.int64(), nullable=False),
    ("text", pa.string()),
    ("small", pa.int32()),
    ("byte", pa.int8()),
    ("unsigned", pa.uint32()),
    ("flag", pa.bool_()),
    ("single", pa.float32()),
    ("double", pa.float64()),
    ("level", pa.string()),
    ("ids", pa.list_(pa.int32())),
    ("tests", pa.list_(pa.string())),
    ("turns", pa.list_(pa.struct([("role", pa.string()), ("tokens", pa.int64())]))),
    ("meta", pa.struct([("source", pa.string()), ("score", pa.float64()), ("tags", pa.list_(pa.string()))])),
    ("states", pa.list_(pa.list_(pa.int32()))),
    ("nothing", pa.null()),
])


def row(i):
    texts = ["", "plain", "Übergröße é", "数学 \U0001f600", "line\nbreak\t\"quoted\" \\frac{1}{2}", "x" * (i * 7)]
    return {
        "id": i * 1000003 - 7,
        "text": None if i % 5 == 3 else texts[i % 6],
        "small": None if i % 7 == 0 else (i * 7919) % 100000 - 50000,
        "byte": i % 200 - 100,
        "unsigned": 4294967295 - i,
        "flag": None if i % 6 == 5 else i % 3 == 0,
        "single": i / 10,
        "double": None if i % 9 == 1 else i / 7,
        "level": f"Level {i % 5 + 1}",
        "ids": None if i % 8 == 2 else [126336] * (i % 4) + list(range(i % 3)),
        "tests": [] if i % 3 == 0 else [f"assert f({i}) == {j}" if j != 1 else None for j in range(i % 5)],
        "turns": None if i % 4 == 1 else
        [None if j == 2 else {"role": "user" if j % 2 else None, "tokens": i + j} for j in range(i % 5)],
        "meta": None if i % 10 == 4 else
        {"source": f"s{i % 3}", "score": None if i % 2 else i * 0.5, "tags": None if i % 3 else ["a", None, "é"][: i % 4]},
        "states": None if i % 11 == 5 else [[] if j == 1 else None if j == 3 else [i, j] for j in range(i % 5)],
        "nothing": None,
    }


def table(count, first=0):
    return pa.Table.from_pylist([row(i) for i in range(first, first + count)], schema=TYPES)


def record(path, rows):
    lines = [json.dumps(r, ensure_ascii=False, allow_nan=False, separators=(",", ":")) for r in rows]
    path.with_suffix(path.suffix + ".jsonl").write_text("".join(line + "\n" for line in lines))


def parquet(folder):
    def write(name, data, **options):
        path = folder / f"{name}.parquet"
        pq.write_table(data, path, **options)
        return path

    plain = dict(use_dictionary=False, write_statistics=False)
    data = table(30)
    expected = data.to_pylist()
    record(folder / "table", expected)
    # Each of these has the rows of table.jsonl.
    for codec in ["none", "snappy", "gzip", "zstd"]:
        for version in ["1.0", "2.0"]:
            path = write(f"table-{codec}-v{version[0]}", data, compression=codec, data_page_version=version)
            assert pq.read_table(path).to_pylist() == expected
    write("table-plain-v1", data, compression="none", **plain)
    write("table-plain-v2", data, compression="snappy", data_page_version="2.0", **plain)
    write("table-groups", data, compression="snappy", row_group_size=7, write_statistics=False)
    write("table-pages", data, compression="none", data_page_size=64, write_batch_size=4, dictionary_pagesize_limit=64)
    write("table-old-lists", data, compression="none", use_compliant_nested_type=False, version="1.0",
          store_schema=False)
    # Deltas and lengths.
    numbers = pa.table({
        "a": pa.array([None if i % 13 == 0 else i * i - 5000 for i in range(150)], pa.int64()),
        "b": pa.array([(i * 2654435761) % 2**32 - 2**31 for i in range(150)], pa.int32()),
        "c": pa.array([2**63 - 1 if i % 2 else -(2**63) for i in range(150)], pa.int64()),
        "text": pa.array([None if i % 17 == 0 else "word" * (i % 5) for i in range(150)]),
    })
    delta = {"a": "DELTA_BINARY_PACKED", "b": "DELTA_BINARY_PACKED", "c": "DELTA_BINARY_PACKED",
             "text": "DELTA_LENGTH_BYTE_ARRAY"}
    record(write("delta", numbers, use_dictionary=False, column_encoding=delta, compression="zstd",
                 data_page_version="2.0"), numbers.to_pylist())
    flags = pa.table({"flag": pa.array([None if i % 100 == 50 else i // 90 % 2 == 0 for i in range(500)])})
    record(write("rle", flags, use_dictionary=False, column_encoding={"flag": "RLE"}), flags.to_pylist())
    record(write("empty", table(0)), [])
    # Other writers.
    simple = data.select(["id", "text", "small", "flag", "double", "level", "ids", "tests"])
    duckdb.register("simple", simple)
    for version in ["V1", "V2"]:
        path = folder / f"duckdb-{version.lower()}.parquet"
        duckdb.sql(f"COPY (SELECT * FROM simple) TO '{path}' (FORMAT parquet, CODEC zstd, PARQUET_VERSION {version})")
        record(path, simple.to_pylist())
    scalars = data.select(["id", "text", "double", "level"])
    path = folder / "fastparquet.parquet"
    fastparquet.write(str(path), scalars.to_pandas(), compression="GZIP")
    record(path, pq.read_table(path).to_pylist())
    # Refused, each for one reason.
    one = pa.table({"a": pa.array(["x"])})
    write("refused-lz4", one, compression="lz4")
    write("refused-brotli", one, compression="brotli")
    write("refused-delta-byte-array", one, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    write("refused-split", pa.table({"a": [1]}), use_dictionary=False, column_encoding={"a": "BYTE_STREAM_SPLIT"})
    write("refused-timestamp", pa.table({"a": pa.array([1], pa.timestamp("us"))}))
    write("refused-decimal", pa.table({"a": pa.array([1], pa.decimal128(5))}), store_decimal_as_integer=True)
    write("refused-binary", pa.table({"a": pa.array([b"\xff\xfe"])}))


def unasked(folder):
    """Two columns that can be read among others of types, codecs and encodings that can't; and the same with the pages of
    the others overwritten."""
    count = 40
    data = pa.table({
        "when": pa.array([i * 10**9 for i in range(count)], pa.timestamp("us")),
        "question": pa.array([f"What is {i} + {i}?" if i % 7 else None for i in range(count)]),
        "price": pa.array([i for i in range(count)], pa.decimal128(9, 2)),
        "picture": pa.array([bytes([255, i]) for i in range(count)]),
        "visits": pa.array([[{"at": 10**9 * j, "where": "x"} for j in range(i % 3)] for i in range(count)],
                           pa.list_(pa.struct([("at", pa.timestamp("us")), ("where", pa.string())]))),
        "brotli": pa.array(["text " * 50] * count),
        "split": pa.array([i for i in range(count)], pa.int64()),
        "ids": pa.array([[i] * (i % 4) if i % 5 else None for i in range(count)], pa.list_(pa.int32())),
        "lz4": pa.array(["text " * 50] * count),
    })
    path = folder / "unasked.parquet"
    codecs = {name: "snappy" for name in ["when", "question", "price", "picture", "split"]}
    codecs |= {"visits.list.element.at": "zstd", "visits.list.element.where": "zstd", "brotli": "brotli", "lz4": "lz4",
               "ids.list.element": "gzip"}
    # Groups of rows, so that columns begin anew.
    pq.write_table(data, path, compression=codecs, row_group_size=15, use_dictionary=["question", "brotli"],
                   column_encoding={"split": "BYTE_STREAM_SPLIT"})
    asked = ["question", "ids"]
    record(path, pq.read_table(path, columns=asked).to_pylist())
    damaged = bytearray(path.read_bytes())
    footer = pq.read_metadata(path)
    for group in range(footer.num_row_groups):
        for index in range(footer.num_columns):
            column = footer.row_group(group).column(index)
            if column.path_in_schema.split(".")[0] not in asked:
                start = column.dictionary_page_offset or column.data_page_offset
                damaged[start:start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    (folder / "unasked-damaged.parquet").write_bytes(damaged)
    with pa.OSFile(str(folder / "empty.arrow"), "wb") as sink:
        with pa.ipc.new_stream(sink, data.select(asked).schema) as writer:
            writer.write_table(data.select(asked).slice(0, 0))


def arrow(folder):
    def write(name, data, new=pa.ipc.new_stream, batch=17, **options):
        with pa.OSFile(str(folder / name), "wb") as sink:
            with new(sink, data.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
                writer.write_table(data, max_chunksize=batch)

    data = table(30)
    # These have the rows of table.jsonl.
    write("table-stream.arrow", data)
    write("table-file.arrow", data, pa.ipc.new_file)
    write("table-old.arrow", data, use_legacy_format=True, metadata_version=pa.ipc.MetadataVersion.V4)
    large = pa.schema([f.with_type(pa.large_string()) if f.type == pa.string() else
                       f.with_type(pa.large_list(pa.int32())) if f.name == "ids" else f for f in TYPES])
    write("table-large.arrow", data.cast(large))
    one = pa.table({"a": ["x" * 100]})
    write("refused-lz4.arrow", one, compression="lz4")
    write("refused-zstd.arrow", one, compression="zstd")
    write("refused-dictionary.arrow", pa.table({"a": pa.array(["x", "x"]).dictionary_encode()}))
    write("refused-timestamp.arrow", pa.table({"a": pa.array([1], pa.timestamp("us"))}))


def math(folder):
    """A data set in the shape of EleutherAI/hendrycks_math: a folder per subject, one of them in two files."""
    folder.mkdir(exist_ok=True)
    lines = []

    def problem(split, subject, number):
        return {"problem": f"What is ${number}+{len(subject)}$? ({split})", "level": f"Level {number % 5 + 1}",
                "type": subject, "solution": f"It is $\\boxed{{{number + len(subject)}}}$."}

    for subject, counts in [("Algebra", [3, 2]), ("Counting & Probability", [4]), ("Precalculus", [2])]:
        name = subject.lower().replace(" & ", "_and_")
        (folder / name).mkdir(exist_ok=True)
        for split, sizes in [("test", counts), ("train", [3])]:
            first = 0
            for index, size in enumerate(sizes):
                rows = [problem(split, subject, first + n) for n in range(size)]
                pq.write_table(pa.Table.from_pylist(rows), folder / name / f"{split}-{index:05}-of-{len(sizes):05}.parquet")
                lines += [{"path": f"{split}/{name}/{first + n}.json", "record": row} for n, row in enumerate(rows)]
                first += size
    record(folder / "files", lines)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    parquet(target)
    unasked(target)
    arrow(target)
    math(target / "math")
