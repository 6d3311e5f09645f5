"""How much Elasticsearch can still write, by its settings."""

import pytest

from store.documents.elastic.disks import kept_free, room

GB = 1 << 30
DISK = "cluster.routing.allocation.disk"
STAGE = f"{DISK}.watermark.flood_stage"


@pytest.mark.parametrize(
    ("stage", "headroom", "total", "kept"),
    [
        ("95%", "100GB", 1000 * GB, 50 * GB),
        ("95%", "100GB", 10_000 * GB, 100 * GB),
        ("95%", "-1", 10_000 * GB, 500 * GB),
        ("0.75", "-1", 1000 * GB, 250 * GB),
        ("97.5%", "", 1000 * GB, 25 * GB),
        ("1", "-1", 1000 * GB, 0),
        ("500mb", "-1", 1000 * GB, 500 << 20),
        ("1.5GB", "-1", 1000 * GB, 1536 << 20),
        ("2t", "-1", 10_000 * GB, 2048 * GB),
        ("1024b", "-1", 1000 * GB, 1024),
        ("", "", 1000 * GB, 0),
        ("much", "", 1000 * GB, 0),
    ],
)
def test_what_has_to_stay_free(stage: str, headroom: str, total: int, kept: int) -> None:
    said = {STAGE: stage, f"{STAGE}.max_headroom": headroom, f"{DISK}.threshold_enabled": "true"}
    assert abs(kept_free(said, total) - kept) <= 1
    assert kept_free(said | {f"{DISK}.threshold_enabled": "false"}, total) == 0


def test_the_fullest_node_and_the_strongest_setting_count() -> None:
    disks = [{"fs": {"total": {"available_in_bytes": free, "total_in_bytes": 100 * GB}}} for free in (40 * GB, 30 * GB)]

    def settings(**stages: str) -> dict[str, object]:
        def level(stage: str) -> dict[str, object]:
            return {"cluster": {"routing": {"allocation": {"disk": {"watermark": {"flood_stage": stage}}}}}}

        return {name: level(stage) for name, stage in stages.items()}

    assert room(disks, settings(defaults="10gb")) == 20 * GB
    assert room(disks, settings(transient="5gb", persistent="15gb", defaults="10gb")) == 25 * GB
    assert room(disks, settings(persistent="35gb", defaults="10gb")) == 0
    assert room([], settings(defaults="95%")) is None
