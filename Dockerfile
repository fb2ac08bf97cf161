# One image for every process of the Procfile; the command says which one a container is.
FROM python:3.13-slim AS packages
COPY requirements/runtime.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /runtime.lock

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=examples.forum.settings
RUN useradd --system --uid 10001 --home-dir /app clarion
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
# The folders beside clarion, since compileall does not follow its links.
RUN python -m compileall -q clarion pipeline edge shared examples
USER clarion
