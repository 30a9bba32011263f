# The page in a container, with the shipped model: docker build -t mustango . && docker run -p 7860:7860 mustango
FROM python:3.12-slim

RUN apt-get update && apt-get install -y --no-install-recommends build-essential && rm -rf /var/lib/apt/lists/*
WORKDIR /app
# Everything but the code first, so that a change of the code does not fetch it again. TORCH_INDEX names an index with
# builds of torch for the machine's processor only, which are ten times smaller.
ARG TORCH_INDEX=""
RUN pip install --no-cache-dir torch==2.13.0 ${TORCH_INDEX:+--index-url "$TORCH_INDEX"}
COPY requirements-core.txt ./
COPY third_party third_party
RUN pip install --no-cache-dir -r requirements-core.txt ./third_party/tinysoundfont ./third_party/madmom
COPY . .

RUN useradd --create-home mustango
USER mustango
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 GRADIO_ANALYTICS_ENABLED=False HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
  CMD python -c "import httpx; httpx.get('http://127.0.0.1:7860/health', timeout=4).raise_for_status()"
STOPSIGNAL SIGTERM
CMD ["python", "app.py"]
