#!/usr/bin/env python3
"""Checks a running `d3llm serve` with OpenAI's own Python client and with plain sockets.

    pip install openai
    d3llm serve MODEL --port 8080 &
    scripts/serve-check.py http://127.0.0.1:8080

Needs a model that doesn't end responses of the method "vanilla" early, as every model does with earlyStop false.
Takes about half a minute and prints one line per check; exits with 1 if one fails.
"""
import json
import socket
import sys
import threading
import time
import urllib.parse
import urllib.request

import openai

base = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080").rstrip("/")
address = urllib.parse.urlsplit(base)
client = openai.OpenAI(base_url=base + "/v1", api_key="none", max_retries=0)
QUESTION = (
    "Clara owns 10 coins . On Friday she gets 7 from Anna . On Saturday she sells 2 coins . How many coins does she have ?"
)
LONG = {"d3llm": {"method": "vanilla", "options": {"generationLength": 2048, "blockLength": 8, "earlyStop": False}}}
failures = 0


def check(name, passed, detail=""):
    global failures
    failures += not passed
    print(f"{'ok  ' if passed else 'FAIL'} {name} {detail}".rstrip(), flush=True)


def health():
    with urllib.request.urlopen(base + "/health", timeout=10) as answer:
        return json.load(answer)


def connect(timeout=20):
    return socket.create_connection((address.hostname, address.port), timeout=timeout)


def receive(connection):
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except (ConnectionResetError, socket.timeout):
        pass
    return data


def raw(text, timeout=20):
    with connect(timeout) as connection:
        connection.sendall(text.encode() if isinstance(text, str) else text)
        return receive(connection)


def status(answer):
    return answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/") else "none"


def refused(kind, **arguments):
    try:
        client.chat.completions.create(**{"model": model, "messages": messages, **arguments})
    except kind as error:
        return error
    return None


def wait_until(condition, seconds):
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.02)
    return None


# The client.
model = client.models.list().data[0].id
check("models are listed", client.models.retrieve(model).id == model, model)
messages = [{"role": "user", "content": QUESTION}]
whole = client.chat.completions.create(model=model, messages=messages)
text = whole.choices[0].message.content
check("a chat is answered", bool(text) and whole.usage.total_tokens > whole.usage.prompt_tokens, repr(text))
stream = client.chat.completions.create(
    model=model, messages=messages, stream=True, stream_options={"include_usage": True})
parts, finish, usage = [], None, None
for chunk in stream:
    usage = chunk.usage or usage
    for choice in chunk.choices:
        parts.append(choice.delta.content or "")
        finish = choice.finish_reason or finish
check("a stream gives the same text", "".join(parts) == text and len(parts) > 2, f"{len(parts)} parts")
check("a stream says how it ended and what it used", finish == whole.choices[0].finish_reason and usage == whole.usage)
# Raw text is continued as it stands, without the template of a chat.
plain = client.completions.create(model=model, prompt=QUESTION)
continued = plain.choices[0].text
check("a completion continues raw text", plain.choices[0].finish_reason in ("stop", "length")
      and plain.usage.total_tokens > plain.usage.prompt_tokens, repr(continued))
plain = client.completions.create(model=model, prompt=QUESTION, stream=True)
check("a completion is streamed", "".join(c.text for chunk in plain for c in chunk.choices) == continued)
several = client.completions.create(model=model, prompt=[QUESTION, QUESTION.split(".")[0]])
check("several prompts are answered in order", [c.index for c in several.choices] == [0, 1] and several.choices[0].text == continued)
echo = client.completions.create(model=model, prompt=QUESTION, echo=True)
check("an echo comes before the text", echo.choices[0].text == f"{QUESTION} {continued}", repr(echo.choices[0].text))
word = text.split()[3]
stopped = client.chat.completions.create(model=model, messages=messages, stop=[word]).choices[0]
check("a stop string ends the text before it",
      stopped.message.content == text.split(word)[0] and stopped.finish_reason == "stop")
cut = client.chat.completions.create(model=model, messages=messages, max_tokens=5)
check("max_tokens cuts the text", cut.usage.completion_tokens == 5 and cut.choices[0].finish_reason == "length")
other = client.chat.completions.create(
    model=model, messages=messages, extra_body={"d3llm": {"method": "vanilla", "options": {"earlyStop": True}}})
check("another method can be asked for", other.d3llm["method"] == "vanilla", f"NFE {other.d3llm['nfe']}")

# What is refused.
error = refused(openai.NotFoundError, model="nobody")
check("an unknown model is 404", error is not None and model in error.message)
error = refused(openai.BadRequestError, n=2)
check("n is refused by its name", error is not None and error.param == "n")
error = refused(openai.BadRequestError, logprobs=True)
check("log-probabilities of a masked-diffusion model are refused with the reason",
      error is not None and error.param == "logprobs" and "no one log-probability per token" in error.message)
error = refused(openai.BadRequestError, messages=[])
check("no messages are refused", error is not None and error.param == "messages")
error = refused(openai.BadRequestError, extra_body={"d3llm": {"options": {"treshold": 1}}})
check("a wrong option names the nearest", error is not None and '"threshold"' in error.message)
error = refused(openai.BadRequestError, max_tokens=10_000_000)
check("too many tokens are refused", error is not None and error.param == "max_tokens")

# Concurrency and cancelled requests.
slots = health()["slots"]
busy = [client.chat.completions.create(model=model, messages=messages, stream=True, extra_body=LONG) for _ in range(slots)]
wait_until(lambda: health()["decoding"] == slots, 5)
try:
    client.chat.completions.create(model=model, messages=messages)
    check("more than the slots are refused with 429", False)
except openai.RateLimitError as error:
    check("more than the slots are refused with 429", error.response.headers.get("retry-after") == "1")
check("the rest is answered meanwhile", health()["decoding"] == slots)
for each in busy:
    each.close()
seconds = wait_until(lambda: health()["decoding"] == 0, 5)
check("streams of clients that left stop within a second", seconds is not None and seconds < 1,
      f"{seconds if seconds is None else round(seconds, 2)} s")
before = health()["cancelled"]
body = json.dumps({"model": model, "messages": messages, **LONG}).encode()
head = f"Host: {address.netloc}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
with connect() as connection:
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\n" + head + body)
    started = wait_until(lambda: health()["decoding"] == 1, 5)
seconds = wait_until(lambda: health()["decoding"] == 0, 5)
check("an answer in one piece stops too when its client leaves",
      started is not None and seconds is not None and seconds < 1 and health()["cancelled"] > before,
      f"{seconds if seconds is None else round(seconds, 2)} s")

# The protocol.
host = f"Host: {address.netloc}\r\n"
check("a foreign host is refused", status(raw("GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")) == "421")
check("a foreign origin is refused",
      status(raw(f"GET /health HTTP/1.1\r\n{host}Origin: http://evil.example\r\nConnection: close\r\n\r\n")) == "403")
check("a form isn't taken", status(raw(
    f"POST /api/decode HTTP/1.1\r\n{host}Connection: close\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{{}}")) == "415")
for path in ["/../etc/passwd", "/%2e%2e/etc/passwd", "/page.js/", "//etc/passwd", "/assets/page.js"]:
    check(f"{path} isn't there", status(raw(f"GET {path} HTTP/1.1\r\n{host}Connection: close\r\n\r\n")) == "404")
check("a large body is refused before it is sent", status(raw(
    f"POST /api/decode HTTP/1.1\r\n{host}Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n")) == "413")
check("a long head is refused", status(raw(f"GET / HTTP/1.1\r\n{host}X: {'a' * 40000}\r\n\r\n")) == "431")
check("many headers are refused", status(raw(
    f"GET / HTTP/1.1\r\n{host}" + "".join(f"X{i}: 1\r\n" for i in range(200)) + "\r\n")) == "431")
check("two lengths are refused", status(raw(
    f"POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n")) == "400")
check("chunked bodies are refused", status(raw(
    f"POST /api/decode HTTP/1.1\r\n{host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")) == "411")
check("what isn't HTTP is refused", status(raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n")) == "400")
start = time.monotonic()
with connect(30) as connection:
    stop = threading.Event()

    def drip():
        try:
            for byte in b"GET / HTTP/1.1\r\n" + b"X-Slow: " + b"a" * 1000:
                if stop.wait(0.3):
                    return
                connection.sendall(bytes([byte]))
        except OSError:
            pass

    thread = threading.Thread(target=drip)
    thread.start()
    answer = receive(connection)
    stop.set()
    thread.join()
check("a head that drips is ended", status(answer) == "408" and time.monotonic() - start < 15,
      f"{time.monotonic() - start:.1f} s")
idle = [connect() for _ in range(70)]
time.sleep(0.3)
extra = status(raw(f"GET /health HTTP/1.1\r\n{host}\r\n"))
check("connections are limited", extra in ("503", "none"), extra)
for each in idle:
    each.close()
check("and are there again afterwards", wait_until(lambda: health()["connections"] < 5, 5) is not None)

print("failed: " + str(failures) if failures else "all passed")
sys.exit(1 if failures else 0)
