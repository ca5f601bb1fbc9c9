# Build tools stay in the first stage. The second has Python, the locked libraries (those of the extras too) and Millrace.

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/millrace
COPY requirements.lock ./
RUN /opt/millrace/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY worker worker
COPY tasks tasks
COPY sandbox sandbox
RUN /opt/millrace/bin/pip install --no-cache-dir --no-deps . \
    && /opt/millrace/bin/python -m pip uninstall --yes pip

FROM python:3.13-slim
# The directory in which it starts must be one that any user may search: a cluster may choose the user.
RUN useradd --create-home --uid 10001 millrace \
    && chmod 0755 /home/millrace \
    && install --directory --owner millrace --group millrace --mode 0700 /data
COPY --from=build /opt/millrace /opt/millrace
ENV PATH=/opt/millrace/bin:$PATH PYTHONDONTWRITEBYTECODE=1 MILLRACE_DATA_DIR=/data MILLRACE_LOG=json
USER millrace
WORKDIR /home/millrace
VOLUME /data
ENTRYPOINT ["millrace"]
CMD ["--help"]
