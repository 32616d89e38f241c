"""One CQL session of the soak: a JSON request a line on standard input, an answer a line on standard output.

session.py CONTACT...

{"write": [cql, ...]}            writes one after the other, at ALL, each until it is done
{"change": [cql, ...]}           changes of the schema, TRUNCATE
{"read": cql}                    reads from all replicas: {"rows": [[...], ...]}
{"read": cql, "by": address}     from one replica, asked by way of this node

Run it by `scripts/sandbox python`.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from cassandra import ConsistencyLevel, OperationTimedOut, RequestExecutionException
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import RoundRobinPolicy, WhiteListRoundRobinPolicy
from cassandra.query import SimpleStatement

GIVE_UP_AFTER = 180.0

T = TypeVar("T")


def patiently(work: Callable[[], T]) -> T:
    """Again and again, while a node is down or slow: what is written has its own time, and is the same twice."""
    begun = time.monotonic()
    while True:
        try:
            return work()
        except (RequestExecutionException, OperationTimedOut, NoHostAvailable):
            if time.monotonic() - begun > GIVE_UP_AFTER:
                raise
            time.sleep(0.5)


def shown(value: object) -> object:
    if isinstance(value, str) and len(value) > 64:
        return f"{hashlib.sha1(value.encode()).hexdigest()}/{len(value)}"
    if value is None or isinstance(value, (int, str)):
        return value
    return sorted(value)  # type: ignore[call-overload]


def rows(session: Session, text: str, profile: object) -> list[list[object]]:
    found = patiently(lambda: list(session.execute(text, execution_profile=profile)))
    return [[shown(each) for each in row] for row in found]


def answer(session: Session, request: dict[str, object]) -> dict[str, object]:
    match request:
        case {"write": list(statements)}:
            for text in statements:
                statement = SimpleStatement(text, consistency_level=ConsistencyLevel.ALL)
                patiently(partial(session.execute, statement))
            return {}
        case {"change": list(statements)}:
            for text in statements:
                patiently(partial(session.execute, text))
            return {}
        case {"read": str(text), "by": str(address)}:
            return {"rows": rows(session, text, address)}
        case {"read": str(text)}:
            return {"rows": rows(session, text, EXEC_PROFILE_DEFAULT)}
        case _:
            raise ValueError(f"not understood: {request}")


def main(contacts: list[str]) -> None:
    profiles = {
        EXEC_PROFILE_DEFAULT: ExecutionProfile(
            load_balancing_policy=RoundRobinPolicy(), request_timeout=60, consistency_level=ConsistencyLevel.ALL
        )
    }
    for contact in contacts:
        profiles[contact] = ExecutionProfile(
            load_balancing_policy=WhiteListRoundRobinPolicy([contact]),
            request_timeout=60,
            consistency_level=ConsistencyLevel.ONE,
        )
    cluster = Cluster(contacts, protocol_version=4, execution_profiles=profiles, max_schema_agreement_wait=120)
    session = cluster.connect()
    for line in sys.stdin:
        try:
            said = answer(session, json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)
    cluster.shutdown()


main(sys.argv[1:])
