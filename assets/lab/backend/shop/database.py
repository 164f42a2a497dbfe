"""The pool of connections. Each has a default schema, as an application's usually have."""

import os
import ssl
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL

TABLES = ("tenants", "accounts", "orders", "order_items", "ledger", "jobs", "writes")


class Database:
    """An engine with a pool, made from `mysql://user:password@host:port/schema?ssl=off|required|/ca.pem`."""

    def __init__(self, url):
        parts = urlsplit(url)
        arguments = {
            "connect_timeout": 2,
            "read_timeout": 8,
            "write_timeout": 8,
            "init_command": "SET SESSION innodb_lock_wait_timeout=3, lock_wait_timeout=3, time_zone='+00:00'",
        }
        context = tls(parse_qs(parts.query).get("ssl", ["off"])[0])
        if context is not None:
            arguments["ssl"] = context
        self.engine = create_engine(
            URL.create(
                "mysql+pymysql",
                username=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                host=parts.hostname,
                port=parts.port or 3306,
                database=parts.path.lstrip("/"),
                query={"charset": "utf8mb4"},
            ),
            connect_args=arguments,
            pool_size=int(os.environ.get("POOL", "8")),
            max_overflow=0,
            pool_timeout=2,
            # A session that was ended on the server is replaced before it is used, not after it has failed.
            pool_pre_ping=True,
            isolation_level="READ COMMITTED",
        )

    @classmethod
    def from_environment(cls):
        url = os.environ.get("DATABASE_URL")
        if not url:
            raise SystemExit("DATABASE_URL is not set: mysql://user:password@host:3306/shop?ssl=required")
        return cls(url)

    def begin(self):
        """A connection out of the pool, in a transaction that its block's end commits."""
        return self.engine.begin()

    def connect(self):
        return self.engine.connect()

    def check(self):
        """Raises unless every table can be read."""
        with self.connect() as connection:
            for table in TABLES:
                connection.execute(text(f"SELECT 1 FROM {table} LIMIT 1"))


def tls(wanted):
    """`off` or nothing: no TLS; `required`: TLS to whoever answers; a path: a certificate signed by that authority."""
    if wanted in ("", "off"):
        return None
    context = ssl.create_default_context(cafile=None if wanted == "required" else wanted)
    context.check_hostname = False
    if wanted == "required":
        context.verify_mode = ssl.CERT_NONE
    return context
