"""docker-compose.yml against the code: no engine is needed to see that it would start the right things."""

import pytest
import yaml

from spider_site.places import BASE
from spider_site.run.elasticsearch import VERSION_8

TEXT = (BASE / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]


def test_the_full_set_is_there():
    assert set(SERVICES) >= {
        "nginx",
        "web",
        "worker",
        "poller",
        "beat",
        "flower",
        "postgres",
        "redis",
        "elasticsearch",
        "kibana",
    }


def test_every_queue_is_served_once(settings):
    commands = [service.get("command", []) for service in SERVICES.values()]
    served = [command[command.index("-Q") + 1] for command in commands if "-Q" in command]
    assert sorted(",".join(served).split(",")) == sorted(settings.CELERY_QUEUES)


@pytest.mark.parametrize("kind", ["volumes", "secrets"])
def test_everything_named_is_declared(kind):
    declared = set(COMPOSE[kind])
    for name, service in SERVICES.items():
        for entry in service.get(kind, []):
            source = entry.split(":")[0]
            assert source in declared or source.startswith("./"), (name, entry)
    for service in SERVICES.values():
        assert set(service.get("depends_on", [])) <= set(SERVICES)


def test_only_nginx_is_reached_from_outside():
    for name, service in SERVICES.items():
        for port in service.get("ports", []):
            assert name == "nginx" or port.startswith("127.0.0.1:"), name


def test_redis_keeps_what_it_acknowledged():
    command = " ".join(SERVICES["redis"]["command"])
    assert "--appendonly yes" in command
    assert "noeviction" in command
    assert "--maxmemory 2gb" in command


def test_elasticsearch_is_the_version_that_is_tested():
    assert SERVICES["elasticsearch"]["image"].endswith(f":{VERSION_8}")
