"""signature.json of a bundle: who vouches for its checksums, and so for every file. Data only: the rooms bring the
cryptography (ed25519), as they bring the function that opens the network."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import schema
from .bundle_files import SIGNATURE_FILE, read_json
from .errors import BundleError

KEY_BYTES, SIGNATURE_BYTES = 32, 64
_PURPOSE = b"WildRobot bundle, checksums.json:\n"
_MAX_FILE_BYTES = 4096


@dataclass(frozen=True)
class Signature:
    """key: the public one, 32 bytes as base64 text; signature: 64 bytes as base64 text, of `signed_message`."""

    algorithm: str
    key: str
    signature: str

    @property
    def raw(self) -> bytes:
        """The signature's 64 bytes."""
        return base64.b64decode(self.signature)


def signed_message(checksums: bytes) -> bytes:
    """The bytes that are signed: a signature of a bundle is of no use for anything else."""
    return _PURPOSE + checksums


def signature_json(public_key: bytes, sign: Callable[[bytes], bytes], checksums: bytes) -> bytes:
    """The content of signature.json for the content of checksums.json. `sign` is of the key that `public_key` fits."""
    signature = sign(signed_message(checksums))
    plain = {
        "algorithm": "ed25519",
        "key": base64.b64encode(public_key).decode(),
        "signature": base64.b64encode(signature).decode(),
    }
    return (json.dumps(plain, indent=2) + "\n").encode()


def read_signature(bundle: Path) -> Signature | None:
    """The signature in a bundle's folder, well formed but not yet verified; None where there is none.

    Raises:
        BundleError: signature.json is not one.
    """
    file = bundle / SIGNATURE_FILE
    if not file.is_file():
        return None
    if file.stat().st_size > _MAX_FILE_BYTES:
        raise BundleError(f"{file}: has {file.stat().st_size} bytes, expected at most {_MAX_FILE_BYTES}; sign it again")
    found = schema.read(Signature, read_json(file), str(file), BundleError)
    if found.algorithm != "ed25519":
        raise BundleError(f"{file}: algorithm: found {found.algorithm!r}, expected 'ed25519'; sign it again")
    for key, size in (("key", KEY_BYTES), ("signature", SIGNATURE_BYTES)):
        if not is_base64(getattr(found, key), size):
            raise BundleError(f"{file}: {key}: expected {size} bytes as base64; sign it again")
    return found


def is_base64(text: str, size: int) -> bool:
    """Whether a text stands for so many bytes, in the one way that there is to write them."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == size and base64.b64encode(raw).decode() == text
