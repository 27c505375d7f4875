"""Every change of a balance: one conditional update, one entry that explains it, in the caller's transaction."""

from collections.abc import Sequence

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _
from uuid_utils.compat import uuid7

from accounts import audit, tasks
from accounts.models import User
from messagehub import bus
from tokens.models import TokenAccount, TokenEntry

Kind = TokenEntry.Kind
# Never read-then-write: the condition stands in the update itself, so fifty at once can't spend ten twice.
MOVE = """
WITH moved AS (
    UPDATE user_tokens SET balance = balance + %(amount)s, reserved = reserved + %(reserved)s
    WHERE user_id = %(user_id)s AND balance + %(amount)s >= 0 AND reserved + %(reserved)s >= 0
    RETURNING id, organization_id, balance
)
INSERT INTO token_entries (organization_id, account_id, kind, amount, balance_after, reference, actor_id, reason,
                           idempotency_key)
SELECT organization_id, id, %(kind)s, %(amount)s, balance, %(reference)s, %(actor_id)s, %(reason)s, %(key)s FROM moved
RETURNING id, balance_after
"""

# Many entries of one account in their order, each with the balance that it leaves.
MOVE_EACH = """
WITH moved AS (
    UPDATE user_tokens SET balance = balance + %(total)s, reserved = reserved + %(reserved)s
    WHERE user_id = %(user_id)s AND balance + %(total)s >= 0 AND reserved + %(reserved)s >= 0
    RETURNING id, organization_id, balance
)
INSERT INTO token_entries (organization_id, account_id, kind, amount, balance_after, reference, actor_id, reason)
SELECT organization_id, moved.id, e.kind, e.amount,
       balance - %(total)s + sum(e.amount) OVER (ORDER BY e.place), e.reference,
       CASE WHEN e.kind = 'debit' THEN %(user_id)s::uuid END, %(reason)s
FROM moved, unnest(%(kinds)s::text[], %(amounts)s::bigint[], %(references)s::text[])
    WITH ORDINALITY AS e (kind, amount, reference, place)
ORDER BY e.place
RETURNING balance_after
"""

LOCK_KEY = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"


class InsufficientTokens(Exception):
    """The balance does not cover it. Nothing was changed. `words` are what it means and what to do."""

    def __init__(self, needed: int):
        self.needed = needed
        self.words = _("Not enough tokens ({n} needed).").format(n=needed), _("Ask an admin to top you up.")
        super().__init__(" ".join(self.words))


class NoAccount(Exception):
    """Admins send without tokens, so they have no balance that could be changed."""

    def __init__(self) -> None:
        super().__init__(_("Admins send for free and have no balance to change."))


class KeyUsed(Exception):
    """The idempotency key belongs to another change."""

    def __init__(self) -> None:
        super().__init__(
            _("This Idempotency-Key was already used for a different request. Use a new key for each request.")
        )


def open_account(user: User) -> TokenAccount:
    """The agent's account, made with a balance of nothing if there is none yet. Raises NoAccount for an admin."""
    if user.is_admin or user.organization_id is None:
        raise NoAccount
    account, _created = TokenAccount.objects.get_or_create(
        user=user, defaults={"organization_id": user.organization_id}
    )
    return account


def debit(user: User, amount: int, *, reference: str) -> int:
    """Take tokens for something; returns the balance left. Raises InsufficientTokens and then changes nothing."""
    moved = _move(user.pk, Kind.DEBIT, -amount, reference=reference, actor=user)
    if moved is None:
        raise InsufficientTokens(amount)
    _tell_if_low(user, moved[1], amount)
    return moved[1]


def refund(user_id, amount: int, *, reference: str, reason: str) -> int | None:
    """Give tokens back, once per reference; None when that was done already."""
    try:
        with transaction.atomic():
            moved = _move(user_id, Kind.REFUND, amount, reference=reference, reason=reason)
    except IntegrityError:
        return None
    return moved[1] if moved else None


def refund_each(user_id, refunds: Sequence[tuple[str, int]], *, reason: str) -> None:
    """Give the tokens of many things back in one step, as (reference, amount). The caller knows that none has been."""
    _move_each(user_id, [(Kind.REFUND, amount, reference) for reference, amount in refunds], reason=reason)


def reserve(user: User, wanted: int, *, step: int, purpose: str, reason: str = "", present: int = 0) -> int:
    """Set tokens aside for something that is to be paid later: what is wanted, or as many whole steps as there are.

    A step may begin with what is `present`, set aside for it before. Returns how many tokens are added. Raises
    InsufficientTokens where they do not come to another step. They can't be spent otherwise; `spend` pays out of them,
    and what is left comes back by `release` for the same purpose.
    """
    account = TokenAccount.objects.select_for_update(no_key=True).filter(user=user).first()  # until it is written down
    balance = account.balance if account else 0
    amount = min(wanted, (present + balance) // step * step - present)
    if amount <= 0:
        raise InsufficientTokens(step)
    reference = f"{purpose}/{uuid7().hex}"
    moved = _move(user.pk, Kind.RESERVE, -amount, reserved=amount, reference=reference, actor=user, reason=reason)
    if moved is None:
        raise InsufficientTokens(step)
    _tell_if_low(user, moved[1], amount)
    return amount


def spend(user_id, price: int, references: Sequence[str], *, purpose: str) -> None:
    """Pay for each of these out of what was set aside for the purpose: one release, and a debit for each.

    The caller holds what says how much is left of it. Raises InsufficientTokens where that is less.
    """
    release = (Kind.RELEASE, price * len(references), f"{purpose}/{uuid7().hex}")
    debits = [(Kind.DEBIT, -price, reference) for reference in references]
    if not _move_each(user_id, [release, *debits], reserved=-release[1]):
        raise InsufficientTokens(release[1])


def release(user_id, amount: int, *, purpose: str, reason: str = "") -> None:
    """Give back what was set aside for the purpose and not spent. The caller holds what says how much that is."""
    reference = f"{purpose}/{uuid7().hex}"
    if _move(user_id, Kind.RELEASE, amount, reserved=-amount, reference=reference, reason=reason) is None:
        raise InsufficientTokens(amount)


def adjust(user: User, delta: int, *, actor: User, reason: str, idempotency_key: str = ""):
    """Grant (above nothing) or take back (below it). Returns (entry id, balance after it).

    The same key changes nothing twice: it answers as the first time. Raises InsufficientTokens, NoAccount and KeyUsed.
    """
    account = open_account(user)
    if before := _made_by(idempotency_key, account, actor):
        if (before.amount, before.reason) != (delta, reason):
            raise KeyUsed
        return before.pk, before.balance_after
    kind = Kind.GRANT if delta > 0 else Kind.ADJUST
    reference = f"{kind}:{uuid7()}"
    moved = _move(user.pk, kind, delta, reference=reference, actor=actor, reason=reason, key=idempotency_key or None)
    if moved is None:
        raise InsufficientTokens(-delta)
    after = {"delta": delta, "balance": moved[1], "reason": reason}
    if delta:
        audit.record_action("tokens.grant" if delta > 0 else "tokens.take_back", actor=actor, target=user, after=after)
    return moved


def set_balance(user: User, balance: int, *, actor: User, reason: str, idempotency_key: str = ""):
    """Write down the difference to this balance. Returns (entry id, balance); the id is None if none was needed.

    The same key changes nothing twice, whatever was spent meanwhile. Raises NoAccount and KeyUsed.
    """
    account = open_account(user)
    if before := _made_by(idempotency_key, account, actor):
        if (before.balance_after, before.reason) != (balance, reason):
            raise KeyUsed
        return before.pk, balance
    held = TokenAccount.objects.select_for_update(no_key=True).get(pk=account.pk)  # until the entry is written
    if held.balance == balance and not idempotency_key:
        return None, balance
    return adjust(user, balance - held.balance, actor=actor, reason=reason, idempotency_key=idempotency_key)


def _made_by(key: str, account: TokenAccount, actor: User) -> TokenEntry | None:
    """The entry of this account that the actor made with this key. Raises KeyUsed where it made another one."""
    if not key:
        return None
    with connection.cursor() as cursor:  # whoever uses the key just now is waited for, whichever account they change
        cursor.execute(LOCK_KEY, [f"{account.organization_id} {key}"])
    colleagues = TokenAccount.objects.filter(organization_id=account.organization_id)
    made = TokenEntry.objects.filter(account__in=colleagues, idempotency_key=key)
    for entry in made:
        if (entry.account_id == account.pk) != (entry.actor_id == actor.pk):
            raise KeyUsed
    return next((entry for entry in made if entry.account_id == account.pk), None)


def balance(user: User) -> int | None:
    """Tokens left; None for admins, who need none."""
    if user.is_admin:
        return None
    return TokenAccount.objects.filter(user=user).values_list("balance", flat=True).first() or 0


def _tell_if_low(user: User, left: int, taken: int) -> None:
    """Tell the admins by mail when this step took the balance below the organization's limit."""
    limit = user.organization.low_balance_limit if user.organization else 0
    if left < limit <= left + taken:
        tasks.mail_admins.defer(
            organization_id=str(user.organization_id),
            template="tokens/mail/low_balance.txt",
            path="/admin/tokens/tokenaccount/",
            context={"person": user.name, "balance": left, "limit": limit},
        )


def _move_each(user_id, moves: Sequence[tuple[str, int, str]], *, reserved: int = 0, reason: str = "") -> bool:
    """Each as (kind, amount, reference). Whether the account had what they take; otherwise nothing has changed."""
    kinds, amounts, references = (list(column) for column in zip(*moves, strict=True))
    total = sum(amounts)
    with connection.cursor() as cursor:
        cursor.execute(
            MOVE_EACH,
            {
                "user_id": user_id,
                "kinds": [str(kind) for kind in kinds],
                "amounts": amounts,
                "references": references,
                "total": total,
                "reserved": reserved,
                "reason": reason,
            },
        )
        written = cursor.fetchall()
    if written and total:
        bus.tell(user_id, {"type": "balance.updated", "balance": written[-1][0]})
    return bool(written)


def _move(
    user_id,
    kind: str,
    amount: int,
    *,
    reference: str,
    reserved: int = 0,
    actor: User | None = None,
    reason: str = "",
    key: str | None = None,
):
    with connection.cursor() as cursor:
        cursor.execute(
            MOVE,
            {
                "user_id": user_id,
                "kind": str(kind),
                "amount": amount,
                "reserved": reserved,
                "reference": reference,
                "actor_id": actor.pk if actor else None,
                "reason": reason,
                "key": key,
            },
        )
        moved = cursor.fetchone()
    if moved:
        bus.tell(user_id, {"type": "balance.updated", "balance": moved[1]})
    return moved
