"""Checks device discovery payloads with the schemas of Home Assistant that refuse unknown keys.

Discovery itself drops an unknown key of a component without a message. The schemas for YAML report it.

Usage: check_discovery.py FILE...
Prints one line of JSON for each problem. The exit code is 1 if there is one.
"""

import asyncio
import importlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import probatio
from homeassistant.components.mqtt import discovery, schemas
from homeassistant.core import HomeAssistant

SCHEMA_NAMES = ("PLATFORM_SCHEMA_MODERN", "PLATFORM_SCHEMA", "CONFIG_SCHEMA")


def problems_of(payload: dict) -> Iterator[tuple[str | None, str]]:
    """Yields each problem with the component that has it, or None."""
    payload = discovery.MQTTDiscoveryPayload(payload)
    discovery._replace_all_abbreviations(payload)
    try:
        schemas.validate_device_discovery_components(schemas.DEVICE_DISCOVERY_SCHEMA(payload))
    except (probatio.Invalid, ValueError) as error:
        yield None, str(error)
        return
    first_with: dict[tuple[str, str | None], str] = {}
    for name, component in payload["components"].items():
        config = dict(component)
        platform = config.pop("platform")
        if not config:
            continue  # it removes the component
        key = (platform, config.get("unique_id"))
        if key in first_with:
            yield name, f"unique_id also used by {first_with[key]}"
        first_with.setdefault(key, name)
        for message in component_problems(platform, config, payload):
            yield name, message


def component_problems(platform: str, own: dict, payload: dict) -> Iterator[str]:
    """Yields what the schemas of a platform report about a component."""
    config = discovery.MQTTDiscoveryPayload(own)
    config["device"] = dict(payload["device"])
    config["origin"] = payload["origin"]
    discovery._merge_common_device_options(config, payload)
    if "~" in config:
        discovery._replace_topic_base(config)
    module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
    strict = next(getattr(module, name) for name in SCHEMA_NAMES if hasattr(module, name))
    # A platform ignores an option of the whole device that it does not have.
    for error in errors_of(strict, config):
        if error.path and str(error.path[0]) not in own:
            config.pop(str(error.path[0]), None)
    yield from map(str, errors_of(strict, config) or errors_of(module.DISCOVERY_SCHEMA, config))


def errors_of(schema: Callable[[dict], object], config: dict) -> list[probatio.Invalid]:
    """Returns why a schema refuses a configuration."""
    try:
        schema(dict(config))
    except probatio.MultipleInvalid as error:
        return error.errors
    except probatio.Invalid as error:
        return [error]
    return []


async def main() -> int:
    """Checks the files of the command line."""
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        HomeAssistant(folder)  # the validators of templates ask for a running core
        for name in sys.argv[1:]:
            for component, problem in problems_of(json.loads(Path(name).read_text(encoding="utf-8"))):
                print(json.dumps({"file": name, "component": component, "problem": problem}))
                code = 1
    return code


sys.exit(asyncio.run(main()))
