"""A policy behind an OpenAI-compatible address: vLLM or SGLang serving Kimi-VL, or the like.

One request an answer, streamed. A request is made again while nothing of the answer has
come and the server says that it may be worth it; after the first piece of text it is not.
What comes is untrusted: sizes, times and types are bounded, and each fault has its name.

    EndpointPolicy("http://127.0.0.1:8000/v1", model="kimi-vl")
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Self

import httpx2
from PIL import Image

from agent.errors import PolicyFailed
from model.messages import (
    THINK_CLOSE,
    THINK_OPEN,
    Completion,
    ImagePart,
    Message,
    OnText,
    Part,
    Sampling,
    TextPart,
)

WORTH_ANOTHER_TRY = frozenset({408, 429, 500, 502, 503, 504})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_TOLD_BYTES = 500
"""Of an error's text that are shown."""


class EndpointUnreachable(PolicyFailed):
    """No connection, or it broke before the answer began."""


class EndpointRefused(PolicyFailed):
    """The server answered with an error, after as many tries as were allowed."""


class EndpointTooSlow(PolicyFailed):
    """Nothing came for too long, or the answer did not end in time."""


class BadStream(PolicyFailed):
    """What came is not an answer: cut off, not JSON, of another form, or too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointLimits:
    connect_seconds: float = 10.0
    silence_seconds: float = 120.0
    """Longest wait for the next bytes; a long prompt is silent until the first token."""
    answer_seconds: float = 900.0
    """For a whole answer, tries included."""
    max_answer_bytes: int = 8 << 20
    num_tries: int = 4
    first_pause_seconds: float = 0.5
    """Before the second try; doubled before each further one."""
    longest_pause_seconds: float = 30.0
    """Also where the server asks for more (`Retry-After`)."""


class _TryAgain(Exception):
    """A fault before any text, with what to raise if it was the last try."""

    def __init__(self, error: PolicyFailed, pause_seconds: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause_seconds = pause_seconds


class EndpointPolicy:
    """Fits `agent.policy.Policy`. Holds connections; whoever made it closes it."""

    def __init__(
        self,
        url: str,
        *,
        model: str | None = None,
        api_key: str | None = None,
        limits: EndpointLimits | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            url: up to and with `/v1`; http or https.
            model: as the server names it; None: the first it lists.
            api_key: sent as a bearer token, over https or to this machine only.

        Raises:
            ValueError: no such address can be, or the key would travel in the clear.
        """
        try:
            address = httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise ValueError(f"{url!r} is no address: {error}") from error
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError(f"{url!r}; expected http://HOST:PORT/v1 or https://...")
        if api_key and address.scheme == "http" and address.host not in LOOPBACK:
            raise ValueError(f"an API key for {url} would travel in the clear; use https")
        self.url = url.rstrip("/")
        self.limits = limits or EndpointLimits()
        self._model = model
        self._pause = pause
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx2.Timeout(
                self.limits.silence_seconds, connect=self.limits.connect_seconds
            ),
            follow_redirects=False,
        )

    @classmethod
    def named(cls, name: str, *, api_key: str | None = None) -> Self:
        """From what `--model` says: an address, after a `#` the model if there are several."""
        url, _, model = name.partition("#")
        return cls(url, model=model or None, api_key=api_key)

    def complete(
        self, messages: Sequence[Message], *, sampling: Sampling, on_text: OnText | None = None
    ) -> Completion:
        """Answer the last user message.

        Raises:
            EndpointUnreachable, EndpointRefused, EndpointTooSlow, BadStream: see there.
        """
        deadline = time.monotonic() + self.limits.answer_seconds
        request = {
            "model": self._model or self._first_model(),
            "messages": [_as_json(message) for message in messages],
            "temperature": sampling.temperature,
            "max_tokens": sampling.max_new_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({} if sampling.seed is None else {"seed": sampling.seed}),
        }
        pause_seconds = self.limits.first_pause_seconds
        for tries_left in range(self.limits.num_tries - 1, -1, -1):
            try:
                return self._once(request, on_text, deadline)
            except _TryAgain as fault:
                wanted = pause_seconds if fault.pause_seconds is None else fault.pause_seconds
                wait = min(wanted, self.limits.longest_pause_seconds)
                if not tries_left or time.monotonic() + wait > deadline:
                    raise fault.error from fault
                self._pause(wait)
                pause_seconds *= 2
        raise AssertionError("the last try returns or raises")

    def close(self) -> None:
        self._client.close()

    def _first_model(self) -> str:
        try:
            answer = self._client.get(f"{self.url}/models")
            names = [str(model["id"]) for model in answer.json()["data"]]
        except httpx2.TransportError as error:
            raise EndpointUnreachable(f"{self.url}: {_told(error)}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadStream(f"{self.url}/models lists no models: {error!r}") from error
        if not names:
            raise EndpointRefused(f"{self.url} serves no model")
        self._model = names[0]
        return names[0]

    def _once(self, request: dict[str, Any], on_text: OnText | None, deadline: float) -> Completion:
        answer = _Answer(on_text)
        try:
            with self._client.stream(
                "POST", f"{self.url}/chat/completions", json=request
            ) as response:
                if response.status_code != 200:
                    raise self._refusal(response)
                kind = response.headers.get("content-type", "")
                if "text/event-stream" not in kind:
                    raise BadStream(f"{self.url} sent {kind!r}; expected text/event-stream")
                for event in self._events(response, deadline):
                    answer.take(event)
        except httpx2.TimeoutException as error:
            raise EndpointTooSlow(
                f"{self.url} was silent for too long ({_told(error)});"
                f" waited {self.limits.silence_seconds:g} s"
            ) from error
        except httpx2.TransportError as error:
            fault = EndpointUnreachable(f"{self.url}: {_told(error)}")
            if answer.began:
                raise BadStream(f"{self.url} broke off in an answer: {_told(error)}") from error
            raise _TryAgain(fault) from error
        return answer.completion()

    def _refusal(self, response: httpx2.Response) -> Exception:
        told = b""
        for chunk in response.iter_bytes():
            told += chunk
            if len(told) >= MAX_TOLD_BYTES:
                break
        said = told[:MAX_TOLD_BYTES].decode(errors="replace")
        error = EndpointRefused(f"{self.url} answered {response.status_code}: {said}")
        if response.status_code not in WORTH_ANOTHER_TRY:
            return error
        after = response.headers.get("retry-after", "")
        return _TryAgain(error, float(after) if after.isdecimal() else None)

    def _events(self, response: httpx2.Response, deadline: float) -> Iterator[dict[str, Any]]:
        """The JSON of each `data:` line, up to the server's `[DONE]`."""
        waiting, num_bytes = b"", 0
        for chunk in response.iter_bytes():
            num_bytes += len(chunk)
            if num_bytes > self.limits.max_answer_bytes:
                raise BadStream(
                    f"{self.url} sent more than {self.limits.max_answer_bytes} bytes in an answer"
                )
            if time.monotonic() > deadline:
                raise EndpointTooSlow(
                    f"{self.url} did not end its answer in {self.limits.answer_seconds:g} s"
                )
            *lines, waiting = (waiting + chunk).split(b"\n")
            for line in lines:
                if not line.startswith(b"data:"):
                    continue
                data = line.removeprefix(b"data:").strip()
                if data == b"[DONE]":
                    return
                yield _event(data)


class _Answer:
    """What has come of an answer so far."""

    def __init__(self, on_text: OnText | None) -> None:
        self.began = False
        self._on_text = on_text
        self._pieces: list[str] = []
        self._thinks = False
        self._finish: str | None = None
        self._num_prompt_tokens = 0
        self._asked = time.monotonic()
        self._first = 0.0

    def take(self, event: dict[str, Any]) -> None:
        usage = event.get("usage")
        if isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int):
            self._num_prompt_tokens = usage["prompt_tokens"]
        choices = event.get("choices")
        if not isinstance(choices, list) or (choices and not isinstance(choices[0], dict)):
            raise BadStream(f"an event without a list of choices: {str(event)[:MAX_TOLD_BYTES]}")
        if not choices:
            return
        delta = choices[0].get("delta") or {}
        if not isinstance(delta, dict):
            raise BadStream(f"a delta that is {delta!r}; expected an object")
        thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
        text = delta.get("content") or ""
        if not isinstance(thought, str) or not isinstance(text, str):
            raise BadStream(f"content that is no text: {str(delta)[:MAX_TOLD_BYTES]}")
        # As a local Kimi-VL writes it.
        if thought:
            self._tell(thought if self._thinks else THINK_OPEN + thought)
            self._thinks = True
        if text:
            self._tell(THINK_CLOSE + text if self._thinks else text)
            self._thinks = False
        finish = choices[0].get("finish_reason")
        if isinstance(finish, str):
            self._finish = finish

    def _tell(self, text: str) -> None:
        if not self.began:
            self.began, self._first = True, time.monotonic()
        self._pieces.append(text)
        if self._on_text is not None:
            self._on_text(text)

    def completion(self) -> Completion:
        if self._finish is None:
            raise BadStream("the stream ended in the middle of an answer")
        now = time.monotonic()
        first = self._first or now
        return Completion(
            text="".join(self._pieces),
            finished=self._finish != "length",
            num_prompt_tokens=self._num_prompt_tokens,
            seconds={"prefill": first - self._asked, "decode": now - first},
        )


def _event(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as error:
        shown = data[:MAX_TOLD_BYTES].decode(errors="replace")
        raise BadStream(f"an event that is no JSON: {shown}") from error
    if not isinstance(event, dict):
        raise BadStream(f"an event that is {type(event).__name__}; expected an object")
    if "error" in event:
        raise EndpointRefused(f"the server failed: {str(event['error'])[:MAX_TOLD_BYTES]}")
    return event


def _as_json(message: Message) -> dict[str, Any]:
    if all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": [_part(part) for part in message.parts]}


def _part(part: Part) -> dict[str, Any]:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(image=image):
            return {"type": "image_url", "image_url": {"url": _data_url(image)}}


def _data_url(image: Image.Image) -> str:
    png = BytesIO()
    image.save(png, format="PNG")
    return "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__
