"""Where phones come through TLS: something listens there."""

import socket
from typing import Final

from appliance.health.result import Result

KEEP_S: Final = 10.0
PORT: Final = 443
TIMEOUT_S: Final = 2.0


def check(wanted: bool, port: int = PORT) -> Result:
    """Knock at haproxy's port. Whether the certificate's dates are right only a phone with a right clock can say."""
    if not wanted:
        return Result("tls", ok=True, says="off")
    try:
        socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S).close()
    except OSError as error:
        return Result("tls", ok=False, detail=str(error))
    return Result("tls", ok=True)
