"""Clusters on emulated AWS, with proxies in which faults can be put."""

import pytest

import fleet


@pytest.fixture(scope="session")
def clusters(tmp_path_factory):
    with fleet.fleet(tmp_path_factory.mktemp("fleet")) as made:
        yield made
