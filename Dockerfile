# One image for web, live, worker and migrate; docker-compose.yml says which is which.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MESSAGEHUB_LOCAL_DIR=/var/lib/messagehub
RUN pip install --no-cache-dir uv==0.13.8 \
    && useradd --system --create-home --home-dir /var/lib/messagehub messagehub
WORKDIR /app
COPY requirements.txt ./
RUN uv pip install --system --no-cache -r requirements.txt

# Named one by one: a clone also holds secrets and data below .local.
COPY manage.py ./
COPY messagehub messagehub
COPY accounts accounts
COPY chatrooms chatrooms
COPY messaging messaging
COPY tokens tokens
COPY integrations integrations
COPY templates templates
COPY static static

# The settings are read to collect static files; nothing of these values reaches the running containers.
RUN env DATABASE_URL=postgres://unused/unused REDIS_URL=redis://unused PUBLIC_BASE_URL=https://unused \
        SECRET_KEY=unused FIELD_ENCRYPTION_KEYS=dGhpcy1rZXktaXMtb25seS1mb3ItdGVzdHMtMDAwMDA= STATIC_ROOT=/app/public \
        python manage.py collectstatic --no-input --verbosity 0 \
    && chown -R messagehub /var/lib/messagehub
ENV STATIC_ROOT=/app/public

USER messagehub
CMD ["granian", "--interface", "asginl", "--host", "0.0.0.0", "--port", "8000", "messagehub.web:application"]
