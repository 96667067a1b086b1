"""Files that only the holder of the recovery key can read, and that nobody can change, cut or exchange unnoticed.

A sealed file is :data:`MAGIC`, which is the format's version, 16 random bytes, and then chunks of 64 KiB, each sealed
by ChaCha20-Poly1305: a Raspberry Pi 4 has no instructions for AES. Each file has a key of its own, HKDF-SHA256 of the
recovery key, the random bytes and the file's name; a chunk's nonce is its number and whether it is the last. So neither
a chunk nor a file can be put in another's place (RFC 5869, RFC 8439, and the STREAM construction of Hoang et al. 2015).
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from appliance.errors import BackupDamaged, RecoveryKeyInvalid, RecoveryKeyMissing

MAGIC: Final = b"dermkiosk sealed 1\n"
SALT_BYTES: Final = 16
KEY_BYTES: Final = 32
CHUNK_BYTES: Final = 64 * 2**10
TAG_BYTES: Final = 16
KEY_CHARACTERS: Final = 28
"""Of 31 different ones: 138 bits, so no passphrase is stretched."""
KEY_PATTERN: Final = rf"[a-hjkmnp-z2-9]{{{KEY_CHARACTERS}}}"
"""As systemd/first-boot makes it: no i, l, o, 0 and 1, which are easily taken for something else."""


class Source(Protocol):
    """What can be read piece by piece."""

    def read(self, size: int, /) -> bytes:
        """``size`` bytes; fewer only at the end."""


class RecoveryKey:
    """What the recovery card says."""

    def __init__(self, text: str) -> None:
        """As it was typed: capitals, spaces and dashes do not matter. Raises :class:`RecoveryKeyInvalid`."""
        characters = re.sub(r"[\s-]", "", text).lower()
        if not re.fullmatch(KEY_PATTERN, characters):
            raise RecoveryKeyInvalid(f"{len(characters)} characters", count=KEY_CHARACTERS)
        self._secret = characters.encode()

    @classmethod
    def read(cls, path: Path) -> "RecoveryKey":
        """From the file that the box was given at its first start. Raises :class:`RecoveryKeyMissing`."""
        try:
            return cls(path.read_text(encoding="ascii"))
        except (OSError, UnicodeDecodeError) as error:
            raise RecoveryKeyMissing(str(error), path=path) from error

    def __str__(self) -> str:
        """In groups of four, to be written down."""
        text = self._secret.decode()
        return "-".join(text[at : at + 4] for at in range(0, len(text), 4))

    def mark(self) -> str:
        """Eight characters that tell this key's backups from another box's; they say nothing about the key."""
        return self.derive(b"", b"mark")[:4].hex()

    def derive(self, salt: bytes, purpose: bytes) -> bytes:
        """A key for one purpose, 32 bytes."""
        return HKDF(SHA256(), KEY_BYTES, salt, MAGIC + purpose).derive(self._secret)


def seal(key: RecoveryKey, name: str, source: Source, target: BinaryIO) -> str:
    """Write ``source`` sealed into ``target``; gives the SHA-256 of what was sealed. Raises ``OSError``."""
    salt, digest = os.urandom(SALT_BYTES), hashlib.sha256()
    cipher = ChaCha20Poly1305(key.derive(salt, name.encode()))
    target.write(MAGIC + salt)
    for number, chunk, last in _chunks(source, CHUNK_BYTES):
        digest.update(chunk)
        target.write(cipher.encrypt(_nonce(number, last), chunk, None))
    return digest.hexdigest()


def unsealed(key: RecoveryKey, name: str, source: Source) -> Iterator[bytes]:
    """The chunks of what was sealed under ``name``, each proved before it is given.

    Raises :class:`BackupDamaged` where a bit is wrong or the end is missing, or where key or name are others.
    """
    head = source.read(len(MAGIC) + SALT_BYTES)
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + SALT_BYTES:
        raise BackupDamaged(f"{name} is no sealed file", name=name)
    cipher = ChaCha20Poly1305(key.derive(head[len(MAGIC) :], name.encode()))
    for number, chunk, last in _chunks(source, CHUNK_BYTES + TAG_BYTES):
        try:
            yield cipher.decrypt(_nonce(number, last), chunk, None)
        except InvalidTag as wrong:
            raise BackupDamaged(f"{name}, chunk {number}", name=name) from wrong


def _chunks(source: Source, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Number, content, and whether it is the last; there is always one."""
    number, chunk = 0, source.read(size)
    while following := source.read(size):
        yield number, chunk, False
        number, chunk = number + 1, following
    yield number, chunk, True


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
