"""TLS Secrets: checked, and laid down as files that NGINX reads."""

import base64
import binascii
import hashlib
import os
import ssl

DIRECTORY = "/etc/nginx/secrets"


class Unusable(Exception):
    """The Secret cannot serve; the text says why."""


def lay_down(secret, where=DIRECTORY):
    """Writes certificate and key into one file (mode 0600) and returns its path. The path carries a hash of
    the content, so that a renewed certificate changes the configuration. Raises `Unusable`."""
    metadata = secret["metadata"]
    if secret.get("type") != "kubernetes.io/tls":
        raise Unusable(f"is of type {secret.get('type')}, must be kubernetes.io/tls")
    try:
        certificate, key = (base64.b64decode(secret["data"][name], validate=True) for name in ("tls.crt", "tls.key"))
    except (KeyError, TypeError, binascii.Error):
        raise Unusable("must have tls.crt and tls.key") from None
    content = certificate.rstrip(b"\n") + b"\n" + key
    mark = hashlib.sha256(content).hexdigest()[:16]
    path = os.path.join(where, f"{metadata['namespace']}-{metadata['name']}-{mark}.pem")
    if os.path.exists(path):
        return path
    # Tried under another name first: a file of the final name is always a usable one.
    trial = path + ".new"
    descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(trial)
    except (ssl.SSLError, OSError) as why:
        os.unlink(trial)
        raise Unusable(f"certificate and key do not serve: {why}") from None
    os.replace(trial, path)
    return path
