"""What tenants do: ask for their balance, and pay. A payment is one transaction."""

import json
from dataclasses import dataclass

from sqlalchemy import text


class Malformed(ValueError):
    """The request's body is not a payment."""


class CommitUnknown(Exception):
    """The commit was sent and not answered: it may have happened."""


@dataclass(frozen=True)
class Wish:
    """A payment as asked for. `attempt` is the client's own id of it; it is kept, and never used as a key."""

    attempt: str
    amount: int

    @classmethod
    def parse(cls, body):
        if not isinstance(body, dict):
            raise Malformed("expected an object with 'attempt' and 'amount'")
        attempt, amount = body.get("attempt"), body.get("amount")
        if not isinstance(attempt, str) or len(attempt) != 36:
            raise Malformed("'attempt' has to be a UUID of 36 characters")
        if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount < 1_000_000_000:
            raise Malformed("'amount' has to be a whole number above 0")
        return cls(attempt, amount)


def balance(database, tenant):
    """The tenant's accounts and their sum, or None where there is no such tenant."""
    with database.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT t.id, a.id AS account, a.kind, a.balance FROM tenants t "
                "LEFT JOIN accounts a ON a.tenant_id = t.id WHERE t.id = :tenant ORDER BY a.id"
            ),
            {"tenant": tenant},
        ).all()
    if not rows:
        return None
    accounts = [{"id": r.account, "kind": r.kind, "balance": int(r.balance)} for r in rows if r.account is not None]
    own = sum(account["balance"] for account in accounts if account["kind"] != "clearing")
    return {"tenant": tenant, "accounts": accounts, "balance": own}


def pay(database, tenant, wish):
    """Books one payment: an order, its item, both sides of the ledger, both balances, the row in `writes`.

    Returns the id in `writes`, or None where there is no such tenant. The accounts are locked in the order
    of their ids, so that two payments of one tenant wait for each other instead of for ever.
    """
    with database.connect() as connection:
        accounts = connection.execute(
            text(
                "SELECT id, kind FROM accounts WHERE tenant_id = :tenant "
                "AND kind IN ('main', 'clearing') ORDER BY id FOR UPDATE"
            ),
            {"tenant": tenant},
        ).all()
        by_kind = {account.kind: account.id for account in accounts}
        if len(by_kind) != 2:
            return None
        main, clearing = by_kind["main"], by_kind["clearing"]
        order = connection.execute(
            text(
                "INSERT INTO orders (tenant_id, account_id, state, amount, note, detail) "
                "VALUES (:tenant, :account, 'paid', :amount, 'payment', :detail)"
            ),
            {"tenant": tenant, "account": main, "amount": wish.amount, "detail": json.dumps({"attempt": wish.attempt})},
        ).lastrowid
        connection.execute(
            text("INSERT INTO order_items (order_id, line, sku, quantity, price) VALUES (:order, 1, 'credit', 1, :amount)"),
            {"order": order, "amount": wish.amount},
        )
        entry = text(
            "INSERT INTO ledger (order_id, account_id, side, amount) VALUES (:order, :account, :side, :amount)"
        )
        change = text("UPDATE accounts SET balance = balance + :change WHERE id = :account")
        for account, side, signed in ((clearing, "debit", -wish.amount), (main, "credit", wish.amount)):
            connection.execute(entry, {"order": order, "account": account, "side": side, "amount": wish.amount})
            connection.execute(change, {"change": signed, "account": account})
        written = connection.execute(
            text(
                "INSERT INTO writes (attempt, tenant_id, account_id, amount) "
                "VALUES (:attempt, :tenant, :account, :amount)"
            ),
            {"attempt": wish.attempt, "tenant": tenant, "account": main, "amount": wish.amount},
        ).lastrowid
        try:
            connection.commit()
        except Exception as error:
            # An answer of the server's (read-only, a lock) is a refusal; no answer is not known.
            code = getattr(getattr(error, "orig", None), "args", [None])[0]
            if code in (2006, 2013, 0, None):
                raise CommitUnknown(str(error)) from error
            raise
        return written
