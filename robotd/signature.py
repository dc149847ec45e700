"""Whose bundle this is: an ed25519 signature over its checksums, and the keys that this robot trusts.

The checksums are verified afterwards, when the bundle is loaded, so that nothing is parsed that nobody vouches for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

from contract import BundleError
from contract.bundle_files import CHECKSUM_FILE, SIGNATURE_FILE, read_bytes
from contract.signature import Signature, read_signature, signed_message
from robotd.config import BundlesConfig

_NO_LIBRARY = "bundles.require_signature needs the package cryptography; pip install 'wildrobot[sign]'"


class SignatureError(ValueError):
    """A bundle that this robot does not take: one sentence with the file, what was found, and the cure."""


def require_signature(bundle: Path, policy: BundlesConfig, allow_unverified: bool = False) -> None:
    """Refuse a bundle that no trusted key has signed, where robotd.yaml asks for signatures.

    Raises:
        SignatureError: no signature, one that does not fit the checksums, or one of a stranger.
    """
    if not policy.require_signature:
        return
    if allow_unverified:
        raise SignatureError(
            "--allow-unverified: robotd.yaml has bundles.require_signature, and a signature vouches only for files "
            "whose checksums fit; leave one of the two out"
        )
    signer_of(bundle, policy.trusted_keys)


def signer_of(bundle: Path, trusted_keys: Mapping[str, str]) -> str:
    """The name of the trusted key that signed this bundle's checksums.

    Args:
        bundle: its folder.
        trusted_keys: public keys as base64 text, by name.

    Raises:
        SignatureError: see `require_signature`.
    """
    file = bundle / SIGNATURE_FILE
    try:
        signature = read_signature(bundle)
        if signature is None:
            raise SignatureError(f"{file}: missing, expected the signature of a trusted key; `trainer sign` makes one")
        name = next((name for name, key in trusted_keys.items() if key == signature.key), None)
        if name is None:
            known = ", ".join(trusted_keys) or "none"
            raise SignatureError(f"{file}: signed by {signature.key}, expected a trusted key (known: {known})")
        checksums = read_bytes(bundle / CHECKSUM_FILE)
    except BundleError as problem:
        raise SignatureError(str(problem)) from None
    if not _fits(signature, checksums):
        raise SignatureError(
            f"{file}: does not fit {CHECKSUM_FILE}, expected what {name} signed; take the bundle as it was signed"
        )
    return name


def _fits(signature: Signature, checksums: bytes) -> bool:
    """Raises SignatureError: the library is missing."""
    try:  # loaded only where signatures are asked for
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise SignatureError(_NO_LIBRARY) from None
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature.key))
        key.verify(signature.raw, signed_message(checksums))
    except (InvalidSignature, ValueError):  # ValueError: these bytes are no key
        return False
    return True
