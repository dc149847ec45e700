"""Signs bundles: a private key in a file of its own, and signature.json made with it. docs/security.md says why."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from contract import ContractError
from contract.bundle_files import CHECKSUM_FILE, SIGNATURE_FILE, read_bytes, sync_folder
from contract.signature import signature_json

_NO_LIBRARY = "signing needs the package cryptography, which is not installed; pip install 'wildrobot[sign]'"


class KeyFileError(ContractError):
    """A key file cannot be used: one sentence."""


def new_key(path: Path) -> str:
    """Write a new private key, for its owner's eyes only; a file that is there stays as it is.

    Returns:
        The public key as base64 text, for `bundles.trusted_keys` of robotd.yaml.

    Raises:
        KeyFileError: there is a file already, or it cannot be written.
    """
    ed25519, serialization = _library()
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise KeyFileError(f"{path}: {problem.strerror}, expected a new file; choose another name") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return public_text(path)


def public_text(path: Path) -> str:
    """The public key of a private key's file, as base64 text. Raises KeyFileError."""
    return base64.b64encode(_public_bytes(_load(path))).decode()


def signer(path: Path) -> Callable[[bytes], bytes]:
    """What makes signature.json from checksums.json, for `contract.save_bundle`. Raises KeyFileError."""
    key = _load(path)
    public = _public_bytes(key)
    return lambda checksums: signature_json(public, key.sign, checksums)


def sign_bundle(bundle: Path, key_file: Path) -> None:
    """Sign a bundle that lies on the disk; signature.json is at all times the old one or the new one, whole.

    Raises:
        KeyFileError: the key cannot be used, or the bundle's folder cannot be written.
    """
    content = signer(key_file)(read_bytes(bundle / CHECKSUM_FILE))
    draft = bundle.resolve().parent / f".{bundle.resolve().name}.{SIGNATURE_FILE}"  # inside, it would be a stray file
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        draft.replace(bundle / SIGNATURE_FILE)
        sync_folder(bundle)
    except OSError as problem:
        raise KeyFileError(f"{bundle}: {problem.strerror}, expected a folder that can be written") from None


def _load(path: Path) -> Any:
    ed25519, serialization = _library()
    cure = "make one with `trainer keygen`"
    try:
        content, mode = path.read_bytes(), path.stat().st_mode
    except OSError as problem:
        raise KeyFileError(f"{path}: {problem.strerror}, expected a private key; {cure}") from None
    if mode & 0o077:
        raise KeyFileError(f"{path}: others may read this private key, expected mode 600; chmod 600 it")
    try:
        key = serialization.load_pem_private_key(content, password=None)
    except (ValueError, TypeError):  # no key; TypeError: one under a passphrase
        raise KeyFileError(f"{path}: cannot be read, expected an ed25519 key in PEM, no passphrase; {cure}") from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise KeyFileError(f"{path}: found a key of another kind, expected ed25519; {cure}")
    return key


def _public_bytes(key: Any) -> bytes:
    _, serialization = _library()
    raw: bytes = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return raw


def _library() -> tuple[Any, Any]:
    """Loaded when somebody signs. Raises KeyFileError."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise KeyFileError(_NO_LIBRARY) from None
    return ed25519, serialization
