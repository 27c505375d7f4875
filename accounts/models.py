"""Organizations, the people who work in them, and their sign-ins."""

import phonenumbers
from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.rules import LONGEST_JOIN_KEYWORD, validate_holidays
from messagehub import datetimes, names
from messagehub.keys import Row

MOST_TOKENS = 1000  # that one message may cost
COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
COUNTRY_CHOICES = [(code, f"{code} +{phonenumbers.country_code_for_region(code)}") for code in COUNTRIES]


def validate_country(code: str) -> None:
    """Two letters of ISO 3166 that have telephone numbers. Raises ValidationError."""
    if code not in COUNTRIES:
        raise ValidationError(_("Unknown country code. Use two letters, such as US."))


KEYWORD_LANGUAGES = (
    ("de", gettext_lazy("German")),
    ("en", gettext_lazy("English")),
    ("es", gettext_lazy("Spanish")),
    ("fr", gettext_lazy("French")),
    ("it", gettext_lazy("Italian")),
    ("pt", gettext_lazy("Portuguese")),
)


def list_keyword_languages() -> list[str]:
    return [code for code, _name in KEYWORD_LANGUAGES]


class Organization(Row):
    """A tenant: one business that talks with its customers."""

    class RefundPolicy(models.TextChoices):
        NOT_SENT = "not_sent", gettext_lazy("Messages that were never sent")
        UNDELIVERED = "undelivered", gettext_lazy("Also undelivered messages")

    class OptOutScope(models.TextChoices):
        CHANNEL = "channel", gettext_lazy("The channel that they wrote to")
        CHATROOM = "chatroom", gettext_lazy("All channels of its chatroom")
        ORGANIZATION = "organization", gettext_lazy("All channels of the organization")

    name = models.CharField(max_length=120, validators=[names.validate_name])
    slug = models.SlugField(unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[datetimes.validate_time_zone])
    default_country = models.CharField(
        max_length=2,
        default="US",
        validators=[validate_country],
        help_text="Country of phone numbers entered without +.",
    )
    require_mfa_for_admins = models.BooleanField(
        "require 2FA for admins",
        default=False,
        db_default=False,
        help_text="Admins must sign in with two-factor authentication.",
    )
    approve_campaigns = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A campaign starts only once an admin who did not write it has approved it.",
    )
    # Tokens that an agent pays for one message, whatever its length.
    price_sms = models.PositiveSmallIntegerField(
        "SMS price", default=1, db_default=1, validators=[MaxValueValidator(MOST_TOKENS)]
    )
    price_messenger = models.PositiveSmallIntegerField(
        "Messenger price", default=1, db_default=1, validators=[MaxValueValidator(MOST_TOKENS)]
    )
    price_instagram = models.PositiveSmallIntegerField(
        "Instagram price", default=1, db_default=1, validators=[MaxValueValidator(MOST_TOKENS)]
    )
    refund_policy = models.CharField(
        max_length=11,
        choices=RefundPolicy.choices,
        default="not_sent",
        db_default="not_sent",
        help_text="Which failed messages are refunded.",
    )
    low_balance_limit = models.PositiveIntegerField(
        default=10,
        db_default=10,
        validators=[MaxValueValidator(1_000_000)],
        help_text="Notify the agent and admins below this balance. 0 turns alerts off.",
    )
    # In the recipient's local time. They span midnight where the start is later than the end.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_hours_for_people = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Quiet hours also hold what people write first. They always hold campaigns.",
    )
    # Here rather than in rows of their own: whoever decides whether a message may go has the organization at hand.
    holidays = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        validators=[validate_holidays],
        help_text="Days, in the recipient's local time, on which no campaign goes out: each with `date` and `name`.",
    )
    first_message_footer = models.CharField(
        max_length=160,
        blank=True,
        default="",
        db_default="",
        help_text=gettext_lazy(
            "How to opt out. Added, after the organization's name, to the first SMS to each contact."
        ),
    )
    help_text = models.CharField(
        max_length=320,
        blank=True,
        default="",
        db_default="",
        help_text=gettext_lazy(
            "Sent to customers who write HELP, where the provider does not answer it. Empty: nothing."
        ),
    )
    help_on_long_codes = models.BooleanField(
        default=False,
        db_default=False,
        help_text=gettext_lazy("Twilio does not answer HELP and INFO to this organization's numbers by itself."),
    )
    join_keywords = ArrayField(
        models.CharField(max_length=LONGEST_JOIN_KEYWORD),
        default=list,
        db_default=[],
        blank=True,
        help_text=gettext_lazy("Customers who write one of these are asked whether they want your messages."),
    )
    join_question = models.CharField(
        max_length=320,
        blank=True,
        default="",
        db_default="",
        help_text=gettext_lazy("The question to them. Their YES within a day is recorded as consent. Empty: none."),
    )
    opt_out_scope = models.CharField(
        max_length=12,
        choices=OptOutScope.choices,
        default="channel",
        db_default="channel",
        help_text=gettext_lazy("What a customer's STOP to one channel holds for."),
    )
    keyword_languages = ArrayField(
        models.CharField(max_length=2, choices=KEYWORD_LANGUAGES),
        default=list_keyword_languages,
        db_default=["de", "en", "es", "fr", "it", "pt"],
        blank=True,
        help_text="Languages of STOP, START, HELP and of sentences that mean STOP. English always counts.",
    )

    class Meta:
        db_table = "organizations"
        # Read for each batch of inbound messages that has a short one.
        indexes = [models.Index(fields=["id"], name="organizations_asking", condition=~models.Q(join_question=""))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quiet_from=None, quiet_until=None)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False)
                & ~models.Q(quiet_from=models.F("quiet_until")),
                name="organizations_quiet_hours",
            ),
            # The zone's own rule is a trigger: PostgreSQL's list of zones is a view.
            models.CheckConstraint(
                condition=models.Q(default_country__in=COUNTRIES), name="organizations_default_country"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, email: str) -> "User":
        """Who signs in with this address, in whatever case. People who are only invited don't."""
        return self.alias(address=Lower("email")).get(address=email.strip().lower(), joined_at__isnull=False)

    def admins_of(self, organization_id) -> "models.QuerySet[User]":
        """Who administers the organization at present."""
        return self.filter(
            organization_id=organization_id, role=User.Role.ADMIN, is_active=True, joined_at__isnull=False
        )

    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        """A person of an organization. `role` and `organization` are required; the address is kept in lower case.

        Without a password they are only invited.
        """
        user = self.model(email=email.strip().lower(), joined_at=timezone.now() if password else None, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        """An operator: works in the back office, across organizations, and belongs to none."""
        return self.create_user(email, password, is_superuser=True, role="", organization=None, **fields)


class User(Row, AbstractBaseUser, PermissionsMixin):
    """A person who signs in by email: an admin or agent of one organization, or an operator of none."""

    class Role(models.TextChoices):
        ADMIN = "admin", gettext_lazy("Admin")
        AGENT = "agent", gettext_lazy("Agent")

    email = models.EmailField()
    name = models.CharField(max_length=120, validators=[names.validate_name])
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, blank=True, related_name="users")
    role = models.CharField(max_length=8, choices=Role.choices, blank=True)
    is_active = models.BooleanField(default=True)
    compact_rows = models.BooleanField(default=False, db_default=False, help_text="The inbox shows lower rows.")
    language = models.CharField(
        max_length=10,
        null=True,
        blank=True,
        help_text="Of pages and mails. Empty is what the browser asks for.",
    )
    mail_notifications = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Mentions and assignments not seen for ten minutes are mailed.",
    )
    joined_at = models.DateTimeField(null=True, blank=True, help_text="Empty while the invitation is pending.")
    token_version = models.PositiveIntegerField(default=0, help_text="Increasing it ends all sessions.")

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = [
            # Two organizations may invite the same address, and neither learns of the other.
            models.UniqueConstraint(Lower("email"), name="users_email", condition=models.Q(joined_at__isnull=False)),
            models.UniqueConstraint("organization", Lower("email"), name="users_organization_email"),
            models.UniqueConstraint(fields=["organization", "id"], name="users_organization_id"),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=True, role="", is_superuser=True)
                | models.Q(
                    organization__isnull=False,
                    role__in=["admin", "agent"],
                    is_superuser=False,
                ),
                name="users_role_fits_organization",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_admin(self) -> bool:
        return self.role == self.Role.ADMIN

    @property
    def is_staff(self) -> bool:
        """Whom Django's admin may let in: operators, and admins for their own organization."""
        return self.is_superuser or self.is_admin

    def get_session_auth_hash(self) -> str:
        """What a session is bound to: the password, and the version that ends all sign-ins at once."""
        return f"{super().get_session_auth_hash()}.{self.token_version}"

    def get_session_auth_fallback_hash(self):
        for known in super().get_session_auth_fallback_hash():
            yield f"{known}.{self.token_version}"


# What browsers and systems write into User-Agent -> names, which are the same in any language. The first that is found
# counts: Edge and Opera call themselves Chrome too, Chrome calls itself Safari, and Android calls itself Linux.
BROWSERS = [("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")]
SYSTEMS = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
]


class SignIn(Row):
    """One sign-in: the bearer token and the browser session that it gave, which end together."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    token_digest = models.CharField(max_length=128, unique=True)
    session_digest = models.CharField(max_length=40, unique=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)
    second_factor = models.BooleanField(default=False, db_default=False, help_text="Whether a code proved it.")
    last_seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sign_ins"
        verbose_name = "session"

    @property
    def program(self) -> str:
        """What somebody signed in with, as they would call it; else what it calls itself."""
        browser = next((name for sign, name in BROWSERS if sign in self.user_agent), "")
        system = next((name for sign, name in SYSTEMS if sign in self.user_agent), "")
        if browser and system:
            return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
        return browser or self.user_agent or _("Unknown program")


class ApiKey(Row):
    """A named key of one person, which can do what its scopes say and never more than the person."""

    class Scope(models.TextChoices):
        READ = "read"
        SEND = "send"
        CONTACTS = "contacts"
        ADMIN = "admin"

    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=80, validators=[names.validate_name])
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=128, unique=True)
    prefix = models.CharField(max_length=16, help_text="First characters of the secret, to tell keys apart.")
    last_used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "api_keys"
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SavedView(Row):
    """Filters of a list that a person keeps under a name. The address of the list with the query is what they share."""

    organization = models.ForeignKey(Organization, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="saved_views", db_constraint=False)
    page = models.CharField(max_length=40, help_text="The name of its address.")
    name = models.CharField(max_length=40, validators=[names.validate_name])
    query = models.CharField(max_length=1000)

    class Meta:
        db_table = "saved_views"
        constraints = [models.UniqueConstraint(fields=["user", "page", "name"], name="saved_views_name")]

    def __str__(self) -> str:
        return self.name


class AuditEntry(Row):
    """Who did what to whom. Written once; without an organization where an operator acted on none."""

    organization = models.ForeignKey(Organization, models.PROTECT, null=True, related_name="+")
    actor = models.ForeignKey(User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    action = models.CharField(max_length=40)
    target_type = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "audit_entries"
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["organization", "-id"], name="audit_entries_newest")]
