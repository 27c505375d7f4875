"""The files of a form: what its upload control made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from accounts.models import User
from chatrooms.models import Chatroom
from integrations import providers
from integrations.models import Platform
from messaging.media import fitting, links, uploads
from messaging.models import Upload


@dataclass(frozen=True, slots=True)
class Control:
    """Where a page's files go, and what it says about them before they are chosen."""

    chatroom_id: UUID | None  # None where there is no chatroom to upload to
    platform: str  # empty where the files may go over any
    extra: int  # tokens that an SMS with files costs more
    most_files: int
    most_bytes: int
    accepted: str
    limits: Sequence[str]


@dataclass(frozen=True, slots=True)
class File:
    """A file that is attached: an upload, or one elsewhere, of which only the address is known."""

    value: str  # an upload's id, or an address
    name: str
    size: int = 0  # in bytes
    platforms: Sequence[str] = tuple(Platform.values)


class FilesBoundField(forms.BoundField):
    @property
    def files(self) -> list[File]:
        """Those that are attached: as they are stored, or as they were posted."""
        values = self.field.prepare_value(self.value())
        found = describe_files(values, self.field.find_uploads(values)) if self.form.is_bound else find_files(values)
        return [found[value] for value in values if value in found]


class FilesField(forms.Field):
    """Files to carry along, as `media_urls` keeps them. A form names who writes it by `serve`."""

    widget = forms.MultipleHiddenInput
    user: User
    kept: Sequence[str]
    control: Control

    def serve(self, user: User, chatroom: Chatroom | None, platform: str = "", kept: Sequence[str] = ()) -> None:
        """`platform` is the one that they go over, where that is known; `kept` are addresses that may stay."""
        self.user, self.kept = user, kept
        self.control = build_control(user, chatroom, platform)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> FilesBoundField:
        return FilesBoundField(form, self, field_name)

    def prepare_value(self, value: object) -> list[str]:
        values = [_read_value(each) for each in value] if isinstance(value, list | tuple) else []
        return list(dict.fromkeys(values))

    def to_python(self, value: object) -> list[str]:
        """Raises ValidationError."""
        values = self.prepare_value(value)
        if len(values) > providers.count_most_media():
            raise ValidationError(fitting.say_too_many())
        found = self.find_uploads(values)
        addresses = []
        for each in values:
            upload_id = links.read_id(each)
            if upload_id is None:
                URLValidator(["https"])(each)
                addresses.append(each)
            elif upload_id in found:
                addresses.append(links.build_reference(found[upload_id]))
            else:
                raise ValidationError(str(uploads.UploadGone()))
        return addresses

    def find_uploads(self, values: Iterable[str]) -> dict[UUID, Upload]:
        """Those of the posted values that the writer may send: of others not even the names are shown."""
        return uploads.find_sendable(self.user, filter(None, map(links.read_id, values)), self.kept)

    def has_changed(self, initial: object, data: object) -> bool:
        return self.prepare_value(initial) != self.prepare_value(data)


def build_control(user: User, chatroom: Chatroom | None, platform: str) -> Control:
    limits = [providers.read_limits(each) for each in ([platform] if platform else Platform.values)]
    is_free = user.is_admin and platform == Platform.SMS  # a template is also sent by others
    return Control(
        chatroom_id=chatroom.pk if chatroom else None,
        platform=platform,
        extra=0 if is_free else settings.MMS_EXTRA_TOKENS,
        most_files=providers.count_most_media(),
        most_bytes=max(each.most_media_bytes for each in limits),
        accepted=",".join(dict.fromkeys(kind for each in limits for kind in each.media_bytes)),
        limits=[fitting.say_limits(each) for each in ([platform] if platform else Platform.values)],
    )


def find_files(values: Iterable[str]) -> dict[str, File]:
    """What pages show of the files that are stored with something, by their addresses. Those that are gone lack."""
    values = list(values)
    ids = [upload_id for each in values if (upload_id := links.read_id(_read_value(each)))]
    return describe_files(values, Upload.objects.in_bulk(ids) if ids else {})


def describe_files(values: Iterable[str], known: dict[UUID, Upload]) -> dict[str, File]:
    """By their values or addresses; without uploads that are not `known`."""
    value_of = {each: _read_value(each) for each in values}
    files = {}
    for each, value in value_of.items():
        upload = known.get(links.read_id(value))
        if upload:
            takers = providers.list_takers(upload.content_type, upload.size)
            files[each] = File(value, upload.name, upload.size, takers)
        elif links.read_id(value) is None:
            files[each] = File(value, value)
    return files


def _read_value(address: str) -> str:
    """An upload's id for its address; all else as it is."""
    upload_id = links.read_reference(address)
    return str(upload_id) if upload_id else address
