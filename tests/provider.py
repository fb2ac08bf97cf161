"""An identity provider on this machine: its keys, its tokens, and a real HTTP server for its JWKS document."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER = "https://login.example/"
AUDIENCE = "https://forum.example"

#: Tokens of parametrized tests are made when the tests are collected, and a whole run takes a while.
LASTING_SECONDS = 6 * 3600

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def algorithm_of(key: Key) -> str:
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"


def jwk(key: Key, kid: str | None, **more: Any) -> dict[str, Any]:
    algorithm: Any = jwt.get_algorithm_by_name(algorithm_of(key))
    named = {} if kid is None else {"kid": kid}
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), **named, "use": "sig", **more}


def public_pem(key: Key) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip


class Provider:
    """Signs tokens, and answers with its keys."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {"first": rsa_key()}
        self.asked = 0
        self.broken = False
        self.url = ""

    @property
    def document(self) -> dict[str, Any]:
        return {"keys": [jwk(key, kid) for kid, key in self.keys.items()]}

    def token(self, kid: str = "first", **claims: Any) -> str:
        key = self.keys[kid]
        payload = {
            "sub": "auth0|7",
            "exp": time.time() + LASTING_SECONDS,
            "iat": time.time(),
            "iss": ISSUER,
            "aud": AUDIENCE,
            "email_verified": True,
        }
        return jwt.encode(payload | claims, key, algorithm=algorithm_of(key), headers={"kid": kid})


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider whose server answers at `url`."""
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            body = json.dumps(made.document).encode()
            self.send_response(503 if made.broken else 200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        server.shutdown()
        thread.join()
