"""Where files are kept that came with messages or go out with them: a folder, or a bucket that speaks S3."""

import environ

MEMORY_BYTES = 5 * 1024 * 1024  # a larger file is read through a temporary one


def configure_storage(env: environ.Env) -> dict:
    """What `STORAGES["default"]` is: private either way, since only we hand files out."""
    bucket = env.str("MEDIA_S3_BUCKET", default="")
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    from botocore.config import Config  # half a second to load, and only a bucket needs it

    # https://django-storages.readthedocs.io/en/latest/backends/amazon-S3.html
    options = {
        "bucket_name": bucket,
        "endpoint_url": env.str("MEDIA_S3_ENDPOINT_URL", default="") or None,
        "region_name": env.str("MEDIA_S3_REGION", default="") or None,
        # Without them the SDK looks where it always does: the machine's role, its own variables, its files.
        "access_key": env.str("MEDIA_S3_ACCESS_KEY_ID", default="") or None,
        "secret_key": env.str("MEDIA_S3_SECRET_ACCESS_KEY", default="") or None,
        "default_acl": None,  # the bucket's own rule, which is private unless somebody opened it
        "querystring_auth": True,
        "file_overwrite": True,  # names are ids, and asking for a free one costs a request
        "max_memory_size": MEMORY_BYTES,
        # Eight threads answer all requests: a bucket that hangs must not hold one for minutes.
        "client_config": Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2}),
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
