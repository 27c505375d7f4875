"""What a file is, read from its own bytes, and the ending that its name gets. Nobody's word is taken for it."""

import re
from collections.abc import Callable

from messagehub import images

HEAD = 1024 * 1024  # so many bytes tell what a file is
ENDINGS = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp",
    "audio/aac": "aac", "audio/amr": "amr", "audio/mp4": "m4a", "audio/mpeg": "mp3", "audio/ogg": "oga",
    "audio/wav": "wav",
    "video/3gpp": "3gp", "video/mp4": "mp4", "video/ogg": "ogv", "video/quicktime": "mov", "video/webm": "webm",
    "video/x-msvideo": "avi",
    "application/pdf": "pdf", "text/vcard": "vcf",
}  # fmt: skip
TYPE_OF = {ending: content_type for content_type, ending in ENDINGS.items()}
VCARD = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN:VCARD\s", re.IGNORECASE)
# Layer III, version 1 or 2, by https://www.rfc-editor.org/rfc/rfc3003 and the frame header of ISO 11172-3.
MP3_FRAME = re.compile(rb"\xff[\xfa\xfb\xf2\xf3][\x10-\xeb]")


def sniff_type(head: bytes) -> tuple[str, int | None, int | None] | None:
    """(type, width, height) by the first HEAD bytes of a file, the sizes of pictures alone; None for anything else."""
    if picture := images.picture_size(head):
        return picture
    found = next((found for read in READERS if (found := read(head))), "")
    return (found, None, None) if found else None


def _read_document(head: bytes) -> str:
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    return "text/vcard" if VCARD.match(head) and b"\0" not in head else ""


def _read_riff(head: bytes) -> str:
    if head[:4] != b"RIFF":
        return ""
    return {b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}.get(head[8:12], "")


def _read_iso(head: bytes) -> str:
    """MP4 and its relatives, by their brand (https://www.rfc-editor.org/rfc/rfc4337, https://mp4ra.org)."""
    if head[4:8] != b"ftyp":
        return ""
    brand = head[8:12]
    if brand in (b"M4A ", b"M4B "):
        return "audio/mp4"
    if brand == b"qt  ":
        return "video/quicktime"
    if brand.startswith((b"3gp", b"3g2")):
        return "video/3gpp"
    return "video/mp4" if brand.startswith((b"isom", b"iso", b"mp4", b"avc1", b"M4V", b"dash", b"MSNV")) else ""


def _read_stream(head: bytes) -> str:
    if head.startswith(b"OggS"):
        return "video/ogg" if b"theora" in head[:256] else "audio/ogg"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else ""
    if head.startswith(b"#!AMR"):
        return "audio/amr"
    if head.startswith((b"\xff\xf1", b"\xff\xf9")):
        return "audio/aac"
    return "audio/mpeg" if head.startswith(b"ID3") or MP3_FRAME.match(head) else ""


READERS: tuple[Callable[[bytes], str], ...] = (_read_document, _read_riff, _read_iso, _read_stream)
