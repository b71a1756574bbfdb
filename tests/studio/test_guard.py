"""Attacks on the studio from other pages, other hosts' names and other users of the machine."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from orchestrion.studio.app import create_app
from orchestrion.studio.guard import MOST_BODY_BYTES
from tests.studio.conftest import BASE, PORT, TUNE, Page
from tests.studio.served import Served


def outside() -> TestClient:
    return TestClient(create_app(PORT), base_url=BASE, headers={"origin": BASE})


@pytest.mark.parametrize(
    "host",
    [b"evil.example:{}", b"127.0.0.1.evil.example:{}", b"127.0.0.1", b"127.0.0.1:80", b"user@127.0.0.1:{}", b"[::1]:{}", b"0.0.0.0:{}",
     b"evil.example\r\nHost: 127.0.0.1:{}", b"127.0.0.1:{}\r\nHost: evil.example", b"localhost.:{}", b""],
)  # fmt: skip
def test_a_rebound_name_is_refused(served: Served, host: bytes) -> None:
    named = host.replace(b"{}", str(served.port).encode())
    answer = served.raw(
        b"GET / HTTP/1.1\r\nHost: " + named + b"\r\nCookie: " + served.cookie.encode() + b"\r\nConnection: close\r\n\r\n"
    )
    assert answer.split()[1] in (b"421", b"400"), answer[:200]
    assert b"<canvas" not in answer


def test_a_host_in_the_request_line_does_not_help(served: Served) -> None:
    own = f"127.0.0.1:{served.port}".encode()
    answer = served.raw(b"GET http://evil.example/ HTTP/1.1\r\nHost: " + own + b"\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] in (b"403", b"404")
    cookie = b"\r\nCookie: " + served.cookie.encode() + b"\r\nConnection: close\r\n\r\n"
    assert served.raw(b"GET //evil.example/ HTTP/1.1\r\nHost: " + own + cookie).split()[1] == b"404"
    answer = served.raw(b"GET / HTTP/1.0\r\nCookie: " + served.cookie.encode() + b"\r\n\r\n")
    assert answer.split()[1] == b"421"


def test_forwarded_hosts_are_not_believed(served: Served) -> None:
    status, _ = served.ask("GET", "/api/takes", Host="evil.example", X_Forwarded_Host=f"127.0.0.1:{served.port}")
    assert status == 421


def test_localhost_is_us(served: Served) -> None:
    assert served.ask("GET", "/", Host=f"localhost:{served.port}")[0] == 200


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", f"http://127.0.0.1:{PORT + 1}", f"https://127.0.0.1:{PORT}", f"{BASE}.evil.example", ""])
def test_other_origins_change_nothing(page: Page, origin: str | None) -> None:
    page.client.headers.pop("origin")
    headers = {} if origin is None else {"origin": origin}
    for method, path in (("POST", "/api/tune"), ("POST", "/api/render"), ("POST", "/api/cancel"), ("POST", "/api/open?kind=.mid"), ("DELETE", "/api/takes/1")):
        answer = page.client.request(method, path, headers=headers, json={"name": "ode-to-joy", "score": TUNE, "job": 1})
        assert answer.status_code == 403, (method, path, answer.text)


def test_other_sites_read_nothing(page: Page) -> None:
    for site in ("cross-site", "same-site"):
        assert page.client.get("/api/takes", headers={"sec-fetch-site": site}).status_code == 403
    assert page.client.get("/api/takes", headers={"sec-fetch-site": "same-origin"}).status_code == 200


def test_a_form_of_another_site_cannot_pass_for_json(page: Page) -> None:
    answer = page.client.post("/api/tune", content=b'{"name": "ode-to-joy"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 422


def test_without_the_link_there_is_nothing() -> None:
    with outside() as client:
        for path in ("/", "/api/about", "/api/takes", "/main.js", "/studio.css", "/?token=", "/?token=guess", "/?token=%ff%00é"):
            answer = client.get(path)
            assert answer.status_code == 403, path
            assert "set-cookie" not in answer.headers
        client.cookies.set(f"orchestrion-studio-{PORT}", "guess")
        assert client.get("/").status_code == 403


def test_a_link_works_once_and_the_next_is_told_to_the_terminal_only() -> None:
    links: list[str] = []
    app = create_app(PORT, links.append)
    link = app.link.removeprefix(BASE)
    with TestClient(app, base_url=BASE) as first:
        answer = first.get(link)
        assert answer.status_code == 200 and links == [app.link] and link not in links[0]
        assert links[0].partition("token=")[2] not in answer.text
        assert first.get("/").status_code == 200
        cookies = answer.headers["set-cookie"].lower()
        assert "httponly" in cookies and "samesite=strict" in cookies and "domain" not in cookies
    with TestClient(app, base_url=BASE) as second:
        assert second.get(link).status_code == 403
        assert second.get(app.link.removeprefix(BASE)).status_code == 200


def test_the_cookie_of_another_session_is_nothing(page: Page) -> None:
    with outside() as client:
        client.cookies = page.client.cookies
        assert client.get("/").status_code == 403


def test_every_answer_carries_its_headers(page: Page) -> None:
    answers = [page.client.get(path) for path in ("/", "/main.js", "/api/about", "/no-such")]
    answers += [page.client.get("/", headers={"host": "evil.example"}), page.client.post("/api/tune", content=b"{"), outside().get("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert "script-src 'self';" in policy and "style-src 'self';" in policy and "require-trusted-types-for 'script'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers and "access-control-allow-origin" not in answer.headers


def test_the_page_has_nothing_inline_and_fetches_nothing_from_elsewhere(page: Page) -> None:
    html = page.client.get("/").text
    assert "<style" not in html and " style=" not in html and " onclick" not in html
    assert all("src=" in tag.partition(">")[0] for tag in html.split("<script")[1:])
    assert "https:" not in html and "http:" not in html
    assert "http" not in page.client.get("/studio.css").text


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/app.py", "/page/main.js", "/..%2f..%2fetc%2fpasswd", "/etc/passwd", "/index.html",
             "/api/takes/../../app.py", "/api/takes/1/..%2fwav", "/api/takes/-1/wav", "/api/takes/1e9/wav"],
)  # fmt: skip
def test_no_path_leads_to_a_file(page: Page, path: str) -> None:
    assert page.client.get(path).status_code in (404, 405, 422)


def test_a_large_body_is_refused_whether_it_says_so_or_not(served: Served) -> None:
    status, text = served.ask("POST", "/api/open?kind=.mid", Content_Length=str(MOST_BODY_BYTES + 1))
    assert status == 413 and len(text.splitlines()) == 1
    connection = served.connect()
    block = b"x" * (1 << 20)
    chunks = (block for _ in range((MOST_BODY_BYTES >> 20) + 2))
    try:
        connection.request("POST", "/api/open?kind=.mid", chunks, served.headers(Transfer_Encoding="chunked"), encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused while it was still being sent
    finally:
        connection.close()
    assert served.ask("GET", "/api/takes")[0] == 200
