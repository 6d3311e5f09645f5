"""From a capture to documents through the real servers, and how it ends when workers die on the way."""

import pytest

pytest.register_assert_rewrite("tests.flows.expect")
