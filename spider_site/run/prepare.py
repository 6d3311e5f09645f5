"""The steps of a start that need Django, in one process: migrations, static files, the first user, the sample's token.

`python -m spider_site.run.prepare` prints one JSON line at its end: whether the first user has the kept password, and
what is left to run for stored documents.
"""

from __future__ import annotations

import io
import json
import os
import sys

import django
from django.core.management import call_command

from spider_site import places

FIRST_USER = "admin"
SAMPLE_WHISPERER = "sample"


def main() -> None:
    """Do the steps; each changes nothing when it was done before."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spider_site.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    left = prepare_documents()
    # Two big viewers of the API's description come with it; the site uses one.
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["redoc"])
    token = places.data_folder() / "sample-token"
    call_command("create_whisperer", SAMPLE_WHISPERER, token_file=token, stdout=io.StringIO())
    sys.stdout.write(json.dumps({"kept_password": first_user(), "left": left}) + "\n")


def prepare_documents() -> str:
    """Tables or templates of the document store, as this version wants them; what is left to run for what is stored.

    SystemExit where a newer program made what this one would break.
    """
    from apps.core import startup
    from apps.core.servers import document_store

    store = document_store()
    finding = startup.store_finding(store.stored_version())
    if finding and finding.kind == startup.NEWER:
        raise SystemExit(f"{finding.says} Run: {finding.run}")
    store.prepare()
    finding = startup.store_finding(store.stored_version())
    return f"{finding.says} Run: {finding.run}" if finding else ""


def first_user() -> bool:
    """Create an administrator where there is no user yet; whether `admin` has the password kept in the data folder."""
    from django.contrib.auth import get_user_model

    users = get_user_model().objects
    password = places.kept_secret("password", 12)
    if not users.exists():
        users.create_superuser(FIRST_USER, password=password)
        return True
    user = users.filter(username=FIRST_USER).first()
    return user is not None and user.check_password(password)


if __name__ == "__main__":
    main()
