"""What several kinds of tests share."""

import pytest

from tests.recorder import PROD_OVERLAY, Graph, record


@pytest.fixture(scope="session")
def dev_graph() -> Graph:
    """The whole program as stack `dev` would deploy it. Not to be changed by a test: copy first."""
    return record("dev")


@pytest.fixture(scope="session")
def prod_graph() -> Graph:
    """The whole program as stack `prod` would deploy it, with clients and somebody to page named."""
    return record("prod", PROD_OVERLAY)
