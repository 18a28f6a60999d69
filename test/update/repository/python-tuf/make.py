"""Makes the repository in this folder with the reference implementation of TUF, for python-tuf.test.ts.

pip install tuf==7.0.0 'securesystemslib[crypto]==1.4.0'; python make.py
"""

import json
import shutil
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

FOLDER = Path(__file__).parent
EXPIRES = datetime(2125, 1, 1, tzinfo=timezone.utc)
BUNDLE = {
    "manifest.json": b'{"name":"waste12","version":"1.4.0"}\n',
    "labels.txt": b"glass\npaper\n",
    "golden/inputs.json": b"[]\n",
}


def make_keys(count: int) -> list[CryptoSigner]:
    return [CryptoSigner.generate_ed25519() for _ in range(count)]


def write(signed, keys: list[CryptoSigner], name: str) -> MetaFile:
    metadata = Metadata(signed)
    for key in keys:
        metadata.sign(key, append=True)
    content = metadata.to_bytes()
    (FOLDER / "metadata" / name).write_bytes(content)
    return MetaFile(signed.version, len(content), {"sha256": sha256(content).hexdigest()})


def add_target(targets: Targets, path: str, content: bytes) -> None:
    targets.targets[path] = TargetFile.from_data(path, content, ["sha256"])
    file = FOLDER / "targets" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.with_name(f"{sha256(content).hexdigest()}.{file.name}").write_bytes(content)


def main() -> None:
    for name in ("metadata", "targets"):
        shutil.rmtree(FOLDER / name, ignore_errors=True)
    (FOLDER / "metadata").mkdir()
    keys = {role: make_keys(1) for role in ("targets", "snapshot", "timestamp", "rollouts")}
    root_keys = make_keys(3)

    root = Root(expires=EXPIRES)
    for role, role_keys in {**keys, "root": root_keys}.items():
        if role != "rollouts":
            for key in role_keys:
                root.add_key(key.public_key, role)
    root.roles["root"].threshold = 2
    write(root, root_keys, "1.root.json")

    # Version 2 replaces the key of the role timestamp.
    root.version = 2
    root.revoke_key(keys["timestamp"][0].public_key.keyid, "timestamp")
    keys["timestamp"] = make_keys(1)
    root.add_key(keys["timestamp"][0].public_key, "timestamp")
    write(root, root_keys[:2], "2.root.json")

    rollouts = Targets(expires=EXPIRES)
    rollout = {"schema": 1, "halted": True, "percent": 100, "version": "1.4.0"}
    add_target(rollouts, "rollouts/waste12.json", json.dumps(rollout).encode())
    targets = Targets(expires=EXPIRES)
    for name, content in BUNDLE.items():
        add_target(targets, f"waste12/1.4.0/{name}", content)
    revoked = {"name": "waste12", "version": "1.3.0", "reason": "labels swapped", "at": "2026-01-01T00:00:00Z"}
    targets.unrecognized_fields["x-sortbin"] = {"revoked": [revoked]}
    delegated = DelegatedRole("rollouts", [], 1, True, ["rollouts/*"])
    targets.delegations = Delegations({}, {"rollouts": delegated})
    targets.add_key(keys["rollouts"][0].public_key, "rollouts")
    snapshot = Snapshot(expires=EXPIRES)
    snapshot.meta["rollouts.json"] = write(rollouts, keys["rollouts"], "1.rollouts.json")
    snapshot.meta["targets.json"] = write(targets, keys["targets"], "1.targets.json")
    timestamp = Timestamp(expires=EXPIRES)
    timestamp.snapshot_meta = write(snapshot, keys["snapshot"], "1.snapshot.json")
    timestamp.unrecognized_fields["x-signed-at"] = "2026-01-01T00:00:00Z"
    write(timestamp, keys["timestamp"], "timestamp.json")


if __name__ == "__main__":
    main()
