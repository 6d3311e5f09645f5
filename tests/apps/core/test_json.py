"""JSON that agents send."""

import pytest
from django.test import Client

from apps.whisperers.services import token_create, whisperer_create

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"last":' * 100_000, b"9" * 5_000, b"NaN", b"\xff", b"[]", b"null"])
@pytest.mark.parametrize("step", ["status", "final"])
def test_json_of_any_shape_is_refused_in_words(client: Client, body: bytes, step: str) -> None:
    _, secret = token_create(whisperer=whisperer_create(name="w", mode="FILE"))
    response = client.post(
        f"/api/v1/captures/{'c' * 10}/{step}/",
        body,
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {secret}",
    )
    assert response.status_code == 400
    assert response.json()["error"]["message"]
