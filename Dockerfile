# The service in a container; docs/server.md says how to run it.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/mien \
    && /opt/mien/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt ".[server,video]"

FROM python:${PYTHON}-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mien \
    && install --directory --owner mien --mode 0700 /data
COPY --from=build /opt/mien /opt/mien
# Only /tmp is written to, and /data where MIEN_DATA_DIR names it.
ENV PATH=/opt/mien/bin:$PATH HOME=/tmp PYTHONDONTWRITEBYTECODE=1 MIEN_HOST=0.0.0.0
USER 10001
VOLUME /data
EXPOSE 8646
# By its address, not by curl, which is not there; without a token, which /readyz does not ask for.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8646/readyz', timeout=4)"]
ENTRYPOINT ["mien"]
CMD ["serve"]
