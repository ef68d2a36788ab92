import http.client
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.rehearsal.asking import connect
from tests.scripted import ScriptedUpstream


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as scripted:
        yield scripted


@pytest.fixture
def connection(upstream: ScriptedUpstream) -> Iterator[http.client.HTTPConnection]:
    with closing(connect(upstream.url)) as connected:
        yield connected
