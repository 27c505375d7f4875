"""The pages of the staff interface, as the sidebar, the phone's menu and the menu of all actions list them."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Page:
    """`url_name` is also what the views of the page, and of what stands below it, set as `own_page`.

    `key` opens the page after G. `count` says which count stands beside the words: "unread" or "unseen".
    """

    url_name: str
    words: str
    icon: str
    key: str = ""
    is_for_admins: bool = False
    is_for_members: bool = True  # of an organization; operators have none
    count: str = ""

    def is_seen_by(self, user: Any) -> bool:
        return (user.organization_id is not None or not self.is_for_members) and (
            user.is_admin or not self.is_for_admins
        )


INBOX = Page("inbox", _("Inbox"), "inbox", key="I", is_for_members=False, count="unread")
PAGES = (
    Page("home", _("Dashboard"), "chart-line", key="D"),
    INBOX,
    Page("notifications", _("For you"), "at-sign", count="unseen"),
    Page("send", _("Send SMS"), "send", key="S"),
    Page("contacts", _("Contacts"), "users", key="C"),
    Page("groups", _("Groups"), "layers"),
    Page("campaigns", _("Campaigns"), "megaphone"),
    Page("messages", _("Message log"), "scroll-text"),
    Page("manage-users", _("Users"), "contact-round", is_for_admins=True),
    Page("manage-tokens", _("Tokens"), "coins", is_for_admins=True),
    Page("manage-chatrooms", _("Chatrooms and access"), "layout-grid", is_for_admins=True),
    Page("manage-numbers", _("Sender numbers"), "phone", is_for_admins=True),
    Page("manage-pages", _("Facebook and Instagram"), "share-2", is_for_admins=True),
    Page("manage-settings", _("Settings"), "settings", is_for_admins=True),
)


def list_pages(user: Any) -> list[Page]:
    return [page for page in PAGES if page.is_seen_by(user)]
