"""What every answer tells the browser to refuse."""

from typing import Final

from flask import Response, request

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # blob: the live view, and the photo a phone is about to send
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def protect(response: Response) -> Response:
    """After each request. Only style sheets and scripts may be kept by the browser, and are asked for again."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    # No address, which may be a secret link, leaves the box. "no-referrer" would, too, make our own forms send "null".
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache" if request.endpoint == "static" else "no-store"
    return response


def keep_in_tls(response: Response) -> Response:
    """After everything else that sets cookies: what came through TLS never goes without."""
    if request.is_secure and response.headers.getlist("Set-Cookie"):
        cookies = [f"{each}; Secure" for each in response.headers.getlist("Set-Cookie")]
        response.headers.setlist("Set-Cookie", cookies)
    return response
