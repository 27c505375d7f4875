"""Activity lines of a thread: each merges the changes that one person made within a minute."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.db.models.functions import Now

from accounts.models import User
from messaging.models import Conversation, ConversationActivity

SPAN = timedelta(minutes=1)  # from the first change of a line to its last
Kind = ConversationActivity.Kind
SUBJECTS = {
    Kind.ASSIGNED: "assignee",
    Kind.UNASSIGNED: "assignee",
    Kind.BLOCKED: "block",
    Kind.UNBLOCKED: "block",
}
STATES = {
    Kind.REOPENED: Conversation.Status.OPEN,
    Kind.CLOSED: Conversation.Status.CLOSED,
    Kind.PENDING: Conversation.Status.PENDING,
    Kind.SNOOZED: Conversation.Status.SNOOZED,
}


@dataclass(frozen=True)
class Effect:
    """One clause of a line. Labels that were added, or removed, share one."""

    kind: str
    activities: list[ConversationActivity]

    @property
    def activity(self) -> ConversationActivity:
        return self.activities[0]

    @property
    def label_names(self) -> list[str]:
        return [activity.label_name for activity in self.activities]


@dataclass(frozen=True)
class Line:
    activities: list[ConversationActivity]  # of one person, oldest first

    @property
    def first(self) -> ConversationActivity:
        return self.activities[0]

    @property
    def last(self) -> ConversationActivity:
        return self.activities[-1]

    @property
    def effects(self) -> list[Effect]:
        """The net changes of the line. A change and its undo cancel each other out."""
        by_subject = defaultdict(list)
        for activity in self.activities:
            by_subject[_subject(activity)].append(activity)
        by_kind: dict[str, Effect] = {}
        for activities in by_subject.values():
            if not _is_undone(activities):
                last = activities[-1]
                by_kind.setdefault(last.kind, Effect(last.kind, [])).activities.append(last)
        return list(by_kind.values())


def _subject(activity: ConversationActivity) -> tuple[str, str]:
    if activity.kind in (Kind.LABELED, Kind.UNLABELED):
        return "label", activity.label_name
    return SUBJECTS.get(Kind(activity.kind), "state"), ""


def _is_undone(activities: list[ConversationActivity]) -> bool:
    first, last = activities[0], activities[-1]
    if first is last:
        return False
    if _subject(first)[0] in ("label", "block"):
        return first.kind != last.kind
    return first.previous == _describe_outcome(last)


def _describe_outcome(activity: ConversationActivity) -> str:
    if activity.kind == Kind.ASSIGNED:
        return str(activity.person_id)
    if activity.kind == Kind.UNASSIGNED:
        return ""
    return describe_state(STATES[Kind(activity.kind)], activity.until)


def describe_state(status: str, snoozed_until) -> str:
    """A conversation's state as text, as ConversationActivity.previous stores it."""
    return f"{status} {snoozed_until.isoformat()}" if snoozed_until else status


def record_activities(conversation: Conversation, changes: Iterable[dict], *, by: User | None) -> None:
    """Record what a person did with a locked conversation, in their line of the last minute if they have one."""
    record_each([(conversation, changes)], by=by)


def record_each(changes_of: Iterable[tuple[Conversation, Iterable[dict]]], *, by: User | None) -> None:
    """Record what a person did with each of some locked conversations, in their lines of the last minute."""
    activities_of = {
        conversation.pk: [
            ConversationActivity(
                organization_id=conversation.organization_id, conversation_id=conversation.pk, actor=by, **values
            )
            for values in changes
        ]
        for conversation, changes in changes_of
    }
    recorded = {pk: activities for pk, activities in activities_of.items() if activities}
    if not recorded:
        return
    line_of = _find_lines(recorded, by)
    for pk, activities in recorded.items():
        for activity in activities:
            activity.line_id = line_of.get(pk, activities[0].pk)
    ConversationActivity.objects.bulk_create(activity for activities in recorded.values() for activity in activities)


def _find_lines(conversation_ids: Collection[UUID], by: User | None) -> dict[UUID, UUID]:
    """The lines that the person's changes of these conversations go on with."""
    if by is None:
        return {}
    newest = ConversationActivity.objects.filter(conversation=OuterRef("pk")).order_by("-created_at", "-pk")
    newest_ids = Conversation.objects.filter(pk__in=conversation_ids).values_list(Subquery(newest.values("pk")[:1]))
    own = ConversationActivity.objects.filter(pk__in=newest_ids, actor=by)
    line_of = {activity.conversation_id: activity.line_id for activity in own if activity.line_id}
    began = ConversationActivity.objects.filter(pk__in=line_of.values(), created_at__gt=Now() - SPAN)
    recent = set(began.values_list("pk", flat=True)) if line_of else set()
    return {pk: line_id for pk, line_id in line_of.items() if line_id in recent}


def build_lines(activities: Iterable[ConversationActivity]) -> list[Line]:
    """The complete lines that these activities belong to, oldest first."""
    activity_by_id = {activity.pk: activity for activity in activities}
    line_ids = {activity.line_id for activity in activity_by_id.values() if activity.line_id}
    if line_ids:
        moments = [activity.created_at for activity in activity_by_id.values()]
        siblings = ConversationActivity.objects.filter(
            conversation__in={activity.conversation_id for activity in activity_by_id.values()},
            created_at__range=(min(moments) - SPAN, max(moments) + SPAN),
            line_id__in=line_ids,
        )
        activity_by_id |= {activity.pk: activity for activity in siblings.select_related("actor", "person")}
    lines = defaultdict(list)
    for activity in sorted(activity_by_id.values(), key=lambda activity: (activity.created_at, activity.pk)):
        lines[activity.line_id or activity.pk].append(activity)
    return [Line(of_line) for of_line in lines.values()]
