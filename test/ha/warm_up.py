"""Imports what a start of Home Assistant with MQTT loads, so that its byte code is written."""

import contextlib
import importlib
import pkgutil

import homeassistant.auth.providers.homeassistant
import homeassistant.bootstrap
import homeassistant.runner  # noqa: F401
from homeassistant.components import mqtt

for module in pkgutil.iter_modules(mqtt.__path__):
    for name in (f"{mqtt.__name__}.{module.name}", f"homeassistant.components.{module.name}"):
        with contextlib.suppress(ImportError):  # camera and infrared need more packages
            importlib.import_module(name)
