"""The background job: every few seconds it closes the books so far, and writes down that it did."""

import json
import logging
import os
import threading
import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shop.database import Database

log = logging.getLogger("shop.jobs")

EVERY_SECONDS = float(os.environ.get("JOBS_EVERY", "3"))


def start():
    """Runs the job in a thread that ends with the process."""
    threading.Thread(target=run, args=(Database.from_environment(),), name="jobs", daemon=True).start()


def run(database):
    while True:
        try:
            close_books(database)
        except SQLAlchemyError as error:
            # The next round tries again: a job that was refused is late, not lost.
            log.warning("closing the books: %s", str(error).splitlines()[0][:200])
        time.sleep(EVERY_SECONDS)


def close_books(database):
    """One round. The lock keeps it to one process of all that serve the same database."""
    with database.connect() as connection:
        if connection.execute(text("SELECT GET_LOCK('shop:jobs', 0)")).scalar() != 1:
            return
        try:
            last = connection.execute(text("SELECT COALESCE(MAX(upto), 0) FROM jobs WHERE kind = 'close'")).scalar()
            upto, entries, total = connection.execute(
                text(
                    "SELECT COALESCE(MAX(id), :last), COUNT(*), "
                    "COALESCE(SUM(IF(side = 'credit', amount, -amount)), 0) FROM ledger WHERE id > :last"
                ),
                {"last": last},
            ).one()
            connection.execute(
                text("INSERT INTO jobs (kind, upto, result) VALUES ('close', :upto, :result)"),
                {"upto": upto, "result": json.dumps({"entries": int(entries), "imbalance": str(total)})},
            )
            connection.commit()
        finally:
            connection.rollback()
            connection.execute(text("SELECT RELEASE_LOCK('shop:jobs')"))
