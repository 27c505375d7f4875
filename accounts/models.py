"""Organizations, the people who work in them, and their sign-ins."""

from django.contrib.auth.models import (
    AbstractBaseUser,
    BaseUserManager,
    PermissionsMixin,
)
from django.db import models
from django.db.models.functions import Lower

from messagehub.keys import Row


class Organization(Row):
    """A tenant: one business that talks with its customers."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    default_country = models.CharField(max_length=2, default="US", help_text="For phone numbers typed without +.")

    class Meta:
        db_table = "organizations"

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, email: str) -> "User":
        return self.get(email__iexact=email)

    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        """A person of an organization. `role` and `organization` are required; the address is kept in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> "User":
        """An operator: works in the back office, across organizations, and belongs to none."""
        return self.create_user(email, password, is_superuser=True, role="", organization=None, **fields)


class User(Row, AbstractBaseUser, PermissionsMixin):
    """A person who signs in by email: an admin or agent of one organization, or an operator of none."""

    class Role(models.TextChoices):
        ADMIN = "admin"
        AGENT = "agent"

    email = models.EmailField()
    name = models.CharField(max_length=120)
    organization = models.ForeignKey(Organization, models.CASCADE, null=True, blank=True, related_name="users")
    role = models.CharField(max_length=8, choices=Role.choices, blank=True)
    is_active = models.BooleanField(default=True)
    token_version = models.PositiveIntegerField(default=0, help_text="Raising it ends every sign-in.")

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = [
            models.UniqueConstraint(Lower("email"), name="users_email"),
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
        """Whom Django's admin may let in."""
        return self.is_superuser

    def get_session_auth_hash(self) -> str:
        """What a session is bound to: the password, and the version that ends all sign-ins at once."""
        return f"{super().get_session_auth_hash()}.{self.token_version}"

    def get_session_auth_fallback_hash(self):
        for known in super().get_session_auth_fallback_hash():
            yield f"{known}.{self.token_version}"


class SignIn(Row):
    """One sign-in: the bearer token and the browser session that it gave, which end together."""

    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    token_digest = models.CharField(max_length=128, unique=True)
    session_key = models.CharField(max_length=40, unique=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "sign_ins"
