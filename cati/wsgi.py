"""The WSGI entry point that granian serves."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cati.settings")
application = get_wsgi_application()

# ruff: noqa: E402 (the application's modules load once Django stands)
from cati.web.warm import warm_up

warm_up()
# An answer lets go of the interpreter at every statement. A page that another thread is drawing
# would keep it for 5 ms each time.
sys.setswitchinterval(0.001)
