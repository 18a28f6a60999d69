"""Runs a Home Assistant core with MQTT and automations on the loopback interface.

Prints one line of JSON when it has started and MQTT is connected. Its log is in the configuration folder,
which may be used again. It ends on SIGTERM, or when its parent ends.
"""

import argparse
import asyncio
import ctypes
import json
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

PARSER = argparse.ArgumentParser(description=__doc__)
PARSER.add_argument("--broker-port", type=int, required=True)
PARSER.add_argument("--port", type=int, required=True, help="of the web server")
PARSER.add_argument("--config-dir", type=Path, required=True)
PARSER.add_argument("--frontend", action="store_true", help="with the web pages")
ARGS = PARSER.parse_args()

USER = PASSWORD = "test"
# Home Assistant stops a set-up that fails.
FAILED_STATES = ("setup_error", "migration_error", "failed_unload")
CONFIGURATION = f"""
homeassistant:
  name: Test
  time_zone: UTC
  unit_system: metric
  country: DE
  internal_url: http://127.0.0.1:{ARGS.port}
api:
websocket_api:
config:
automation: !include automations.yaml
system_log:
logger:
  default: warning
  logs:
    homeassistant.components.mqtt: info
"""


def end_with_parent() -> None:
    """Asks the kernel for a SIGTERM when the parent ends."""
    parent = os.getppid()
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the parent has ended")


def store(key: str, version: int, data: dict, minor: int = 1) -> None:
    """Writes a file in which Home Assistant keeps its settings."""
    content = {"version": version, "minor_version": minor, "key": key, "data": data}
    folder = ARGS.config_dir / ".storage"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / key).write_text(json.dumps(content))


def write_configuration() -> None:
    """Writes what a person enters at the first start: the settings, and the broker."""
    store("onboarding", 4, {"done": ["user", "core_config", "analytics", "integration"]})
    now = datetime.now(UTC).isoformat()
    entry = {
        "created_at": now,
        "modified_at": now,
        "data": {"broker": "127.0.0.1", "port": ARGS.broker_port, "protocol": "5"},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": "01TESTMQTT0000000000000000",
        "minor_version": 1,
        "options": {"discovery": True, "discovery_prefix": "homeassistant"},
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "Broker",
        "unique_id": None,
        "version": 2,
    }
    store("core.config_entries", 1, {"entries": [entry]}, minor=5)
    # Settings in YAML would be a trial, which ends after 5 minutes unless a person confirms it.
    server = {
        "server_host": ["127.0.0.1"],
        "server_port": ARGS.port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "intermediate_v6",
        "use_x_frame_options": True,
        "created_at": now,
        "error": None,
        "error_message": None,
    }
    store("http", 3, {"stable": server, "pending": None, "yaml_migration_done": True})
    (ARGS.config_dir / "configuration.yaml").write_text(CONFIGURATION)
    automations = ARGS.config_dir / "automations.yaml"
    if not automations.exists():
        automations.write_text("[]\n")


end_with_parent()
write_configuration()
# A value in the environment would make each start 8 s slower.
sys.dont_write_bytecode = False

from homeassistant import bootstrap, runner  # noqa: E402
from homeassistant.auth.models import TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN, User  # noqa: E402
from homeassistant.const import __version__  # noqa: E402
from homeassistant.core import CoreState, HomeAssistant  # noqa: E402

# Only what the configuration names, instead of the default set. Nothing of MQTT is changed.
bootstrap.CRITICAL_INTEGRATIONS = set()
bootstrap.DEFAULT_INTEGRATIONS = {"frontend", "person", "zone"} if ARGS.frontend else set()


async def make_user(hass: HomeAssistant) -> User:
    """Returns the owner of this Home Assistant, made at the first start."""
    for user in await hass.auth.async_get_users():
        if user.name == USER:
            return user
    user = await hass.auth.async_create_user(USER, group_ids=["system-admin"])
    provider = hass.auth.get_auth_provider("homeassistant", None)
    await provider.async_initialize()
    await hass.async_add_executor_job(provider.data.add_auth, USER, PASSWORD)
    await provider.data.async_save()
    await hass.auth.async_link_user(user, await provider.async_get_or_create_credentials({"username": USER}))
    return user


async def make_token(hass: HomeAssistant) -> str:
    """Returns a token for the API."""
    user = await make_user(hass)
    for refresh in user.refresh_tokens.values():
        if refresh.client_name == USER:
            return hass.auth.async_create_access_token(refresh)
    refresh = await hass.auth.async_create_refresh_token(
        user,
        client_name=USER,
        token_type=TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN,
        access_token_expiration=timedelta(days=365),
    )
    return hass.auth.async_create_access_token(refresh)


async def report(hass: HomeAssistant, token: str) -> None:
    """Waits until the start has ended, and prints how."""
    from homeassistant.components import mqtt  # noqa: PLC0415

    entry = hass.config_entries.async_entries("mqtt")[0]
    while entry.state.value not in FAILED_STATES:
        is_loaded = entry.state.value == "loaded" and mqtt.is_connected(hass)
        if is_loaded and hass.state is CoreState.running:
            break
        await asyncio.sleep(0.02)
    answer = {"token": token, "version": __version__, "mqtt": entry.state.value}
    print(json.dumps(answer), flush=True)


async def main() -> int:
    """Runs Home Assistant until it is stopped."""
    hass = await bootstrap.async_setup_hass(
        runner.RuntimeConfig(
            config_dir=str(ARGS.config_dir),
            skip_pip=True,
            log_file=str(ARGS.config_dir / "home-assistant.log"),
            log_no_color=True,
        )
    )
    if hass is None:
        return 1
    reporting = asyncio.create_task(report(hass, await make_token(hass)))
    try:
        return await hass.async_run()
    finally:
        reporting.cancel()


# During the start, Home Assistant has no handler yet.
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
loop = runner.create_event_loop()
asyncio.set_event_loop(loop)
# Threads that still run must not keep the process.
os._exit(loop.run_until_complete(main()))
