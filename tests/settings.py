"""Settings of the tests: the product's own, on servers that `conftest.py` starts on free ports in a temporary folder.

The environment is set here, before the product's settings read it, so programs that a test starts see the same servers.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from spider_site.environment import SETTINGS
from spider_site.run.servers import free_port

FOLDER = Path(tempfile.mkdtemp(prefix="spider-tests-"))
FOLDER.chmod(0o711)  # the servers run as another user when the tests run as root
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

KEPT = {setting.name for setting in SETTINGS.values() if setting.group == "Tests and benchmarks"} | {"SPIDER_CACHE"}
for name in [name for name in os.environ if name.startswith("SPIDER_") and name not in KEPT]:
    del os.environ[name]
os.environ["SPIDER_DATA"] = str(FOLDER)
# Decides which partition a flow belongs to: a secret of each run's own would make every run another one.
os.environ["SPIDER_MASK_KEY"] = "the same in every run of the tests"
os.environ["SPIDER_BREAKER_FAILURES"] = "1000000"  # an outage that one test makes is not the next one's
os.environ["SPIDER_STORE_FREE"] = "0"  # a machine whose disk is nearly full can still test
os.environ["SPIDER_POSTGRES_PORT"] = str(free_port())
os.environ["SPIDER_REDIS_PORT"] = str(free_port())

from spider_site.settings import *  # noqa: E402, F403

# Hashing passwords slowly and naming static files by content are for real sites.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
ALLOWED_HOSTS = ["*"]
