"""Paraphrases by a language model behind an OpenAI-compatible chat-completions API: never asked unless one is named.

The model's text is taken only if every fact survived (`augmentation.captions.paraphrase.missing_facts`); otherwise,
and when the server does not answer, the offline paraphrase stands and its note says why.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np

from augmentation.captions.paraphrase import OfflineParaphraser, Paraphrase, missing_facts
from munet.errors import RequestError

ENDPOINT, MODEL, KEY = "MUSTANGO_CHAT_URL", "MUSTANGO_CHAT_MODEL", "MUSTANGO_CHAT_KEY"  # environment variables
INSTRUCTIONS = (
    "You rewrite descriptions of music. Retell the text in fluent prose of your own, in at most three sentences more "
    "than it has. Keep all instruments and every fact: write chord symbols, their order, numbers, tempo words and keys "
    "exactly as given. Add nothing. Answer with the new text only."
)
LONGEST_WAIT = 60.0  # seconds that a server may ask for
LONGEST_TEXT = 4  # times as long as what was to be retold; more is chatter


class ServiceError(Exception):
    """The service gave no usable answer, after all attempts."""


def _retry_after(response: httpx.Response) -> float:
    """Seconds that the server asks to wait; 0 if it names none (or a date)."""
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT) if value.isdigit() else 0.0


@dataclass(frozen=True)
class ChatParaphraser:
    """Asks a chat model.

    Args:
        endpoint: Base address, such as "http://localhost:8000/v1".
        model: Name of the model.
        key: Sent as bearer token; none by default.
        timeout: Seconds for one answer.
        attempts: How often to ask when the server is busy (429), fails (5xx) or cannot be reached.
        backoff: Seconds before the second attempt, doubled before each further one.
        temperature: The model's.

    Raises:
        RequestError: If the endpoint is no HTTP address, the model has no name or there is no attempt.
    """

    endpoint: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 30.0
    attempts: int = 4
    backoff: float = 1.0
    temperature: float = 0.9

    def __post_init__(self) -> None:
        # Other schemes, file: among them, would be opened too.
        if not self.endpoint.startswith(("http://", "https://")):
            raise RequestError(f"endpoint: expected an address with http:// or https://, got {self.endpoint!r}")
        if not self.model:
            raise RequestError(f"model: expected the name of a model, got {self.model!r}")
        if self.attempts < 1:
            raise RequestError(f"attempts: expected at least 1, got {self.attempts!r}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> ChatParaphraser:
        """Read endpoint, model and key from `MUSTANGO_CHAT_URL`, `MUSTANGO_CHAT_MODEL` and `MUSTANGO_CHAT_KEY`."""
        names = {"endpoint": ENDPOINT, "model": MODEL, "key": KEY}
        return cls(**({argument: environment.get(name, "") for argument, name in names.items()} | options))

    def paraphrase(self, caption: str, sentences: Sequence[str], rng: np.random.Generator) -> Paraphrase:
        """Tell a caption and its control sentences in other words (see `augmentation.captions.paraphrase.Paraphraser`).

        Raises:
            RequestError: If the service refuses the request itself (a wrong key, model or address): no retry helps.
        """
        seed = int(rng.integers(2**31))
        # Drawn in any case, so that what a generator gives next does not depend on the network.
        offline = OfflineParaphraser().paraphrase(caption, sentences, rng)
        source = " ".join([caption.strip(), *(sentence for sentence in sentences if sentence)])
        try:
            text = self._ask(source, seed)
        except ServiceError as error:
            return Paraphrase(offline.text, offline.by, f"{self.model}: {error}")
        if len(text) > LONGEST_TEXT * len(source):
            return Paraphrase(offline.text, offline.by, f"{self.model}: {len(text)} characters are too many")
        if missing := missing_facts(text, sentences):
            return Paraphrase(offline.text, offline.by, f"{self.model}: lost {' '.join(missing)}")
        return Paraphrase(text, self.model)

    def _ask(self, source: str, seed: int) -> str:
        messages = [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": source}]
        body = {"model": self.model, "messages": messages, "temperature": self.temperature, "seed": seed}
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        address = self.endpoint.rstrip("/") + "/chat/completions"
        for attempt in range(self.attempts):
            wait = self.backoff * 2**attempt
            try:
                # Redirects are not followed: the key would go to whatever host the server names.
                response = httpx.post(address, json=body, headers=headers, timeout=self.timeout, follow_redirects=False)
            except httpx.TransportError as error:
                failure = f"{type(error).__name__}: {error}"
            else:
                if response.is_success:
                    return _answer(response.content)
                failure = f"HTTP {response.status_code}"
                if response.status_code != 429 and response.status_code < 500:
                    raise RequestError(f"endpoint: expected an answer of {self.endpoint}, got {failure}")
                wait = max(wait, _retry_after(response))
            if attempt + 1 < self.attempts:
                time.sleep(wait)
        raise ServiceError(f"{failure} in {self.attempts} attempts")


def _answer(body: bytes) -> str:
    """Text of a chat completion."""
    try:
        text = json.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        raise ServiceError(f"no chat completion: {body[:80]!r}") from error
    if not isinstance(text, str) or not text.strip():
        raise ServiceError(f"an empty answer: {text!r}")
    return " ".join(text.split()).strip('"')
