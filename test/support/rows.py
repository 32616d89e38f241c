"""Rows for integration tests: the same seed always writes the same rows.

rows.py CONTACT load SEED N    writes N rows into each table of test/fixtures/schema.cql
rows.py CONTACT blobs N BYTES  writes N rows of BYTES random bytes into faults.blobs (test/fixtures/faults.cql)
rows.py CONTACT dump [KS...]   prints {"keyspace.table": {"rows": n, "sha256": hex}} for every table and view of these
                               keyspaces, or of all that are not Cassandra's own, read from all replicas

Run it by `scripts/sandbox python`.
"""

import hashlib
import json
import random
import sys
import uuid
from collections.abc import Sequence
from typing import NamedTuple

from cassandra import ConsistencyLevel
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.policies import RoundRobinPolicy

ROWS_PER_SEED = 1_000_000  # the key ranges of two seeds never meet


def connect(contact: str) -> tuple[Cluster, Session]:
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=60)
    # The newest that Cassandra 3.11 knows.
    cluster = Cluster([contact], protocol_version=4, execution_profiles={EXEC_PROFILE_DEFAULT: profile})
    session = cluster.connect()
    # ALL, so that a replica that lacks rows shows. A node alone has tables that want more copies than that.
    enough = len(cluster.metadata.all_hosts()) > 1
    profile.consistency_level = ConsistencyLevel.ALL if enough else ConsistencyLevel.ONE
    return cluster, session


def load(cluster: Cluster, session: Session, seed: int, count: int) -> None:
    rng = random.Random(seed)
    base = seed * ROWS_PER_SEED
    address = cluster.metadata.keyspaces["shop2"].user_types["address"]
    cluster.register_user_type("shop2", address.name, Address)

    def write(statement: str, rows: Sequence[Sequence[object]]) -> None:
        execute_concurrent_with_args(session, session.prepare(statement), rows, concurrency=64)

    write(
        "INSERT INTO shop2.orders (customer, placed, grade, tags, amounts, lines, ship_to, packed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                f"customer{i % 50}",
                base + i,
                f"grade{i % 50}",
                {f"tag{i % 7}", "all"},
                {"net": i, "gross": i * 2},
                [i, i + 1],
                Address(f"street {i}", i),
                rng.randbytes(64),
            )
            for i in range(count)
        ],
    )
    # Deleted rows: a restore that loses a tombstone's sstable brings them back.
    write(
        "DELETE FROM shop2.orders WHERE customer = ? AND placed = ?",
        [(f"customer{i % 50}", base + i) for i in range(0, count, 17)],
    )
    write("UPDATE shop2.page_hits SET hits = hits + ? WHERE page = ?", [(i % 5 + 1, f"page{i % 100}") for i in range(count)])
    write("INSERT INTO shop2.notes (id, body) VALUES (?, ?)", [(base + i, f"note {seed}.{i}") for i in range(count)])
    write(
        'INSERT INTO "Quoted_Ks"."MixedCase" ("Key", "Val", plain) VALUES (?, ?, ?)',
        [(base + i, f"value {i}", i * i) for i in range(count)],
    )
    write(
        "INSERT INTO shop3.users (id, email, city, age) VALUES (?, ?, ?, ?)",
        [(uuid.UUID(int=base + i), f"user{i}@example.org", f"city{i % 20}", i % 90) for i in range(count)],
    )


def load_blobs(session: Session, count: int, size: int) -> None:
    rng = random.Random(1)
    statement = session.prepare("INSERT INTO faults.blobs (id, body) VALUES (?, ?)")
    rows = [(i, rng.randbytes(size)) for i in range(count)]
    execute_concurrent_with_args(session, statement, rows, concurrency=4)


class Address(NamedTuple):
    street: str
    zip: int


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def dump(session: Session, keyspaces: Sequence[str]) -> None:
    found = {}
    for catalog, column in (("tables", "table_name"), ("views", "view_name")):
        for keyspace, table in session.execute(f"SELECT keyspace_name, {column} FROM system_schema.{catalog}"):
            if keyspace == "system" or keyspace.startswith("system_"):
                continue
            if keyspaces and keyspace not in keyspaces:
                continue
            # The server's own JSON: one text per row, whatever the types and the driver's version.
            result = session.execute(f"SELECT JSON * FROM {quoted(keyspace)}.{quoted(table)}")
            lines = sorted(row[0] for row in result)
            digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
            found[f"{keyspace}.{table}"] = {"rows": len(lines), "sha256": digest}
    json.dump(found, sys.stdout, indent=2, sort_keys=True)
    print()


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case [contact, "load", seed, count]:
            cluster, session = connect(contact)
            load(cluster, session, int(seed), int(count))
        case [contact, "blobs", count, size]:
            cluster, session = connect(contact)
            load_blobs(session, int(count), int(size))
        case [contact, "dump", *keyspaces]:
            cluster, session = connect(contact)
            dump(session, keyspaces)
        case _:
            sys.exit(__doc__)
    cluster.shutdown()


main(sys.argv[1:])
