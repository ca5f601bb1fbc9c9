FROM python:3.11-slim

RUN useradd --create-home --uid 10001 millrace
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY config config
COPY worker worker
COPY tasks tasks
COPY sandbox sandbox
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER millrace
ENV MILLRACE_DATA_DIR=/home/millrace/data MILLRACE_LOG=json
CMD ["millrace", "--help"]
