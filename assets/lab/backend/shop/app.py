"""The HTTP side: which request does what, and the header that says which build answered."""

import logging
import os

import falcon
from sqlalchemy.exc import SQLAlchemyError

from shop import payments
from shop.database import Database

log = logging.getLogger("shop")


class Build:
    """Every answer, an error too, says which build gave it."""

    def __init__(self, build):
        self.build = build

    def process_response(self, req, resp, resource, req_succeeded):
        resp.set_header("X-App-Build", self.build)


class Health:
    """The process runs."""

    def on_get(self, req, resp):
        resp.media = {"status": "alive"}


class Ready:
    """The database answers and has the tables."""

    def __init__(self, database):
        self.database = database

    def on_get(self, req, resp):
        self.database.check()
        resp.media = {"status": "ready"}


class Balance:
    def __init__(self, database):
        self.database = database

    def on_get(self, req, resp, tenant):
        found = payments.balance(self.database, tenant)
        if found is None:
            raise falcon.HTTPNotFound(title="unknown tenant")
        resp.media = found


class Payments:
    def __init__(self, database):
        self.database = database

    def on_post(self, req, resp, tenant):
        wish = payments.Wish.parse(req.get_media())
        made = payments.pay(self.database, tenant, wish)
        if made is None:
            raise falcon.HTTPNotFound(title="unknown tenant")
        resp.status = falcon.HTTP_201
        resp.media = {"attempt": wish.attempt, "id": made}


def refused(req, resp, error, params):
    """Any fault of the database: not done, or (a commit without an answer) not known. Never acknowledged."""
    log.warning("%s %s: %s", req.method, req.path, str(error).splitlines()[0][:200])
    unknown = isinstance(error, payments.CommitUnknown)
    resp.status = falcon.HTTP_503
    resp.set_header("Retry-After", "1")
    resp.media = {"error": "the database refused", "outcome": "unknown" if unknown else "refused"}


def malformed(req, resp, error, params):
    resp.status = falcon.HTTP_400
    resp.media = {"error": str(error)}


def create():
    """The WSGI application; needs DATABASE_URL, takes APP_BUILD."""
    database = Database.from_environment()
    app = falcon.App(middleware=[Build(os.environ.get("APP_BUILD", "unknown"))])
    app.add_error_handler(SQLAlchemyError, refused)
    app.add_error_handler(payments.CommitUnknown, refused)
    app.add_error_handler(payments.Malformed, malformed)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Ready(database))
    app.add_route("/t/{tenant:int}/balance", Balance(database))
    app.add_route("/t/{tenant:int}/payments", Payments(database))
    return app
