"""Every change of a balance: one conditional update, one entry that explains it, in the caller's transaction."""

from django.db import IntegrityError, connection, transaction
from uuid_utils.compat import uuid7

from accounts import audit
from accounts.models import User
from messagehub import bus
from tokens.models import TokenAccount, TokenEntry

# Never read-then-write: the condition stands in the update itself, so fifty at once can't spend ten twice.
MOVE = """
WITH moved AS (
    UPDATE user_tokens SET balance = balance + %(amount)s
    WHERE user_id = %(user_id)s AND balance + %(amount)s >= 0
    RETURNING id, organization_id, balance
)
INSERT INTO token_entries (organization_id, account_id, kind, amount, balance_after, reference, actor_id, reason)
SELECT organization_id, id, %(kind)s, %(amount)s, balance, %(reference)s, %(actor_id)s, %(reason)s FROM moved
RETURNING id, balance_after
"""


class InsufficientTokens(Exception):
    """The balance does not cover it. Nothing was changed."""

    def __init__(self, needed: int):
        self.needed = needed
        super().__init__(
            f"This needs {needed} token{'' if needed == 1 else 's'} and your balance does not cover it. "
            "Ask an admin of your organization to grant you some."
        )


class NoAccount(Exception):
    """Admins send without tokens, so they have no balance that could be changed."""

    def __init__(self) -> None:
        super().__init__("Admins send without tokens: there is no balance to change.")


def open_account(user: User) -> TokenAccount:
    """The agent's account, made with a balance of nothing if there is none yet. Raises NoAccount for an admin."""
    if user.is_admin or user.organization_id is None:
        raise NoAccount
    account, _ = TokenAccount.objects.get_or_create(user=user, defaults={"organization_id": user.organization_id})
    return account


def debit(user: User, amount: int, *, reference: str) -> int:
    """Take tokens for something; returns the balance left. Raises InsufficientTokens and then changes nothing."""
    moved = _move(user.pk, TokenEntry.Kind.DEBIT, -amount, reference=reference, actor=user)
    if moved is None:
        raise InsufficientTokens(amount)
    return moved[1]


def refund(user_id, amount: int, *, reference: str, reason: str) -> int | None:
    """Give tokens back, once per reference; None when that was done already."""
    try:
        with transaction.atomic():
            moved = _move(user_id, TokenEntry.Kind.REFUND, amount, reference=reference, reason=reason)
    except IntegrityError:
        return None
    return moved[1] if moved else None


def adjust(user: User, delta: int, *, actor: User, reason: str):
    """Grant (above nothing) or take back (below it). Returns (entry id, balance); raises InsufficientTokens."""
    open_account(user)
    kind = TokenEntry.Kind.GRANT if delta > 0 else TokenEntry.Kind.ADJUST
    moved = _move(user.pk, kind, delta, reference=f"{kind}:{uuid7()}", actor=actor, reason=reason)
    if moved is None:
        raise InsufficientTokens(-delta)
    after = {"delta": delta, "balance": moved[1], "reason": reason}
    audit.record("tokens.grant" if delta > 0 else "tokens.take_back", actor=actor, target=user, after=after)
    return moved


def set_balance(user: User, balance: int, *, actor: User, reason: str):
    """Write down the difference to this balance. Returns (entry id, balance); the id is None without a difference."""
    account = open_account(user)
    held = TokenAccount.objects.select_for_update(no_key=True).get(pk=account.pk)  # until the entry is written
    if held.balance == balance:
        return None, balance
    return adjust(user, balance - held.balance, actor=actor, reason=reason)


def balance(user: User) -> int | None:
    """Tokens left; None for admins, who need none."""
    if user.is_admin:
        return None
    return TokenAccount.objects.filter(user=user).values_list("balance", flat=True).first() or 0


def _move(user_id, kind: str, amount: int, *, reference: str, actor: User | None = None, reason: str = ""):
    with connection.cursor() as cursor:
        cursor.execute(
            MOVE,
            {
                "user_id": user_id,
                "kind": str(kind),
                "amount": amount,
                "reference": reference,
                "actor_id": actor.pk if actor else None,
                "reason": reason,
            },
        )
        moved = cursor.fetchone()
    if moved:
        bus.tell(user_id, {"type": "balance.updated", "balance": moved[1]})
    return moved
